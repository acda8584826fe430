import { basename, dirname, join } from "node:path";
import type { Configuration } from "../adapters/configuration/configuration.ts";
import type { createLag } from "../adapters/lag.ts";
import type { Locations } from "../adapters/locations.ts";
import { watchFolders } from "../adapters/watcher.ts";
import type { Daemon } from "../daemon/daemon.ts";
import type { Desk } from "../daemon/desk.ts";
import type { Log } from "../daemon/ports.ts";

const DECISION_FOLDERS = ["pending", "approved", "rejected"] as const;

/** Tells the daemon which note to look at; what it does not hear of, the daemon finds by looking at everything. */
export function watchVault(
  places: Locations,
  { folders }: Configuration,
  { daemon, lag, log, desk }: { daemon: Daemon; lag: ReturnType<typeof createLag>; log: Log; desk: Desk },
) {
  return watchFolders(
    DECISION_FOLDERS.map((folder) => join(places.vault, folders[folder])),
    {
      onFile(path) {
        lag.note(path);
        const folder = DECISION_FOLDERS.find((one) => join(places.vault, folders[one]) === dirname(path));
        if (folder !== undefined) daemon.hint({ folder, name: basename(path) });
      },
      onGap: daemon.gap,
      onBlind(because) {
        const text =
          because === null ? null : `${because}, so the vault is looked through every few seconds instead.`;
        log.warn({}, text ?? "the vault's folders are watched again");
        desk.setNotice("watching", text);
        daemon.setWatched(because === null);
      },
      onError: (error) => log.warn({ err: error }, "the watcher could not look at a file"),
    },
  );
}
