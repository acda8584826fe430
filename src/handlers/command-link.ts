import { type ChildProcess, spawn } from "node:child_process";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import type { Ended, NotStarted, Order, Reply, StartOrder } from "./command-spawner.ts";

/** The spawner is gone, or was let go, and with it the knowledge of what came of the command. */
export interface Lost {
  readonly type: "lost";
  /** The command's process id; null when it is not even known whether it was started. */
  readonly pid: number | null;
}

export type Report = Pick<NotStarted, "type" | "code"> | Ended | Lost;

export type CommandOrder = Omit<StartOrder, "type" | "job">;

export interface StartedCommand {
  /** Never rejects. */
  readonly report: Promise<Report>;
  /** Ends the command with everything it started; `report` tells when that is done. */
  stop(): void;
}

/** The daemon's side of the spawner process. */
export interface CommandLink {
  start(order: CommandOrder): StartedCommand;
  /** Lets the spawner go. Commands that still run are reported as lost, and end by themselves within their time. */
  close(): void;
}

interface Connection {
  readonly spawner: ChildProcess;
  /** Never settles for a spawner that ends before it can take orders. */
  readonly ready: Promise<void>;
  readonly waiting: Map<number, Waiting>;
}

interface Waiting {
  pid: number | null;
  readonly watchdog: NodeJS.Timeout;
  readonly resolve: (report: Report) => void;
}

/** How long after a command should be over, in milliseconds, a silent spawner counts as stuck. */
const STUCK_AFTER_MS = 10_000;

const NO_SPAWNER = "its helper process could not be started";

/** Node's timers cannot wait longer: 24.8 days, in milliseconds. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Starts the spawner at once, so that it is warm when the first command is due; starts another when it dies. */
export function openCommandLink(stuck_after_ms = STUCK_AFTER_MS): CommandLink {
  let jobs = 0;
  let closed = false;
  let current: Connection | null = connect();

  function connect(): Connection | null {
    try {
      const connection = startSpawner((wasReady) => {
        if (current === connection) current = null;
        // One that never became ready would only fail again; then the next command tries.
        if (wasReady && !closed) current ??= connect();
      });
      return connection;
    } catch {
      return null; // the system gives no process now; what is asked for meanwhile has failed, and says so
    }
  }

  function start(order: CommandOrder): StartedCommand {
    if (closed) return notStarted("Countersign is shutting down");
    current ??= connect();
    if (current === null) return notStarted(NO_SPAWNER);
    jobs += 1;
    return startCommand(current, jobs, order, stuck_after_ms);
  }

  function close(): void {
    closed = true;
    if (current === null) return;
    if (current.spawner.connected) current.spawner.disconnect();
  }

  return { start, close };
}

function notStarted(code: string): StartedCommand {
  return { report: Promise.resolve({ type: "not_started", code }), stop: () => {} };
}

/** `onEnd` is told of the spawner's end, and whether it ever was ready, before anyone waiting for a command is. */
function startSpawner(onEnd: (wasReady: boolean) => void): Connection {
  // From sources this file ends in .ts, which every Node.js that Countersign runs on takes as it is.
  const program = fileURLToPath(new URL(`./command-spawner${extname(import.meta.url)}`, import.meta.url));
  // It makes little garbage: a small young generation keeps it small, and with it every start cheap.
  const spawner = spawn(process.execPath, ["--max-semi-space-size=1", program], {
    env: {},
    cwd: "/",
    stdio: ["ignore", "ignore", "ignore", "ipc"],
  });
  const waiting = new Map<number, Waiting>();
  let isReady = false;
  const ready = new Promise<void>((resolve) => {
    spawner.on("message", (reply: Reply) => {
      if (reply.type === "ready") {
        isReady = true;
        resolve();
      } else if (reply.type === "started") noteStarted(waiting, reply.job, reply.pid);
      else finish(connection, reply.job, reply);
    });
  });
  let ended = false;
  const end = () => {
    if (ended) return;
    ended = true;
    onEnd(isReady);
    // Before it was ready it took no order, so nothing can have happened.
    for (const [job, { pid }] of [...waiting]) {
      finish(connection, job, isReady ? { type: "lost", pid } : { type: "not_started", code: NO_SPAWNER });
    }
  };
  // Not "exit": what it said last is still to be read then.
  spawner.once("disconnect", end);
  spawner.on("error", () => (spawner.connected ? spawner.disconnect() : end()));
  const connection: Connection = { spawner, ready, waiting };
  hold(connection);
  return connection;
}

function noteStarted(waiting: Map<number, Waiting>, job: number, pid: number): void {
  const entry = waiting.get(job);
  if (entry !== undefined) entry.pid = pid;
}

function startCommand(
  connection: Connection,
  job: number,
  order: CommandOrder,
  stuck_after_ms: number,
): StartedCommand {
  const { spawner, ready, waiting } = connection;
  const due_ms = order.timeout_ms + order.kill_grace_ms + order.output_grace_ms + stuck_after_ms;
  const report = new Promise<Report>((resolve) => {
    // The report may be there, unread, when this loop was the one that stood still: so look once more, then judge.
    const kill = () => setImmediate(() => waiting.has(job) && spawner.kill("SIGKILL"));
    waiting.set(job, {
      pid: null,
      watchdog: setTimeout(kill, Math.min(due_ms, LONGEST_TIMER_MS)),
      resolve,
    });
  });
  hold(connection);
  const send = (message: Order) => {
    // A sending that fails is followed by the spawner's end, which is handled above.
    if (waiting.has(job)) spawner.send(message, () => {});
  };
  ready.then(() => send({ ...order, type: "start", job }));
  return { report, stop: () => void ready.then(() => send({ type: "stop", job })) };
}

function finish(connection: Connection, job: number, report: Report): void {
  const entry = connection.waiting.get(job);
  if (entry === undefined) return;
  connection.waiting.delete(job);
  clearTimeout(entry.watchdog);
  entry.resolve(report);
  hold(connection);
}

/** An idle spawner keeps no program from ending; one with a command under way does. */
function hold({ spawner, waiting }: Connection): void {
  if (waiting.size > 0) {
    spawner.ref();
    spawner.channel?.ref();
  } else {
    spawner.unref();
    spawner.channel?.unref();
  }
}
