import { describe, expect, test } from "vitest";
import { Fault } from "../../src/core/codes.ts";
import type { RequestId } from "../../src/core/request.ts";
import type { EmbeddedJournal } from "../../src/ledger/embedded-journal.ts";
import type { JournalFiles } from "../../src/ledger/files.ts";
import { openJournal } from "../../src/ledger/journal.ts";
import { verifyJournal } from "../../src/ledger/verify.ts";
import { CrashFiles } from "./crash-files.ts";
import { dyingAt, failingAt, faulty } from "./faulty-files.ts";
import { eventsOf, idOf, live, seeded } from "./story.ts";

const SMALL = { directory: "", segmentBytes: 6_000 };

/** What somebody was told: the revision of each request that was said to be on the disk. */
type Told = Map<RequestId, number>;

/** Nine requests, three at a time, through segments, checkpoints, indexes and a merge of them. */
async function work(journal: EmbeddedJournal, told: Told, from = 0): Promise<unknown[]> {
  const refused: unknown[] = [];
  for (let n = from; n < from + 9; n += 3) {
    const lives = [n, n + 1, n + 2].map(async (one) => {
      const [submitted, approved, started, executed, archived] = eventsOf(one);
      if (!submitted || !approved || !started || !executed || !archived)
        throw new Error("a life has five events");
      for (const events of [[submitted], [approved, started], [executed]]) {
        const request = await journal.append(idOf(one), told.get(idOf(one)) ?? 0, events);
        told.set(idOf(one), request.revision);
      }
      await journal.append(idOf(one), 4, [archived], { lazy: true });
    });
    for (const life of await Promise.allSettled(lives))
      if (life.status === "rejected") refused.push(life.reason);
  }
  return refused;
}

/** Opens what a crash left, and gives everything that is not as it was told. */
async function violations(files: JournalFiles, told: Told): Promise<string[]> {
  const wrong: string[] = [];
  try {
    const journal = await openJournal({ ...SMALL, files });
    for (const [id, revision] of told) {
      const request = await journal.read(id);
      if ((request?.revision ?? 0) < revision)
        wrong.push(`${id} is at ${request?.revision}, told ${revision}`);
    }
    await journal.close();
    const { problems } = await verifyJournal({ directory: "", files });
    wrong.push(...problems.map(({ file, line, message }) => `${file}:${line}: ${message}`));
  } catch (error) {
    wrong.push(String(error));
  }
  return wrong;
}

describe("a process that dies", () => {
  test("at any operation has lost nothing that it told, and starts again", async () => {
    let deaths = 0;
    for (let n = 1; ; n += 1) {
      const disk = new CrashFiles();
      const files = dyingAt(disk, n);
      const told: Told = new Map();
      await openJournal({ ...SMALL, files })
        .then(
          (journal) => work(journal, told).then(() => journal.close()),
          () => {},
        )
        .catch(() => {});
      if (files.count.all < n) break;
      deaths += 1;
      disk.kill();
      expect({ n, wrong: await violations(disk, told) }).toEqual({ n, wrong: [] });
    }
    expect(deaths).toBeGreaterThan(100);
  });

  test("at any operation leaves what its next life can build on, even if that ends in a power cut", async () => {
    for (let n = 1; ; n += 1) {
      const disk = new CrashFiles();
      const files = dyingAt(disk, n);
      const told: Told = new Map();
      await openJournal({ ...SMALL, files })
        .then((journal) => work(journal, told))
        .catch(() => {});
      if (files.count.all < n) break;
      disk.kill();
      const next = await openJournal({ ...SMALL, files: disk });
      const read = await Promise.all(Array.from({ length: 9 }, (_, one) => next.read(idOf(one))));
      for (const request of read) if (request) told.set(request.submission.fields.id, request.revision);
      if (n % 2 === 0) {
        await live(next, 50, ["submitted"]);
        told.set(idOf(50), 1);
      }
      // Nothing that was not synced is kept: what this life was told when it read must have been made sure of before.
      disk.cutPower(() => 1);
      expect({ n, wrong: await violations(disk, told) }).toEqual({ n, wrong: [] });
    }
  });

  test("at any operation of the start after a death starts again", async () => {
    const disk = new CrashFiles();
    const told: Told = new Map();
    const journal = await openJournal({ ...SMALL, files: disk });
    await work(journal, told);
    await journal.close();
    const newest = (await disk.list()).filter((name) => name.endsWith(".jsonl")).at(-1) ?? "";
    disk.overwrite(newest, Buffer.concat([disk.bytes(newest), Buffer.from('{"event":{"type":"appr')]));
    for (const name of await disk.list()) if (name.endsWith(".index")) disk.remove(name);
    for (let n = 1; ; n += 1) {
      const again = disk.copy();
      const files = dyingAt(again, n);
      await openJournal({ ...SMALL, files }).catch(() => {});
      if (files.count.all < n) break;
      again.kill();
      expect({ n, wrong: await violations(again, told) }).toEqual({ n, wrong: [] });
    }
  });
});

describe("a disk that fails", () => {
  for (const code of ["EIO", "ENOSPC", "EMFILE"]) {
    test(`once with ${code}, at any operation, never leads to a false success`, async () => {
      for (let n = 1; ; n += 1) {
        const disk = new CrashFiles();
        const files = failingAt(disk, n, code);
        const told: Told = new Map();
        let refused: unknown[] = [];
        try {
          const journal = await openJournal({ ...SMALL, files });
          refused = await work(journal, told);
          await journal.close();
        } catch (error) {
          refused.push(error);
        }
        if (files.count.all < n) break;
        disk.kill();
        const codes = new Set(refused.map((error) => (error instanceof Fault ? error.code : String(error))));
        codes.delete("storage_failed");
        expect({ n, codes: [...codes], wrong: await violations(disk, told) }).toEqual({
          n,
          codes: [],
          wrong: [],
        });
      }
    });
  }

  test("to sync is not asked a second time, and nothing is recorded after it", async () => {
    const disk = new CrashFiles();
    let broken = false;
    const files = faulty(disk, ({ name }) =>
      name === "sync" && broken ? { result: Promise.reject(new Error("EIO")) } : null,
    );
    const journal = await openJournal({ ...SMALL, files });
    await live(journal, 1, ["submitted"]);
    broken = true;
    const both = [live(journal, 2, ["submitted"]), live(journal, 3, ["submitted"])];
    for (const append of both) await expect(append).rejects.toMatchObject({ code: "storage_failed" });
    broken = false;
    const { sync, write } = files.count;
    await expect(live(journal, 4, ["submitted"])).rejects.toMatchObject({ code: "storage_failed" });
    await expect(journal.append(idOf(1), 1, eventsOf(1, ["cancelled"]))).rejects.toMatchObject({
      code: "storage_failed",
    });
    await expect(journal.close()).rejects.toMatchObject({ code: "storage_failed" });
    expect(files.count).toMatchObject({ sync, write });
    expect(await journal.open()).toHaveLength(1);
  });

  test("to take all bytes at once is given the rest", async () => {
    const disk = new CrashFiles();
    const files = faulty(disk, ({ name, number, perform }) =>
      name === "write" ? { result: perform(1 + (number % 50)) } : null,
    );
    const journal = await openJournal({ ...SMALL, files });
    await live(journal, 1);
    await journal.close();
    expect(await violations(disk, new Map([[idOf(1), 5]]))).toEqual([]);
  });

  test("and lies about how much it took is found out before anyone is told", async () => {
    const disk = new CrashFiles();
    let lying = false;
    const files = faulty(disk, ({ name, perform }) =>
      name === "write" && lying ? { result: perform(7).then(() => 100_000) } : null,
    );
    const journal = await openJournal({ ...SMALL, files });
    lying = true;
    await expect(live(journal, 1)).rejects.toMatchObject({ code: "storage_failed" });
    expect(await journal.read(idOf(1))).toBeNull();
  });
});

describe("a power cut", () => {
  /** How many operations make the first segment at most. */
  const OPENING = 15;

  /** Three lives of the journal, each ended by a kill or a power cut at a moment that chance picks. */
  async function lose(
    seed: number,
    through: (files: JournalFiles) => JournalFiles,
    segmentBytes = SMALL.segmentBytes,
  ): Promise<string[]> {
    const random = seeded(seed);
    const disk = new CrashFiles();
    const told: Told = new Map();
    const wrong: string[] = [];
    for (const from of [0, 9, 18]) {
      const files = through(dyingAt(disk, 1 + Math.floor(random() * 200)));
      await openJournal({ ...SMALL, segmentBytes, files }).then(
        (journal) => work(journal, told, from),
        () => {},
      );
      // Killed only: the next life builds on what may be in memory alone.
      if (random() < 0.5) disk.kill();
      else {
        disk.cutPower(random);
        wrong.push(...(await violations(disk, told)));
      }
    }
    disk.cutPower(random);
    wrong.push(...(await violations(disk, told)));
    return wrong.map((what) => `seed ${seed}: ${what}`);
  }

  const SEEDS = Array.from({ length: 120 }, (_, seed) => seed);

  test("at any moment loses nothing that was told", async () => {
    const wrong: string[] = [];
    for (const seed of SEEDS) wrong.push(...(await lose(seed, (files) => files)));
    expect(wrong).toEqual([]);
  });

  test("would lose what was told if the journal did not sync, so the test above proves something", async () => {
    const forgetful = (files: JournalFiles) =>
      faulty(files, ({ name, number }) =>
        name === "sync" && number > OPENING ? { result: Promise.resolve() } : null,
      );
    const wrong: string[] = [];
    for (const seed of SEEDS) wrong.push(...(await lose(seed, forgetful, 1_000_000)));
    // Mostly the start is refused, because later records say that earlier ones were synced; some are silently lost.
    expect(new Set(wrong.map((what) => what.split(":")[0])).size).toBeGreaterThan(SEEDS.length / 2);
    expect(wrong.some((what) => what.includes("told"))).toBe(true);
  });
});
