import type { Configuration } from "../adapters/configuration/configuration.ts";
import type { Environment } from "../adapters/environment.ts";
import { openHistory } from "../adapters/git/history.ts";
import { historyMode } from "../adapters/git/repository.ts";
import type { Locations } from "../adapters/locations.ts";
import type { createChronicle } from "../daemon/chronicle.ts";
import type { Desk } from "../daemon/desk.ts";
import type { Log } from "../daemon/ports.ts";

/** The git history, or null where there is none; never in the way of a start. */
export async function startHistory(
  places: Locations,
  { git }: Configuration,
  chronicle: ReturnType<typeof createChronicle>,
  { env, log, desk }: { env: Environment; log: Log; desk: Desk },
) {
  const path = env.PATH ?? "";
  const home = await historyMode(places.vault, git, path);
  if (home.kind === "off") {
    if (home.because !== "configured") log.warn({ because: home.because }, "there is no git history");
    return null;
  }
  const history = openHistory({
    vaultDir: places.vault,
    stateDir: places.state,
    home,
    path,
    replay: chronicle.replay,
    isGenuine: chronicle.isGenuine,
    onProblem(problem) {
      const text = problem === null ? null : `${problem.message} ${problem.hint}`;
      if (text !== null) log.warn({ code: problem?.code }, text);
      desk.setNotice("history", text);
    },
  });
  chronicle.deliverTo(history.record);
  return history;
}
