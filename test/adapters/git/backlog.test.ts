import { afterEach, beforeEach, expect, test } from "vitest";
import { createBacklog, type HistoryEntry } from "../../../src/adapters/git/backlog.ts";
import { inCommits } from "../../../src/adapters/git/batch.ts";
import { approved, makeScene, noteOf, replayOf, type Scene, submitted } from "./scene.ts";

let scene: Scene;
beforeEach(() => {
  scene = makeScene();
});
afterEach(() => scene.end());

function entries(count: number, bytes = 10): HistoryEntry[] {
  return Array.from({ length: count }, (_, n) => {
    const changes = [{ path: noteOf(`n${n}`), bytes: Buffer.alloc(bytes) }];
    return scene.happen(submitted(`n${n}`), null, changes);
  });
}

function numbers(batch: readonly HistoryEntry[]): number[] {
  return batch.map(({ record }) => record.seq);
}

async function drain(backlog: ReturnType<typeof createBacklog>, limit = 1_000): Promise<number[]> {
  const all: number[] = [];
  for (let batch = numbers(await backlog.next(limit)); batch.length > 0; ) {
    all.push(...batch);
    backlog.done(batch.at(-1) ?? 0);
    batch = numbers(await backlog.next(limit));
  }
  return all;
}

test("Entries as they happen come out in order, and again until they are done", async () => {
  const made = entries(5);
  const backlog = createBacklog(replayOf([]));
  for (const entry of made) expect(backlog.offer(entry)).toBe(true);
  for (const entry of made) backlog.offer(entry);
  expect(numbers(await backlog.next(3))).toEqual([1, 2, 3]);
  expect(numbers(await backlog.next(3))).toEqual([1, 2, 3]);
  backlog.done(2);
  expect(numbers(await backlog.next(9))).toEqual([3, 4, 5]);
  backlog.done(5);
  expect(await backlog.next(9)).toEqual([]);
  expect(backlog.size()).toEqual({ waiting: 0, behind: false });
});

test("Only what is missing before the first entry is read from the journal", async () => {
  const made = entries(9);
  const read: number[] = [];
  const backlog = createBacklog(async function* (after) {
    for (const entry of made.slice(after)) {
      read.push(entry.record.seq);
      yield entry;
    }
  });
  await backlog.startAfter(2);
  for (const entry of made.slice(6)) backlog.offer(entry);
  expect(await drain(backlog, 2)).toEqual([3, 4, 5, 6, 7, 8, 9]);
  expect(Math.max(...read)).toBeLessThanOrEqual(7);
});

test("Too many for memory are read from the journal again, each once and in order", async () => {
  const made = entries(300, 1024 * 1024);
  const backlog = createBacklog(replayOf(made));
  await backlog.startAfter(0);
  const taken = made.map((entry) => backlog.offer(entry));
  expect(taken).toContain(false);
  expect(backlog.size().waiting).toBeLessThan(65);
  expect(await drain(backlog, 7)).toEqual(numbers(made));
});

test("More that is dropped while the journal is being read is not lost", async () => {
  const made = entries(200, 1024 * 1024);
  const known = made.slice(0, 50);
  const backlog = createBacklog((after) => replayOf(known.slice())(after));
  await backlog.startAfter(0);
  const first = numbers(await backlog.next(10));
  known.push(...made.slice(50));
  for (const entry of made.slice(50)) backlog.offer(entry);
  backlog.done(first.at(-1) ?? 0);
  expect([...first, ...(await drain(backlog, 10))]).toEqual(numbers(made));
});

test("A journal that cannot be read is asked again", async () => {
  const made = entries(4);
  let fails = 1;
  const backlog = createBacklog(async function* (after) {
    for (const entry of made.slice(after)) {
      if (entry.record.seq === 3 && fails-- > 0) throw new Error("busy");
      yield entry;
    }
  });
  await backlog.startAfter(0);
  await expect(backlog.next(9)).rejects.toThrow("busy");
  expect(await drain(backlog)).toEqual([1, 2, 3, 4]);
});

test("At a person's pace every transition has its commit; a crowd shares, but never the same path", () => {
  const made = entries(20);
  expect(inCommits(made, 20).map(numbers)).toEqual(made.map(({ record }) => [record.seq]));
  expect(inCommits(made, 4).map(numbers)).toEqual(
    [0, 5, 10, 15].map((n) => [1, 2, 3, 4, 5].map((m) => n + m)),
  );
  const [one, two] = made;
  if (one === undefined || two === undefined) throw new Error("unreachable");
  const change = { path: noteOf("n0"), bytes: Buffer.from("ticked") };
  const three = scene.happen(approved(), one.request, [change]);
  expect(inCommits([one, two, three], 2).map(numbers)).toEqual([[1, 2], [21]]);
  expect(inCommits([one, three, two], 1).map(numbers)).toEqual([[1]]);
});

test("Hundreds at once are all in the history, in order and with every content", async () => {
  scene.initVault();
  const asked = Array.from({ length: 300 }, (_, n) => scene.submit(`n${n}`));
  const history = await scene.open();
  for (const entry of asked) history.record(entry);
  for (const [n, entry] of asked.entries()) {
    const change = { path: noteOf(`n${n}`), bytes: Buffer.from("ticked\n") };
    history.record(scene.happen(approved(), entry.request, [change]));
  }
  expect(await history.flush(20_000)).toBe(true);
  expect(scene.recorded()).toEqual(scene.journal.map(({ record }) => String(record.seq)));
  const contents = scene
    .git("log", "--format=", "-p", "--reverse", "--", noteOf("n7"))
    .match(/^[+][^+].*$/gm);
  expect(contents).toEqual([`+note n7`, "+ticked"]);
  expect(
    scene
      .git("status", "--porcelain")
      .split("\n")
      .filter((line) => !line.startsWith(" M")),
  ).toEqual([""]);
  expect(history.lag()).toEqual({ last: 600, waiting: 0, behind: false, problem: null });
});
