import { spawn } from "node:child_process";
import { existsSync } from "node:fs";

/** Runs git in one repository. The seam at which a test can fail or stop the n-th step. */
export interface Git {
  readonly gitDir: string;
  /** Gives standard output. Rejects with `GitFailed` on any other exit than 0. */
  run(args: readonly string[], input?: Uint8Array | string): Promise<string>;
}

export class GitFailed extends Error {
  readonly code: "git_missing" | "git_failed";
  readonly exit: number | null;
  readonly pid: number | null;
  constructor(code: GitFailed["code"], message: string, exit: number | null, pid: number | null) {
    super(message);
    this.name = "GitFailed";
    this.code = code;
    this.exit = exit;
    this.pid = pid;
  }
}

/** Far beyond any honest run; a process that hangs on a dead disk must not keep the queue for ever. */
const TIMEOUT_MS = 60_000;

/**
 * Git with everything off by which a repository could make it run a program or read another's settings. The repository
 * is in the reach of whoever can write the vault, so its configuration is not trusted; what is set here outranks it.
 */
const HARDENED = Object.entries({
  "core.hooksPath": "/dev/null",
  // Hooks that are named in the configuration (git 2.54 and later) do not obey core.hooksPath.
  "hook.reference-transaction.enabled": "false",
  "hook.post-index-change.enabled": "false",
  "hook.pre-auto-gc.enabled": "false",
  "core.fsmonitor": "false",
  "core.attributesFile": "/dev/null",
  "core.excludesFile": "/dev/null",
  "core.useReplaceRefs": "false",
  "core.splitIndex": "false",
  "core.sshCommand": "false",
  "protocol.allow": "never",
  "credential.helper": "",
  "commit.gpgSign": "false",
  "tag.gpgSign": "false",
  "gc.auto": "0",
  "maintenance.auto": "false",
  // A power cut must not leave a person's branch pointing at an object that never reached the disk.
  "core.fsync": "all",
  "fastimport.unpackLimit": "100",
  "i18n.logOutputEncoding": "UTF-8",
}).flatMap(([key, value]) => ["-c", `${key}=${value}`]);

export interface Place {
  readonly gitDir: string;
  readonly workTree: string;
  /** Where to look for the git program, as in `PATH`. */
  readonly path: string;
  /** Objects and index of another repository, for working on them without its configuration. */
  readonly objects?: string;
  readonly index?: string;
}

/**
 * Nothing of the caller's environment reaches git but where to find it, so that no stray `GIT_DIR` or
 * `GIT_CONFIG_COUNT` can redirect it.
 */
export function hardenedGit(place: Place): Git {
  const env = {
    PATH: place.path,
    LC_ALL: "C",
    // Named outright, git neither searches upwards nor asks whose the directory is (safe.directory).
    GIT_DIR: place.gitDir,
    GIT_WORK_TREE: place.workTree,
    ...(place.objects === undefined ? {} : { GIT_OBJECT_DIRECTORY: place.objects }),
    ...(place.index === undefined ? {} : { GIT_INDEX_FILE: place.index }),
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_SYSTEM: "/dev/null",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_ATTR_NOSYSTEM: "1",
    GIT_NO_REPLACE_OBJECTS: "1",
    GIT_GRAFT_FILE: "/dev/null",
    GIT_OPTIONAL_LOCKS: "0",
    GIT_TERMINAL_PROMPT: "0",
    // A partial clone would fetch a missing object by whatever its configuration names.
    GIT_NO_LAZY_FETCH: "1",
    GIT_ALLOW_PROTOCOL: "none",
    GIT_SSH_COMMAND: "false",
    GIT_AUTHOR_NAME: "Countersign",
    GIT_AUTHOR_EMAIL: "countersign@localhost",
    GIT_COMMITTER_NAME: "Countersign",
    GIT_COMMITTER_EMAIL: "countersign@localhost",
  };
  return {
    gitDir: place.gitDir,
    run(args, input = "") {
      const { promise, resolve, reject } = Promise.withResolvers<string>();
      const child = spawn("git", ["--no-pager", "--literal-pathspecs", ...HARDENED, ...args], {
        cwd: place.workTree,
        env,
        stdio: "pipe",
        // SIGTERM lets git remove its own lock files; a kill would leave them in the person's repository.
        timeout: TIMEOUT_MS,
        killSignal: "SIGTERM",
        // Its own process group, so that Ctrl-C in the daemon's terminal does not break off a commit half-way.
        detached: process.platform !== "win32",
        windowsHide: true,
      });
      const output: Buffer[] = [];
      const errors: Buffer[] = [];
      child.stdout.on("data", (chunk: Buffer) => output.push(chunk));
      child.stderr.on("data", (chunk: Buffer) => errors.push(chunk));
      // A git that stops early closes its end; its exit code and standard error say why.
      child.stdin.on("error", () => {});
      child.stdin.end(input);
      child.on("error", (error: NodeJS.ErrnoException) => {
        const missing = error.code === "ENOENT" && existsSync(place.workTree);
        reject(new GitFailed(missing ? "git_missing" : "git_failed", error.message, null, null));
      });
      child.on("close", (exit, signal) => {
        if (exit === 0) return resolve(Buffer.concat(output).toString("utf8"));
        const said = Buffer.concat(errors).toString("utf8").trim().slice(0, 2_000);
        const how = signal === null ? `exit ${exit}` : `stopped by ${signal}`;
        reject(new GitFailed("git_failed", `git ${args[0]}: ${said || how}`, exit, child.pid ?? null));
      });
      return promise;
    },
  };
}
