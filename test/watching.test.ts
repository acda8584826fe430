import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { locate } from "../src/adapters/locations.ts";
import { buildProgram, call, type DaemonProcess, launch, type Program, run } from "./crash/daemon-process.ts";

/** Real daemons on a system that tells them less than it should. */
let program: Program;
let place: string;
let vault: string;
let env: NodeJS.ProcessEnv;
let agent: string;
let daemon: DaemonProcess | null = null;

beforeAll(() => {
  program = buildProgram();
});
afterAll(() => program.remove());

afterEach(async () => {
  daemon?.signal("SIGCONT");
  daemon?.signal("SIGTERM");
  await daemon?.ended;
  rmSync(place, { recursive: true, force: true });
});

async function start(through: readonly string[] = []): Promise<DaemonProcess> {
  place = mkdtempSync(join(tmpdir(), "watching-"));
  vault = join(place, "vault");
  const config = join(place, "countersign.yaml");
  mkdirSync(join(vault, "Pending_Approval"), { recursive: true });
  writeFileSync(config, "settle: 0s\ngit: off\nactions:\n  refactor:\n    caller: true\n", { mode: 0o600 });
  env = { PATH: process.env.PATH, HOME: place, USER: "agent", COUNTERSIGN_CONFIG: config };
  agent = locate({ vault }, env, place).sockets.agent;
  daemon = launch(program, vault, env, through);
  if (!(await daemon.ready)) throw new Error(daemon.log());
  return daemon;
}

let modules = 0;

/** Each for a module of its own: a request for the same action would join the one that waits. */
async function submit(count: number): Promise<string[]> {
  const answers = await Promise.all(
    Array.from({ length: count }, () => {
      modules += 1;
      return call(agent, "POST", "/v1/requests", { kind: "refactor", params: { module: modules } });
    }),
  );
  const ids = answers.map((answer) => {
    const { id } = (answer?.body.request ?? {}) as { id?: string };
    if (id === undefined) throw new Error(`a submission was answered ${JSON.stringify(answer)}`);
    return id;
  });
  expect(new Set(ids).size).toBe(count);
  return ids;
}

const pathOf = (id: string) => join(vault, "Pending_Approval", `${id}.md`);
const tick = (id: string) =>
  writeFileSync(pathOf(id), readFileSync(pathOf(id), "utf8").replace("- [ ] Approve", "- [x] Approve"));

async function undecided(ids: readonly string[]): Promise<string[]> {
  const answer = await call(agent, "GET", "/v1/requests?status=pending");
  const requests = (answer?.body.requests ?? []) as { id: string }[];
  if (answer?.status !== 200) throw new Error("the daemon does not answer");
  const waiting = new Set(requests.map(({ id }) => id));
  return ids.filter((id) => waiting.has(id));
}

async function until(
  what: string,
  limit_ms: number,
  holds: () => Promise<boolean> | boolean,
): Promise<number> {
  const began = performance.now();
  while (!(await holds())) {
    if (performance.now() - began > limit_ms)
      throw new Error(`not within ${limit_ms} ms: ${what}\n${daemon?.log()}`);
    await delay(20);
  }
  return performance.now() - began;
}

/** Empty where there is none yet. */
function dashboard(): string {
  const path = join(vault, "Dashboard.md");
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}

describe("where the system refuses to watch", () => {
  /** The limit of a user namespace of the daemon's own: nobody else is touched by it. */
  const limited = (limit: string) => [
    ..."unshare --user --map-root-user sh -c".split(" "),
    `echo 0 > /proc/sys/user/${limit} && exec "$@"`,
    "sh",
  ];

  test.each([
    ["watches", "max_inotify_watches", "ENOSPC"],
    ["instances", "max_inotify_instances", "EMFILE"],
  ])("for want of %s, decisions are seen all the same, and it is said", async (_, limit, code) => {
    const possible = await run("unshare", [...limited(limit).slice(1), "true"], { PATH: process.env.PATH });
    if (possible.exit !== 0) {
      // Some machines let nobody make a namespace; the same is tested there without a kernel, in adapters/watcher.
      console.warn(`NOT TESTED: ${code} cannot be brought about here: ${possible.err}`);
      expect(process.env.CI ?? "", "where everything has to be tested, this has too").toBe("");
      place = mkdtempSync(join(tmpdir(), "watching-"));
      return;
    }
    const blind = await start(limited(limit));
    expect(blind.log()).toContain(code);
    const ids = await submit(2);
    await until("the dashboard says so", 5_000, () => dashboard().includes(code));
    expect(dashboard()).toMatch(
      /> \[!warning\] .*so the vault is looked through every few seconds instead\./,
    );
    for (const id of ids) tick(id);
    await until("they are decided", 10_000, async () => (await undecided(ids)).length === 0);
  });
});

test("a folder of waiting notes that is removed altogether comes back with them, and is watched again", async () => {
  await start();
  const ids = await submit(20);
  const folder = join(vault, "Pending_Approval");
  rmSync(folder, { recursive: true });
  await until("all notes are back", 15_000, () => {
    const there = new Set(readdirSync(vault).includes("Pending_Approval") ? readdirSync(folder) : []);
    return ids.every((id) => there.has(`${id}.md`));
  });
  const notes = ids.map((id) => readFileSync(pathOf(id), "utf8"));
  expect(notes.every((note) => note.includes("- [ ] Approve"))).toBe(true);
  for (const id of ids) tick(id);
  await until("all are decided", 10_000, async () => (await undecided(ids)).length === 0);
});

test("2,000 notes ticked at once are all seen, though nearly all events are lost", {
  timeout: 90_000,
}, async () => {
  const COUNT = 2_000;
  const { queue, restore } = shortenQueue();
  try {
    await start();
  } finally {
    restore();
  }
  const ids: string[] = [];
  while (ids.length < COUNT) ids.push(...(await submit(200)));
  // Stopped, it reads no events, so what the queue does not hold is certainly lost.
  daemon?.signal("SIGSTOP");
  for (let events = 0; events <= queue; events += COUNT) for (const id of ids) tick(id);
  daemon?.signal("SIGCONT");
  // One interval of the rescan.
  await until("all are decided", 30_000, async () => (await undecided(ids)).length === 0);
});

/**
 * Cuts the queue of events to 64 for watchers that begin now, and gives how many a queue holds. The setting is the whole
 * system's: it is put back as soon as the daemon has begun to watch, and one test at a time may change it.
 */
function shortenQueue(): { queue: number; restore: () => void } {
  const setting = "/proc/sys/fs/inotify/max_queued_events";
  const before = readFileSync(setting, "utf8").trim();
  const lock = join(tmpdir(), "countersign-inotify-queue.lock");
  try {
    closeSync(openSync(lock, "wx"));
  } catch {
    return { queue: Number(before), restore() {} };
  }
  const restore = () => {
    try {
      writeFileSync(setting, before);
    } finally {
      rmSync(lock, { force: true });
    }
  };
  try {
    writeFileSync(setting, "64");
  } catch (error) {
    // More events than the whole queue holds do the same, and take longer.
    console.warn(`the queue stays at ${before}: ${error}`);
    rmSync(lock, { force: true });
    return { queue: Number(before), restore() {} };
  }
  process.once("exit", restore);
  return {
    queue: 64,
    restore() {
      process.off("exit", restore);
      restore();
    },
  };
}
