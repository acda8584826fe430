import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { takeLock } from "../../src/ledger/lock.ts";

/** Holds a taker up just before it links its socket to the name that it has chosen. */
const pause = vi.hoisted(() => ({ beforeLink: null as null | (() => Promise<void>) }));
vi.mock("node:fs/promises", async (original) => {
  const real = await original<typeof import("node:fs/promises")>();
  return {
    ...real,
    link: async (from: string, to: string) => {
      await pause.beforeLink?.();
      await real.link(from, to);
    },
  };
});

let folder: string;
const contenders: ChildProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "lock-"));
});
afterEach(() => {
  for (const contender of contenders.splice(0)) contender.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

/** Another process that takes and gives the lock when it is asked to. */
async function contender(): Promise<ChildProcess> {
  const child = fork(new URL("./lock-contender.ts", import.meta.url), [folder], {
    execArgv: ["--import", "tsx"],
  });
  contenders.push(child);
  await once(child, "message");
  return child;
}

async function ask(child: ChildProcess, what: string): Promise<string> {
  child.send(what);
  const [answer] = await once(child, "message");
  return String(answer);
}

test("a second writer is refused and told who the first is", async () => {
  const release = await takeLock(folder);
  await expect(takeLock(folder)).rejects.toMatchObject({
    code: "already_running",
    message: expect.stringContaining(`Process ${process.pid} `),
  });
  await release();
  await (await takeLock(folder))();
});

test("a killed process holds the lock no longer, a stopped one does", async () => {
  const child = await contender();
  expect(await ask(child, "take")).toBe("taken");
  await expect(takeLock(folder)).rejects.toMatchObject({
    message: expect.stringContaining(`Process ${child.pid} `),
  });
  child.kill("SIGSTOP");
  await expect(takeLock(folder)).rejects.toMatchObject({ code: "already_running" });
  child.kill("SIGKILL");
  await once(child, "exit");
  const release = await takeLock(folder);
  await release();
});

test("of two processes that race for a dead holder's lock, exactly one wins, every time", async () => {
  const both = await Promise.all([contender(), contender()]);
  const wins = [0, 0];
  for (let round = 0; round < 150; round += 1) {
    // Each asks four times at once, so that there are many takers; what a round leaves is a dead holder's lock.
    const answers = await Promise.all(both.map((child) => ask(child, "race")));
    const won = answers.map(Number);
    expect(won.reduce((a, b) => a + b)).toBe(1);
    won.forEach((count, index) => {
      wins[index] = (wins[index] ?? 0) + count;
    });
    await Promise.all(both.map((child) => ask(child, "give")));
  }
  expect(readdirSync(folder)).toHaveLength(1);
});

test("a taker that acts on an old look gives up the name that it got", async () => {
  await (await takeLock(folder))();
  const { promise: held, resolve: arrived } = Promise.withResolvers<void>();
  const { promise: gate, resolve: goOn } = Promise.withResolvers<void>();
  pause.beforeLink = () => {
    pause.beforeLink = null;
    arrived();
    return gate;
  };
  const slow = takeLock(folder);
  await held;
  // Two others come and go, so that the name after the one that it saw has been used and removed again.
  await (await takeLock(folder))();
  const release = await takeLock(folder);
  goOn();
  await expect(slow).rejects.toMatchObject({ code: "already_running" });
  expect(readdirSync(folder)).toEqual(["lock.3"]);
  await release();
});

test("a state directory too deep for a socket's path can be locked too", async () => {
  const deep = join(folder, "d".repeat(100), "e".repeat(100));
  mkdirSync(deep, { recursive: true });
  const release = await takeLock(deep);
  await expect(takeLock(deep)).rejects.toMatchObject({ code: "already_running" });
  await release();
  expect(readdirSync(deep)).toEqual(["lock.1"]);
});
