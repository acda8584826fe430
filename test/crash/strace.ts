import { spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** From the package of the same name; `whyNoStrace` tells where it is missing. */
const STRACE = "strace";

/** The kinds of system calls that a daemon may die before, with their names on all machines. */
const CALLS = {
  pwrite: ["pwrite64"],
  write: ["write"],
  fdatasync: ["fdatasync"],
  fsync: ["fsync"],
  link: ["link", "linkat"],
  unlink: ["unlink", "unlinkat"],
  rename: ["rename", "renameat", "renameat2"],
  open: ["open", "openat"],
  close: ["close"],
  mkdir: ["mkdir", "mkdirat"],
  truncate: ["ftruncate"],
  send: ["sendmsg", "sendto"],
  fork: ["fork", "vfork", "clone", "clone3"],
} as const satisfies Record<string, readonly string[]>;

export type Call = keyof typeof CALLS;

/** Death before the n-th call of one kind that one of the daemon's threads makes. */
export interface Point {
  readonly call: Call;
  readonly n: number;
}

/** One thread for files makes "the n-th call of a thread" a place in the story, and not a matter of luck. */
export const ORDERED = { UV_THREADPOOL_SIZE: "1" };

/** Programs that the daemon starts are let go at their own beginning, so that only the daemon itself dies. */
const FOLLOW = ["-f", "-b", "execve"];

const dying = ({ call, n }: Point) => {
  const names = namesOf(call);
  return ["-o", "/dev/null", "-e", `trace=${names}`, "-e", `inject=${names}:signal=SIGKILL:when=${n}`];
};

const counting = (file: string) => {
  const names = (Object.keys(CALLS) as Call[]).map(namesOf).join();
  return ["-o", file, "-e", `trace=${names}`];
};

/** Names that this machine does not have are passed over. */
function namesOf(call: Call): string {
  return CALLS[call].map((name) => `?${name}`).join();
}

/** The words that start a program which dies at a point; strace stands aside (`-D`), the program is the child. */
export function diesAt(point: Point): string[] {
  return [STRACE, "-D", "-qq", ...FOLLOW, ...dying(point)];
}

/** The words that start a program whose calls are written to a file. */
export function countedIn(file: string): string[] {
  return [STRACE, "-D", "-qq", ...FOLLOW, ...counting(file)];
}

/** Lets a running process die at a point, counted from now. Resolves once it is watched. */
export function letDieAt(pid: number, point: Point): Promise<void> {
  return attach(pid, dying(point));
}

/** Writes the calls of a running process from now on to a file. Resolves once it is watched. */
export function countFromNow(pid: number, file: string): Promise<void> {
  return attach(pid, counting(file));
}

function attach(pid: number, words: readonly string[]): Promise<void> {
  const tracer = spawn(STRACE, [...FOLLOW, ...words, "-p", String(pid)], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  return new Promise((resolve, reject) => {
    let said = "";
    tracer.once("error", reject);
    tracer.once("exit", () => reject(new Error(`strace ended: ${said}`)));
    tracer.stderr.setEncoding("utf8").on("data", (text) => {
      said += text;
      if (said.includes(`Process ${pid} attached`)) resolve();
    });
  });
}

/** How often one thread made each kind of call, at most. */
export function countsIn(file: string): Map<Call, number> {
  const byThread = new Map<string, number>();
  for (const [, thread, name] of readFileSync(file, "utf8").matchAll(/^(\d+) +(\w+)\(/gm)) {
    const key = `${name} ${thread}`;
    byThread.set(key, (byThread.get(key) ?? 0) + 1);
  }
  const counts = new Map<Call, number>();
  for (const call of Object.keys(CALLS) as Call[]) {
    const names: readonly string[] = CALLS[call];
    const most = [...byThread].filter(([key]) => names.includes(key.split(" ")[0] ?? "")).map(([, n]) => n);
    if (most.length > 0) counts.set(call, Math.max(...most));
  }
  return counts;
}

/** So many points, of each kind of call in turn, anywhere among those that were counted. */
export function pointsAmong(
  counts: ReadonlyMap<Call, number>,
  length: number,
  random: (below: number) => number,
): Point[] {
  const kinds = [...counts];
  const turn = random(kinds.length);
  return Array.from({ length }, (_, i) => {
    const [call, most] = kinds[(turn + i) % kinds.length] ?? ["write", 1];
    return { call, n: 1 + random(most) };
  });
}

/** Why strace cannot be used here; null when it can. */
export function whyNoStrace(): string | null {
  const probe = spawnSync(STRACE, ["-D", "-qq", ...FOLLOW, "-o", "/dev/null", "true"], {
    encoding: "utf8",
  });
  if (probe.error !== undefined) return `strace could not be started: ${probe.error.message}`;
  return probe.status === 0 ? null : `strace does not work here: ${probe.stderr.trim()}`;
}

/** Whether a process that was not started by strace may be watched; some kernels forbid it (kernel.yama.ptrace_scope). */
export async function canAttach(): Promise<boolean> {
  const idle = spawn(process.execPath, ["-e", "process.stdin.resume()"], {
    stdio: ["pipe", "ignore", "ignore"],
  });
  try {
    await attach(idle.pid ?? 0, ["-o", "/dev/null", "-e", "trace=close"]);
    return true;
  } catch {
    return false;
  } finally {
    idle.kill("SIGKILL");
  }
}
