import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { createBacklog, type HistoryEntry, type Replay } from "./backlog.ts";
import { createPace, finalContents, inCommits, MAX_ENTRIES, toCommit } from "./batch.ts";
import { ownBranch, vaultBranch } from "./branch.ts";
import { type Cursor, cursorFile, type IsGenuine, lastInHistory } from "./cursor.ts";
import { type Git, hardenedGit, type Place } from "./git.ts";
import { importCommits, isPlainPath } from "./import.ts";
import { isolatedIndex } from "./isolated-index.ts";
import { codeOf, type HistoryProblem, historyProblem } from "./problem.ts";
import type { HistoryHome } from "./repository.ts";

export interface HistoryOptions {
  readonly vaultDir: string;
  readonly stateDir: string;
  readonly home: Exclude<HistoryHome, { kind: "off" }>;
  /** Where the git program is looked for, as in `PATH`. */
  readonly path: string;
  readonly replay: Replay;
  readonly isGenuine: IsGenuine;
  /** Told once when something begins to keep the history back, and null when that is over. */
  onProblem(problem: HistoryProblem | null): void;
  /** Stands between the history and git; for tests that make the n-th step fail. */
  readonly through?: (git: Git) => Git;
}

export interface History {
  /** Takes a record as it becomes durable; those already in the history are passed over. Never throws, never waits. */
  record(entry: HistoryEntry): void;
  /** The last journal record in the history; 0 when there is none. Waits until the repository could be read. */
  lastRecorded(): Promise<number>;
  /** Whether everything got into the history within the time. */
  flush(limitMs?: number): Promise<boolean>;
  /** Flushes, then stops; what is not in the history then is read from the journal at the next start. */
  close(limitMs?: number): Promise<boolean>;
  lag(): HistoryLag;
}

interface HistoryLag {
  readonly last: number;
  readonly waiting: number;
  /** Whether more is to be read from the journal. */
  readonly behind: boolean;
  readonly problem: HistoryProblem["code"] | null;
}

/** Git's own locks are held for milliseconds; a merge for minutes. */
const FIRST_RETRY_MS = 20;
const LAST_RETRY_MS = 2_000;
/** Somebody else's git command is no news; one that hangs is. */
const PATIENCE_MS = 300;
const FLUSH_MS = 5_000;
const GATHER_MS = 25;
/** A batch of so many is a crowd: behind it git rests for as long as it took. */
const CROWD = 32;
/** Often enough that loose objects and packs stay few, seldom enough not to be felt. */
const COMMITS_PER_TIDYING = 1_000;

/**
 * Keeps the git history up with the journal, off the path of decisions: begins by itself where the last run ended, waits
 * and tries again whatever git says, and never rejects into the daemon.
 */
export function openHistory(options: HistoryOptions): History {
  const { vaultDir, stateDir, home, path } = options;
  const gitDir = home.kind === "vault" ? home.gitDir : join(stateDir, "history.git");
  const through = options.through ?? ((git) => git);
  const make = (more: Partial<Place>) => through(hardenedGit({ gitDir, workTree: vaultDir, path, ...more }));
  const git = make({});
  const index = isolatedIndex(git, join(stateDir, "index.git"), make);
  const branch = home.kind === "vault" ? vaultBranch(git, index) : ownBranch(git);
  const file = cursorFile(join(stateDir, "history.json"), gitDir);
  const backlog = createBacklog(options.replay);
  const pace = createPace();
  const located = Promise.withResolvers<void>();
  const stop = new AbortController();

  let cursor: Cursor | null = null;
  /** The commit to build on; undefined when the branch has to be asked. */
  let parent: string | null | undefined;
  let isLocated = false;
  let untidied = COMMITS_PER_TIDYING;
  let problem: HistoryProblem["code"] | null = null;
  let running: Promise<void> | null = null;
  let gathering: NodeJS.Timeout | undefined;
  /** Ends the rest between two batches. */
  let hurry = () => {};
  const idle: (() => void)[] = [];

  wake();
  return { record, lastRecorded, flush, close, lag };

  function record(entry: HistoryEntry): void {
    if (stop.signal.aborted) return;
    if (!backlog.offer(entry)) report("behind");
    if (entry.changes.some((change) => !isPlainPath(change.path))) report("path_refused");
    // What belongs together is recorded within milliseconds; taken up together, it becomes one commit.
    gathering ??= setTimeout(wake, GATHER_MS);
  }

  function wake(): void {
    clearTimeout(gathering);
    gathering = undefined;
    running ??= run().finally(() => {
      running = null;
    });
  }

  async function run(): Promise<void> {
    let retryMs = FIRST_RETRY_MS;
    while (!stop.signal.aborted) {
      try {
        const began = performance.now();
        const taken = await turn();
        if (taken === 0) break;
        report(null);
        retryMs = FIRST_RETRY_MS;
        if (taken >= CROWD) await rest(performance.now() - began);
      } catch (error) {
        parent = undefined;
        const code = codeOf(error);
        if (code === "merging" || code === "git_missing" || retryMs > PATIENCE_MS) report(code, error);
        await delay(retryMs, undefined, { signal: stop.signal }).catch(() => {});
        retryMs = Math.min(retryMs * 2, LAST_RETRY_MS);
      }
    }
    if (stop.signal.aborted) return;
    report(null);
    for (const resolve of idle.splice(0)) resolve();
  }

  /** Otherwise git would keep a processor to itself, and its starts would hold up decisions. */
  async function rest(ms: number): Promise<void> {
    if (idle.length > 0 || stop.signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    hurry = resolve;
    await promise;
    clearTimeout(timer);
  }

  /** One batch; gives how many entries it took up. */
  async function turn(): Promise<number> {
    cursor ??= await begin();
    cursor = await settle(cursor);
    if (parent === undefined) cursor = await locate(cursor);
    const waiting = await backlog.next(MAX_ENTRIES);
    if (waiting.length === 0) return 0;
    branch.assertFree();
    await commit(cursor, parent ?? null, waiting);
    await tidy();
    return waiting.length;
  }

  async function begin(): Promise<Cursor> {
    if (home.kind === "separate" && !existsSync(join(gitDir, "HEAD"))) {
      await git.run(["-c", "init.defaultBranch=main", "init", "--quiet", "--template="]);
    }
    return file.read();
  }

  /** Where the branch stands and how far its history goes: at the start, and whenever somebody else moved it. */
  async function locate(at: Cursor): Promise<Cursor> {
    let now = at;
    let head = await branch.head();
    if (!isLocated || head !== at.commit) {
      now = { ...at, ...(await lastInHistory(git, at, options.isGenuine)) };
      if (!isLocated || now.seq !== at.seq) await backlog.startAfter(now.seq);
      // Asked again, so that as little time as possible lies between this answer and the compare-and-set.
      head = await branch.head();
    }
    parent = head;
    isLocated = true;
    located.resolve();
    return now;
  }

  async function commit(at: Cursor, onto: string | null, waiting: readonly HistoryEntry[]): Promise<void> {
    const groups = inCommits(waiting, pace.commits());
    const last = groups.at(-1)?.at(-1)?.record;
    if (last === undefined) throw new Error("unreachable: a batch has at least one entry");
    const commits = groups.map(toCommit);
    const begun = performance.now();
    const tip = await importCommits(git, onto, commits);
    pace.took(commits.length, performance.now() - begun);
    const contents = finalContents(commits);
    const unsettled = home.kind === "vault" ? { tip, paths: [...contents.keys()] } : null;
    if (unsettled !== null) await file.write({ ...at, unsettled });
    await branch.advance(tip, onto, contents);
    // From here on the commits themselves tell that they are there, should anything below fail.
    parent = tip;
    backlog.done(last.seq);
    cursor = { seq: last.seq, hash: last.hash, commit: tip, unsettled };
    await file.write(cursor);
    cursor = await settle(cursor);
    untidied += commits.length;
  }

  async function settle(at: Cursor): Promise<Cursor> {
    if (at.unsettled === null) return at;
    await branch.settle(at.unsettled.tip, at.unsettled.paths);
    const settled = { ...at, unsettled: null };
    await file.write(settled);
    return settled;
  }

  /** Only where nobody else does: in the vault's repository that is the person's own git. */
  async function tidy(): Promise<void> {
    if (home.kind === "vault" || untidied < COMMITS_PER_TIDYING) return;
    untidied = 0;
    await git.run(["-c", "gc.auto=6700", "-c", "gc.autoDetach=false", "gc", "--auto", "--quiet"]);
  }

  function report(code: HistoryProblem["code"] | null, cause: unknown = null): void {
    if (code === problem) return;
    problem = code;
    options.onProblem(code === null ? null : historyProblem(code, cause));
  }

  async function lastRecorded(): Promise<number> {
    await located.promise;
    return cursor?.seq ?? 0;
  }

  async function flush(limitMs = FLUSH_MS): Promise<boolean> {
    if (stop.signal.aborted) return false;
    const drained = new Promise<true>((resolve) => {
      idle.push(() => resolve(true));
    });
    hurry();
    wake();
    return withTimer(limitMs, drained);
  }

  async function close(limitMs = FLUSH_MS): Promise<boolean> {
    const isDrained = await flush(limitMs);
    stop.abort();
    located.resolve();
    if (running !== null) await withTimer(limitMs, running);
    await backlog.close();
    return isDrained;
  }

  function lag(): HistoryLag {
    return { last: cursor?.seq ?? 0, ...backlog.size(), problem };
  }
}

/** What the promise gives, or false when the time is over first. */
async function withTimer<T>(ms: number, promise: Promise<T>): Promise<T | false> {
  const timer = new AbortController();
  const late = delay(ms, false as const, { signal: timer.signal }).catch(() => false as const);
  const first = await Promise.race([promise, late]);
  timer.abort();
  return first;
}
