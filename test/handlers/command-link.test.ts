import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type CommandLink, type CommandOrder, openCommandLink } from "../../src/handlers/command-link.ts";
import { processes, spawnersOf, until } from "./processes.ts";

let folder: string;
let link: CommandLink;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "command-link-"));
  link = openCommandLink();
});

afterEach(async () => {
  await close();
  rmSync(folder, { recursive: true });
});

async function close(): Promise<void> {
  link.close();
  await until(() => spawnersOf(process.pid).length === 0);
}

function order(script: string, timeout_ms = 10_000): CommandOrder {
  return {
    run: ["sh", "-c", script],
    cwd: folder,
    env: { PATH: "/usr/bin:/bin" },
    input: "",
    timeout_ms,
    kill_grace_ms: 200,
    output_grace_ms: 100,
    output_limit_bytes: 1_000,
    error_limit_bytes: 1_000,
  };
}

const exists = (name: string) => existsSync(join(folder, name));
const read = (name: string) => Number(readFileSync(join(folder, name), "utf8"));
/** Its pid is on the way once the command runs: it is told before anything of a later command is. */
async function pidIsKnown(): Promise<void> {
  await until(() => exists("pid"));
  await spawner();
}

/** A command that says when it runs and goes on when it is told to. */
const WAITS = "echo $$ > pid.part; mv pid.part pid; until [ -e go ]; do sleep 0.01; done";

async function spawner(): Promise<number> {
  expect(await link.start(order("echo 1")).report).toMatchObject({ type: "ended", code: 0 });
  const [pid = 0, ...others] = spawnersOf(process.pid);
  expect(others).toEqual([]);
  return pid;
}

test("a command whose spawner dies is lost, and others are started by a new one", async () => {
  const first = await spawner();
  const { report } = link.start(order(WAITS));
  await pidIsKnown();
  process.kill(first, "SIGKILL");
  const left = read("pid");
  expect(await report).toEqual({ type: "lost", pid: left });
  expect(await spawner()).not.toBe(first);
  writeFileSync(join(folder, "go"), "");
  await until(() => !processes().some(({ pid }) => pid === left));
});

test("a spawner that dies idle is replaced at once", async () => {
  const first = await spawner();
  process.kill(first, "SIGKILL");
  await until(() => spawnersOf(process.pid).some((pid) => pid !== first));
  await spawner();
});

test("a spawner that no longer answers counts as dead", async () => {
  await close();
  link = openCommandLink(100);
  process.kill(await spawner(), "SIGSTOP");
  expect(await link.start(order("echo 1", 100)).report).toEqual({ type: "lost", pid: null });
  await spawner();
});

test("a spawner outlives the signals that a terminal or service manager sends to all", async () => {
  const pid = await spawner();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.kill(pid, signal);
  expect(await spawner()).toBe(pid);
});

test("without a spawner nothing is started, and the next command tries again", async () => {
  await close();
  const { execPath } = process;
  try {
    process.execPath = "/no/such/node";
    link = openCommandLink();
    const code = "its helper process could not be started";
    expect(await link.start(order("touch started")).report).toEqual({ type: "not_started", code });
  } finally {
    process.execPath = execPath;
  }
  await spawner();
  expect(exists("started")).toBe(false);
});

test("a closed link starts nothing, and reports what still runs as lost", async () => {
  const { report } = link.start(order(`${WAITS}; touch done`));
  await pidIsKnown();
  link.close();
  expect(await report).toEqual({ type: "lost", pid: read("pid") });
  expect((await link.start(order("touch started")).report).type).toBe("not_started");
  writeFileSync(join(folder, "go"), "");
  await until(() => exists("done"));
  expect(exists("started")).toBe(false);
});

test("when the daemon is killed, its command ends undisturbed, and then the spawner", async () => {
  const { daemon, its } = await daemonRunning(`${WAITS}; seq 100000; seq 100000 >&2; touch done`);
  daemon.kill("SIGKILL");
  await once(daemon, "close");
  writeFileSync(join(folder, "go"), "");
  await until(() => exists("done"));
  await until(() => !processes().some(({ pid }) => pid === its));
});

test("when the daemon is killed, its command's time still runs out", async () => {
  const { daemon, its } = await daemonRunning("echo $$ > pid; sleep 1000 & sleep 1000", 500);
  daemon.kill("SIGKILL");
  await until(() => !processes().some(({ pid, group }) => pid === its || group === read("pid")));
});

test("an idle link does not keep a program from ending, one with a command under way does", async () => {
  const idle = startDaemon("");
  expect(await once(idle, "exit")).toEqual([0, null]);
  const busy = startDaemon(`await link.start(${JSON.stringify(order("sleep 0.1; touch done"))}).report;`);
  expect(await once(busy, "exit")).toEqual([0, null]);
  expect(exists("done")).toBe(true);
});

async function daemonRunning(script: string, timeout_ms?: number) {
  const daemon = startDaemon(`link.start(${JSON.stringify(order(script, timeout_ms))});`);
  await until(() => exists("pid"));
  const [its = 0] = spawnersOf(daemon.pid ?? 0);
  expect(its).toBeGreaterThan(0);
  return { daemon, its };
}

function startDaemon(does: string): ChildProcess {
  const source = new URL("../../src/handlers/command-link.ts", import.meta.url);
  const program = `import { openCommandLink } from "${source}"; const link = openCommandLink(); ${does}`;
  return spawn(process.execPath, ["--input-type=module", "--eval", program], { stdio: "ignore" });
}
