import { existsSync, readFileSync } from "node:fs";
import type { Command } from "commander";
import { Fault } from "../../core/codes.ts";
import { parseDuration } from "../../core/duration.ts";
import { tellShadow } from "../../core/shadow.ts";
import type { Warning } from "../setup/agent-doctor.ts";
import { planOf } from "./command-agent-setup.ts";
import { AGENTS, WAIT_MS } from "./command-hook.ts";
import type { Context, Run } from "./context.ts";
import { EXIT } from "./exit-codes.ts";
import { line } from "./text.ts";

export function addDoctorCommand(program: Command, run: Run): void {
  program
    .command("doctor")
    .description("look for what keeps the gate of a coding agent from holding")
    .addHelpText(
      "after",
      `\nEnds with ${EXIT.refused} where an agent's tools may run without having been asked about.\n\nExample:\n  countersign doctor --vault ~/vault`,
    )
    .action(() => run(doctor));
}

async function doctor(context: Context): Promise<number> {
  const [{ settingsOf }, { agentWarnings, hint, UNSEEN }, { untrustedHooks }] = await Promise.all([
    import("../setup/agent-settings.ts"),
    import("../setup/agent-doctor.ts"),
    import("../setup/codex-trust.ts"),
  ]);
  const inShadow = tellShadow(await context.deps.kindsInShadow(context.options));
  const warnings: Warning[] = [
    ...(inShadow === null ? [] : [inShadow]),
    ...(await context.deps.toolActionGaps(context.options)),
    ...(await daemonWarnings(context)),
  ].map(hint);
  const gated: string[] = [];
  for (const agent of AGENTS) {
    for (const project of [false, true]) {
      const settings = settingsOf(agent, await planOf(context, { project }));
      const text = existsSync(settings.file) ? readFileSync(settings.file, "utf8") : null;
      warnings.push(...agentWarnings(agent, settings, text, waitIn, existsSync));
      if (text?.includes(agent) && !gated.includes(agent)) gated.push(agent);
    }
    if (gated.includes(agent) && UNSEEN[agent] !== undefined) warnings.push(hint(UNSEEN[agent]));
  }
  if (gated.includes("codex")) {
    const untrusted = await untrustedHooks(process.cwd(), { ...context.env });
    if (untrusted === null)
      warnings.push(
        hint("Codex could not be asked whether it trusts its hooks; untrusted ones are skipped."),
      );
    else if (untrusted.length > 0) {
      const says = `Codex does not trust its hooks (${untrusted.join(", ")}) and skips them: trust them under /hooks.`;
      warnings.push({ says, open: true });
    }
  }
  const known =
    gated.length === 0
      ? "No agent is set up here: `countersign setup AGENT --write` does that."
      : `Set up here: ${gated.join(", ")}.`;
  const holes = warnings.filter((one) => one.open);
  const others = warnings.filter((one) => !one.open);
  const lines = [
    known,
    ...(holes.length === 0 ? [] : ["The gate does not hold:", ...holes.map(told)]),
    ...(holes.length === 0 || others.length === 0 ? [] : ["To know as well:"]),
    ...others.map(told),
    ...(warnings.length === 0 ? ["Nothing was found."] : []),
  ];
  const says = (some: readonly Warning[]) => some.map((one) => one.says);
  context.print({ agents: gated, open: says(holes), warnings: says(warnings) }, lines.join("\n"));
  return holes.length === 0 ? EXIT.done : EXIT.refused;
}

function told({ says }: Warning): string {
  return `- ${line(says)}`;
}

/** What makes every call wait or a no, whoever makes it. */
async function daemonWarnings(context: Context): Promise<readonly string[]> {
  const client = await context.client();
  try {
    const { halted, clock_frozen } = await client.ask({ socket: "any", method: "GET", path: "/v1/health" });
    return [
      ...(halted === true
        ? ["All executions are halted: nothing that is approved begins before `countersign resume`."]
        : []),
      ...(clock_frozen === true
        ? ["The computer's clock was set: only a no counts before `countersign clock accept`."]
        : []),
    ];
  } catch (error) {
    if (!(error instanceof Fault && error.code === "unreachable")) throw error;
    return ["The daemon is not running, so every call is refused: start it with `countersign start`."];
  }
}

/** How long a hook of ours waits, by its words. */
function waitIn(words: string): number {
  const said = /--timeout[", ]+([0-9]+[a-z]+)/.exec(words)?.[1];
  return (said === undefined ? null : parseDuration(said)) ?? WAIT_MS;
}
