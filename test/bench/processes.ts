import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { delay, now } from "./machine.ts";
import { atMost, median, type Report } from "./report.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const PROGRAM = join(ROOT, "dist/main.js");
const SECTION = "The daemon as a process of its own";

/** Builds what is shipped, unless it is newer than every source. */
export function build(): void {
  const files = readdirSync(join(ROOT, "src"), { recursive: true, encoding: "utf8" });
  const newest = Math.max(...files.map((name) => statSync(join(ROOT, "src", name)).mtimeMs));
  if (existsSync(PROGRAM) && statSync(PROGRAM).mtimeMs > newest) return;
  execFileSync("npm", ["run", "build", "--silent"], { cwd: ROOT, stdio: "inherit" });
}

export interface ProcessPlan {
  /** Has `vault/` and `state/`, or gets them. */
  readonly base: string;
  readonly open: number;
  readonly starts: number;
  /** How long to watch the idle daemon; 0 for not at all. */
  readonly idle_ms: number;
  readonly lists: number;
  /** The most that the start, and the memory, may take. */
  readonly ready_ms: number | null;
  readonly rss_mb: number | null;
}

/** Starts the built program on a vault with so many open requests. */
export async function measureProcess(report: Report, plan: ProcessPlan): Promise<void> {
  const { open, starts, lists } = plan;
  const args = prepare(plan.base);
  const ready: number[] = [];
  for (let i = 1; i < starts; i += 1) {
    const daemon = await startProgram(args);
    ready.push(daemon.ready_ms);
    await stopProgram(daemon.child);
  }
  const daemon = await startProgram(args);
  ready.push(daemon.ready_ms);
  try {
    const time = median(ready);
    report.spread(SECTION, `start to ready, ${open} open`, ready, {
      ...(plan.ready_ms !== null && atMost(time, plan.ready_ms, `≤ ${plan.ready_ms} ms`)),
    });
    const pid = daemon.child.pid ?? 0;
    // The first look through the vault, and the dashboard behind it.
    await quiet(pid);
    const rss = rssOf(pid);
    report.add(SECTION, `memory, ${open} open`, rss, "MB", {
      ...(plan.rss_mb !== null && atMost(rss, plan.rss_mb, `≤ ${plan.rss_mb} MB`)),
    });
    if (plan.idle_ms > 0) {
      const [cpu, since] = [cpuOf(pid), now()];
      await delay(plan.idle_ms);
      const share = ((cpuOf(pid) - cpu) / (now() - since)) * 100;
      report.add(SECTION, `idle processor time over ${plan.idle_ms / 1_000} s, ${open} open`, share, "%", {
        ...atMost(share, 0.5, "≤ 0.5 %"),
      });
    }
    if (lists > 0) {
      const listing = await repeat(lists, [PROGRAM, "list", ...args]);
      report.spread(SECTION, `countersign list, ${open} open`, listing, {
        ...(open < 1_000 && atMost(median(listing), 80, "≤ 80 ms")),
      });
    }
  } finally {
    await stopProgram(daemon.child);
  }
}

/** What any program in Node.js takes to start: the floor of the command line. */
export async function measureBareNode(report: Report, times: number): Promise<void> {
  report.spread(
    SECTION,
    "a bare node, for comparison (24 ms where the targets were set)",
    await repeat(times, ["-e", "0"]),
  );
}

const DATE = '    run: [/bin/date, "+%s.%N"]\n';

/** Makes a vault and a configuration in which all these kinds are carried out alike. */
export function prepare(base: string, names = ["module", "command"], how = DATE): string[] {
  const [vault, state, config] = [join(base, "vault"), join(base, "state"), join(base, "countersign.yaml")];
  mkdirSync(vault, { recursive: true });
  const kinds = names.map((name) => `  ${name}:\n${how}`);
  writeFileSync(config, `actions:\n${kinds.join("")}`, { mode: 0o600 });
  return ["--vault", vault, "--state", state, "--config", config];
}

export async function startProgram(
  args: readonly string[],
  { node = [], env = {} }: { node?: readonly string[]; env?: NodeJS.ProcessEnv } = {},
): Promise<{ child: ChildProcess; ready_ms: number }> {
  const begun = now();
  const child = spawn(process.execPath, [...node, PROGRAM, "start", ...args], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const said: string[] = [];
  const ready_ms = await new Promise<number>((resolve, reject) => {
    createInterface({ input: child.stderr }).on("line", (line) => {
      said.push(line);
      if (line.includes('"msg":"ready"')) resolve(now() - begun);
    });
    child.once("exit", () => reject(new Error(`the daemon ended: ${said.join("\n")}`)));
  });
  return { child, ready_ms };
}

export async function stopProgram(child: ChildProcess): Promise<void> {
  child.removeAllListeners("exit");
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  await gone;
}

/** Resolves when the process has used next to nothing for two seconds. */
export async function quiet(pid: number): Promise<void> {
  for (let last = -1_000; cpuOf(pid) - last > 30; ) {
    last = cpuOf(pid);
    await delay(2_000);
  }
}

function rssOf(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1_024;
}

/** Processor time used so far, in ms; the kernel counts in hundredths of a second. */
export function cpuOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

async function repeat(times: number, args: readonly string[]): Promise<number[]> {
  const took: number[] = [];
  for (let i = 0; i < times; i += 1) {
    const begun = now();
    await promisify(execFile)(process.execPath, [...args], {
      maxBuffer: 64 * 1024 * 1024,
      cwd: dirname(PROGRAM),
    });
    took.push(now() - begun);
  }
  return took;
}
