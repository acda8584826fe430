/**
 * Starts commands for the daemon: a small program of its own, started once and kept waiting (see command-link.ts).
 *
 * Why not start them in the daemon: starting a process copies the parent's page tables while the parent stands still,
 * so it grows with the daemon's memory and stops its loop. This process stays small, so a start costs the same always.
 * It is given an empty environment, which is also why nothing of the daemon's can leak into a command.
 *
 * When the daemon dies, this program stays until its last command has ended: it goes on reading their output, so that
 * no command is stopped half-way by a broken pipe, and it still ends those that overrun their time. Ending them with the
 * daemon instead would turn effects that would have been completed into half-done ones; their outcome is unknown to
 * the next daemon in either case.
 *
 * It imports `node:child_process` and nothing else, to stay small.
 */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";

export interface StartOrder {
  readonly type: "start";
  readonly job: number;
  /** Argument vector: program first, never seen by a shell. */
  readonly run: readonly string[];
  readonly cwd: string;
  /** All that the command finds in its environment. */
  readonly env: Readonly<Record<string, string>>;
  /** What it reads on standard input, before end of file. */
  readonly input: string;
  readonly timeout_ms: number;
  /** Between SIGTERM and SIGKILL, in milliseconds. */
  readonly kill_grace_ms: number;
  /** How long output may stay open after the command's own end, in milliseconds. */
  readonly output_grace_ms: number;
  /** How many bytes of standard output are kept; the rest is read and dropped. */
  readonly output_limit_bytes: number;
  /** How many bytes of standard error are kept, from its end. */
  readonly error_limit_bytes: number;
}

interface StopOrder {
  readonly type: "stop";
  readonly job: number;
}

export type Order = StartOrder | StopOrder;

/** `code` is the system's (ENOENT, EACCES …). Nothing was executed. */
export interface NotStarted {
  readonly type: "not_started";
  readonly job: number;
  readonly code: string;
}

export interface Ended {
  readonly type: "ended";
  readonly job: number;
  /** Null when a signal ended it, and when it could not be ended at all. */
  readonly code: number | null;
  readonly signal: string | null;
  /** Why it was ended from here; null when it ended by itself. */
  readonly stopped: "timeout" | "abort" | null;
  /** The kept head of standard output, as valid Unicode. */
  readonly stdout: string;
  /** All that it wrote, in bytes, kept or not. */
  readonly stdout_bytes: number;
  /** The kept tail of standard error, as valid Unicode. */
  readonly stderr: string;
  /** Whether there was more before that. */
  readonly stderr_cut: boolean;
}

export type Reply =
  | { readonly type: "ready" }
  | { readonly type: "started"; readonly job: number; readonly pid: number }
  | NotStarted
  | Ended;

interface Running {
  readonly order: StartOrder;
  readonly child: ChildProcessWithoutNullStreams;
  /** Also the id of its process group. */
  readonly pid: number;
  readonly timer: NodeJS.Timeout;
  readonly output: Kept;
  readonly errors: Kept;
  stopped: Ended["stopped"];
}

/** What is kept of a stream, and how many bytes there were. */
interface Kept {
  chunks: Buffer[];
  total: number;
}

const POLL_MS = 20;
/** After SIGKILL only a process stuck in the kernel, or one of another user, is left; waiting longer is no use. */
const KILLED_WITHIN_MS = 1_000;
/** Killed orphans stay listed until their new parent asks after them, and in some containers it never does. */
const ORPHANS_WITHIN_MS = 100;

const running = new Map<number, Running>();

process.on("message", (order: Order) => (order.type === "start" ? start(order) : stop(order.job, "abort")));
process.on("disconnect", exitWhenIdle);
// A service manager and a terminal signal all of the daemon's processes at once. The daemon decides when this one goes.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
reply({ type: "ready" });

function start(order: StartOrder): void {
  const { job, run, cwd, env } = order;
  const [program = "", ...args] = run;
  try {
    // Detached: a session and process group of its own, so that it can be ended with everything it started.
    const child = spawn(program, args, { cwd, env, detached: true, stdio: ["pipe", "pipe", "pipe"] });
    if (child.pid === undefined) child.once("error", (error) => notStarted(job, error));
    else watch(order, child, child.pid);
  } catch (error) {
    notStarted(job, error);
  }
}

function notStarted(job: number, error: unknown): void {
  const code = error instanceof Error && "code" in error ? String(error.code) : "unknown error";
  reply({ type: "not_started", job, code });
}

function watch(order: StartOrder, child: ChildProcessWithoutNullStreams, pid: number): void {
  const { job } = order;
  const timer = setTimeout(() => stop(job, "timeout"), order.timeout_ms);
  const output: Kept = { chunks: [], total: 0 };
  const errors: Kept = { chunks: [], total: 0 };
  const started: Running = { order, child, pid, timer, output, errors, stopped: null };
  running.set(job, started);
  reply({ type: "started", job, pid });

  child.stdout.on("data", (chunk: Buffer) => keepHead(output, chunk, order.output_limit_bytes));
  child.stderr.on("data", (chunk: Buffer) => keepTail(errors, chunk, order.error_limit_bytes));
  // A command need not read its input, nor outlive the writing of it; how it ends says what came of it.
  for (const stream of child.stdio) stream?.on("error", () => {});
  child.on("error", () => {});
  child.stdin.end(order.input);

  child.once("exit", () => {
    clearTimeout(timer);
    if (started.stopped !== null) return;
    // What it left running in the background may hold its output open for ever, and is no part of its outcome.
    const late = setTimeout(() => settle(started), order.output_grace_ms);
    child.once("close", () => {
      clearTimeout(late);
      settle(started);
    });
  });
}

/** Ends the command with all processes of its group: asked first, then made to. */
async function stop(job: number, why: "timeout" | "abort"): Promise<void> {
  const found = running.get(job);
  if (found === undefined || found.stopped !== null || hasEnded(found.child)) return;
  found.stopped = why;
  clearTimeout(found.timer);
  signalGroup(found.pid, "SIGTERM");
  if (!(await groupGone(found.pid, found.order.kill_grace_ms))) {
    signalGroup(found.pid, "SIGKILL");
    await groupGone(found.pid, ORPHANS_WITHIN_MS);
    if (!hasEnded(found.child)) await groupGone(found.pid, KILLED_WITHIN_MS);
  }
  settle(found);
}

function hasEnded(child: ChildProcessWithoutNullStreams): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/** There is no event for the end of a process group. It cannot be mistaken: its id is not given out while one is left. */
async function groupGone(pid: number, within_ms: number): Promise<boolean> {
  for (const end = performance.now() + within_ms; performance.now() < end; ) {
    if (!signalGroup(pid, 0)) return true;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  return !signalGroup(pid, 0);
}

/** Whether the group still has a process; one that belongs to another user counts too. */
function signalGroup(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-pid, signal);
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

function settle({ order, child, output, errors, stopped }: Running): void {
  if (!running.delete(order.job)) return;
  for (const stream of child.stdio) stream?.destroy();
  child.unref();
  reply({
    type: "ended",
    job: order.job,
    code: child.exitCode,
    signal: child.signalCode,
    stopped,
    stdout: headText(output, order.output_limit_bytes),
    stdout_bytes: output.total,
    stderr: tailText(errors),
    stderr_cut: errors.total > order.error_limit_bytes,
  });
  exitWhenIdle();
}

function exitWhenIdle(): void {
  if (!process.connected && running.size === 0) process.exit();
}

function keepHead(kept: Kept, chunk: Buffer, limit: number): void {
  const room = limit - kept.total;
  if (room > 0) kept.chunks.push(chunk.subarray(0, room));
  kept.total += chunk.length;
}

function keepTail(kept: Kept, chunk: Buffer, limit: number): void {
  // A copy, so that a few bytes do not hold on to the whole chunk.
  kept.chunks = [Buffer.from(Buffer.concat([...kept.chunks, chunk]).subarray(-limit))];
  kept.total += chunk.length;
}

/** A character cut in two by the limit is left out; other bytes that are no UTF-8 become U+FFFD. */
function headText({ chunks, total }: Kept, limit: number): string {
  return new TextDecoder().decode(Buffer.concat(chunks), { stream: total > limit });
}

function tailText({ chunks, total }: Kept): string {
  const bytes = Buffer.concat(chunks);
  let from = 0;
  if (total > bytes.length) while (from < 3 && ((bytes[from] ?? 0) & 0xc0) === 0x80) from += 1;
  return new TextDecoder().decode(bytes.subarray(from));
}

function reply(message: Reply): void {
  // With the daemon gone there is nobody to tell.
  if (process.connected) process.send?.(message, undefined, undefined, () => {});
}
