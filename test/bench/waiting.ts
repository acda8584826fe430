/**
 * `npx tsx test/bench/waiting.ts`: what callers that wait cost the daemon, and how soon they know. A real daemon as a process of its own, each waiter a long poll on a connection of its own to the agents'
 * socket. Figures are only as good as the machine is quiet: its load is told, and each is repeated.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { Agent, request } from "node:http";
import { connect, type Socket } from "node:net";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { delay, describeMachine, now, until } from "./machine.ts";
import { build, cpuOf, prepare, quiet, startProgram, stopProgram } from "./processes.ts";
import { atMost, createReport, median, table } from "./report.ts";
import type { Watched } from "./watched.ts";

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    waiters: { type: "string", default: "1000" },
    decisions: { type: "string", default: "200" },
    // Long enough for one of the looks through the whole vault, and shorter than a long poll.
    idle: { type: "string", default: "31" },
    json: { type: "boolean", default: false },
  },
});
const ROUNDS = Number(options.rounds);
const WAITERS = Number(options.waiters);
const DECISIONS = Number(options.decisions);
const IDLE_MS = Number(options.idle) * 1_000;

const COST = `What ${WAITERS} callers that wait cost`;
const WAKING = "From a decision on the disk to its waiter's answer";

build();
const machine = describeMachine(tmpdir());
const base = mkdtempSync(join(tmpdir(), "bench-waiting-"));
const report = createReport();
const watched = join(base, "watched.json");
const args = prepare(base, ["task"], "    caller: true\n");
const hook = fileURLToPath(new URL("watched.ts", import.meta.url));
const how = { node: ["--expose-gc", "--import", hook], env: { BENCH_WATCHED: watched } };
const state = join(base, "state");
const sockets = { agent: join(state, "agent/socket"), reviewer: join(state, "reviewer/socket") };
let submitted = 0;
const fifty = new Agent({ keepAlive: true, maxSockets: 50 });
let daemon = await startProgram(args, how);
let pid = daemon.child.pid ?? 0;
try {
  const ids = await Promise.all(Array.from({ length: WAITERS }, () => submit(fifty)));
  await quiet(pid);
  // Begun anew, so that what the submissions left behind does not hide what waiting costs.
  fifty.destroy();
  await stopProgram(daemon.child);
  daemon = await startProgram(args, how);
  pid = daemon.child.pid ?? 0;
  await quiet(pid);
  const alone = await idle();

  const idlers = await Promise.all(ids.map(openWait));
  await quiet(pid);
  const waited = await idle();
  for (const { socket } of idlers) socket.destroy();
  await quiet(pid);
  const memory = waited.rss_mb - alone.rss_mb;
  report.add(COST, "memory", memory, "MB", atMost(memory, 50, "≤ 50 MB"));
  report.add(COST, "  of it objects in use", waited.heap_mb - alone.heap_mb, "MB");
  report.add(COST, `processor time over ${options.idle} s of nothing, without them`, alone.cpu_ms, "ms");
  report.add(COST, "  with them", waited.cpu_ms, "ms");
  report.add(COST, "times that a thread of the daemon was woken meanwhile, without them", alone.wakeups, "");
  report.add(COST, "  with them", waited.wakeups, "");

  const plain: number[] = [];
  for (let at = 0; at < DECISIONS; at += 1) {
    await delay(20 + ((at * 7) % 13));
    const asked = now();
    await ask("GET", sockets.agent, "/v1/health");
    plain.push(now() - asked);
  }

  const waiters = await Promise.all(ids.map(openWait));
  await quiet(pid);
  const decisions: { asked: number; told: number }[] = [];
  for (const [at, id] of ids.slice(0, DECISIONS).entries()) {
    // Away from the beat of whatever the daemon does at intervals.
    await delay(20 + ((at * 7) % 13));
    const asked = now();
    const [told] = await Promise.all([waiters[at]?.answered, approve(id)]);
    decisions.push({ asked, told: told ?? Number.NaN });
  }
  const durableBehind = durabilityOf(await look());
  const woken = decisions.map(({ asked, told }) => told - durableBehind(asked));
  spread(`one request decided of ${WAITERS}, each with a waiter`, woken);
  report.spread(WAKING, "  a question and its answer, for comparison", plain);
  report.add(WAKING, "    at most", Math.max(...plain), "ms");
  for (const { socket } of waiters) socket.destroy();

  const crowds: { first: number; half: number; last: number }[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const id = await submit();
    const crowd = await Promise.all(Array.from({ length: WAITERS }, () => openWait(id)));
    await quiet(pid);
    await look();
    const asked = now();
    await approve(id);
    const told = await Promise.all(crowd.map(({ answered }) => answered));
    const durable = durabilityOf(await look())(asked);
    const took = told.map((at) => at - durable);
    crowds.push({ first: Math.min(...took), half: median(took), last: Math.max(...took) });
    for (const { socket } of crowd) socket.destroy();
  }
  spread(
    `all ${WAITERS} on one request: the first of them`,
    crowds.map(({ first }) => first),
  );
  spread(
    "  half of them",
    crowds.map(({ half }) => half),
  );
  spread(
    "  the last of them",
    crowds.map(({ last }) => last),
  );
} finally {
  await stopProgram(daemon.child);
  rmSync(base, { recursive: true, force: true });
}
const facts = Object.entries({ ...machine, load_after: loadavg()[0] }).map(
  ([name, value]) => `${name}: ${value}`,
);
process.stdout.write(
  options.json
    ? `${JSON.stringify({ machine, rows: report.rows }, null, 2)}\n`
    : `${facts.join("\n")}\n${table(report.rows)}\n`,
);

function spread(name: string, values: readonly number[]): void {
  if (values.some((value) => !(value > 0)))
    throw new Error(`${name}: somebody was told before it was decided`);
  report.spread(WAKING, name, values, atMost(median(values), 20, "≤ 20 ms"));
  report.add(WAKING, "    at most", Math.max(...values), "ms");
}

/** The first journal write that began behind a question is that of what it asked for: when it was on the disk. */
function durabilityOf({ syncs }: Watched): (asked: number) => number {
  return (asked) => syncs.find(([began]) => began >= asked)?.[1] ?? Number.NaN;
}

/** What the daemon uses while nothing happens. */
async function idle() {
  const [before, cpu] = [switchesOf(pid), cpuOf(pid)];
  await delay(IDLE_MS);
  const [wakeups, cpu_ms] = [switchesOf(pid) - before, cpuOf(pid) - cpu];
  return { wakeups, cpu_ms, ...(await look()) };
}

/** What the daemon tells of itself, its garbage collected. */
async function look(): Promise<Watched> {
  rmSync(watched, { force: true });
  process.kill(pid, "SIGUSR2");
  await until(() => existsSync(watched));
  return JSON.parse(readFileSync(watched, "utf8"));
}

/** How often its threads have gone to sleep of themselves, and so been woken. */
function switchesOf(process: number): number {
  let sum = 0;
  for (const thread of readdirSync(`/proc/${process}/task`)) {
    const status = readFileSync(`/proc/${process}/task/${thread}/status`, "utf8");
    sum += Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(status)?.[1]);
  }
  return sum;
}

function ask(
  method: "GET" | "POST",
  socketPath: string,
  path: string,
  body?: object,
  agent: Agent | false = false,
): Promise<string> {
  const headers = { "content-type": "application/json" };
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath, agent, method, path, headers }, (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (part) => {
        text += part;
      });
      answer.on("end", () => ((answer.statusCode ?? 500) < 300 ? resolve(text) : reject(new Error(text))));
    });
    sent.on("error", reject);
    sent.end(body && JSON.stringify(body));
  });
}

async function submit(agent: Agent | false = false): Promise<string> {
  submitted += 1;
  const params = { amount_cents: submitted, payee: "ACME GmbH" };
  const told = await ask(
    "POST",
    sockets.agent,
    "/v1/requests",
    { kind: "task", params, requester: "agent" },
    agent,
  );
  return JSON.parse(told).request.id;
}

async function approve(id: string): Promise<void> {
  await ask("POST", sockets.reviewer, `/v1/requests/${id}/decide`, { verb: "approve", reviewer: "ada" });
}

/** Opens a long poll, resolving once it is sent; `answered` gives when the first byte of the answer came. */
function openWait(id: string): Promise<{ socket: Socket; answered: Promise<number> }> {
  const { promise: answered, resolve: told } = Promise.withResolvers<number>();
  return new Promise((resolve, reject) => {
    const socket = connect(sockets.agent);
    socket.once("error", reject);
    socket.once("data", () => {
      told(now());
      socket.resume();
    });
    const text = `GET /v1/requests/${id}/wait?timeout_ms=60000 HTTP/1.1\r\nHost: countersign\r\n\r\n`;
    socket.write(text, () => resolve({ socket, answered }));
  });
}
