import { realpathSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { type FSWatcher, watch } from "chokidar";
import { remoteAt } from "./file-system.ts";
import { codeOf } from "./files.ts";

export interface Watcher {
  /** Resolves when the folders are watched, or when it is known that they cannot be. */
  readonly ready: Promise<void>;
  close(): Promise<void>;
}

export interface WatchListener {
  /** The path of a file that may have come, changed or gone: nobody has looked yet. */
  onFile(path: string): void;
  /** Changes may have gone unseen: everything has to be looked through once. */
  onGap(): void;
  /** Why changes are not told of, in a sentence: whoever uses this has to look often. Null when they are again. */
  onBlind(because: string | null): void;
  /** An error that changes nothing about what is watched. */
  onError(error: unknown): void;
}

export interface WatchOptions {
  /** What tells nobody about changes made elsewhere; null for an ordinary file system. */
  readonly remote?: (folder: string) => string | null;
  /** How often it is looked whether the folders are still the ones that are watched. */
  readonly check_ms?: number;
  /** After what time watching is tried again where the system refused it. */
  readonly retry_ms?: number;
}

/**
 * Watches the decision folders for hints. Events can be lost without an error, so whoever uses this also rescans. What
 * does not work at all is said: a system that watches no more folders, and file systems that tell of nothing.
 */
export function watchFolders(
  folders: readonly string[],
  listener: WatchListener,
  { remote = remoteAt, check_ms = 2_000, retry_ms = 60_000 }: WatchOptions = {},
): Watcher {
  let watcher: FSWatcher | null = null;
  let watched = "";
  let distant: string | null = null;
  let refused: string | null = null;
  let said: string | null = null;
  let retryAt = 0;
  let opening = false;
  let closed = false;

  function say(): void {
    const because = refused ?? distant;
    if (because === said) return;
    said = because;
    listener.onBlind(because);
  }

  /** Resolves when the folders are watched, or refused. */
  async function open(): Promise<void> {
    opening = true;
    refused = null;
    distant = distantReason(folders, remote);
    watched = identityOf(folders);
    // Of the files only the names are taken, as the system gives them: whoever listens looks at the file anyway. Otherwise
    // chokidar keeps each one in memory, and looks at every file of a folder whenever one is gone before it got to it,
    // which is so for every note that is decided: with 10,000 of them, for longer than the decision itself takes.
    const real = folders.map(realOf);
    const opened = watch(real, {
      depth: 0,
      followSymlinks: false,
      ignoreInitial: true,
      ignored: (path) => !real.includes(resolve(path)),
    });
    watcher = opened;
    opened.on("raw", (_, name, details) => {
      const folder = folders[real.indexOf(resolve((details as { watchedPath: string }).watchedPath))];
      if (folder === undefined) return;
      if (name === null) listener.onGap();
      else listener.onFile(join(folder, name));
    });
    opened.on("addDir", () => void check()).on("unlinkDir", () => void check());
    opened.on("error", (error) => (isRefusal(error) ? refuse(error) : listener.onError(error)));
    // It comes also when watching failed, behind the error.
    await new Promise<void>((resolve) => opened.once("ready", () => resolve()));
    opening = false;
    say();
  }

  function refuse(error: unknown): void {
    const limit = codeOf(error) === "EMFILE" ? "max_user_instances" : "max_user_watches";
    refused = `The system refuses to watch the vault's folders (${codeOf(error)}; its limit is \`fs.inotify.${limit}\`)`;
    retryAt = Date.now() + retry_ms;
    if (!opening) say();
  }

  /** A folder that was taken away and made again has the same name, and is another one: its watch is dead. */
  async function check(): Promise<void> {
    if (opening || closed) return;
    const due = refused === null ? identityOf(folders) !== watched : Date.now() >= retryAt;
    if (!due) return;
    opening = true;
    await watcher?.close();
    if (closed) return;
    await open();
    // Behind the opening: what happened before it nobody saw.
    if (!closed) listener.onGap();
  }

  const ready = open();
  const timer = setInterval(() => void check(), check_ms).unref();
  return {
    ready,
    async close() {
      closed = true;
      clearInterval(timer);
      await watcher?.close();
    },
  };
}

/** What a link in the folder's place leads to: the link itself tells of nothing. */
function realOf(folder: string): string {
  try {
    return realpathSync(folder);
  } catch {
    return resolve(folder);
  }
}

function distantReason(folders: readonly string[], remote: (folder: string) => string | null): string | null {
  const name = folders.map(remote).find((found) => found !== null);
  return name === undefined
    ? null
    : `The vault is on ${name}, which does not tell of changes that are made elsewhere`;
}

/** Which folders these are, not only what they are called; one that is missing counts as another one. */
function identityOf(folders: readonly string[]): string {
  return folders
    .map((folder) => {
      try {
        const { dev, ino, birthtimeNs } = statSync(folder, { bigint: true });
        // A number is given again to the next folder at once; the time of birth is not.
        return `${dev} ${ino} ${birthtimeNs}`;
      } catch {
        return "-";
      }
    })
    .join("\n");
}

/** Whether a folder cannot be watched, against one file that could not be looked at. */
function isRefusal(error: unknown): boolean {
  return error instanceof Error && "syscall" in error && error.syscall === "watch";
}
