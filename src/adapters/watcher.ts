import { basename } from "node:path";
import { watch } from "chokidar";

export interface Watcher {
  /** Resolves when the folders are watched. */
  readonly ready: Promise<void>;
  close(): Promise<void>;
}

/**
 * Watches the decision folders for hints: `onName` gets the base name of a file that may have changed. Events can be
 * lost without an error, so whoever uses this also rescans. `onFailure` is told when watching itself does not work.
 */
export function watchFolders(
  folders: readonly string[],
  onName: (name: string) => void,
  onFailure: (error: unknown) => void,
): Watcher {
  // chokidar's `atomic` stays at its default: without it a rename costs a re-read of the whole folder. Never
  // `awaitWriteFinish`: an incomplete text is simply no decision yet, and waiting would cost 200 ms and more.
  const watcher = watch([...folders], { depth: 0, followSymlinks: false, ignoreInitial: true });
  watcher.on("add", (path) => onName(basename(path)));
  watcher.on("change", (path) => onName(basename(path)));
  watcher.on("unlink", (path) => onName(basename(path)));
  watcher.on("error", onFailure);
  const ready = new Promise<void>((resolve) => {
    watcher.once("ready", () => resolve());
  });
  return { ready, close: () => watcher.close() };
}
