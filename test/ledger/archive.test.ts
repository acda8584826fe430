import { beforeAll, describe, expect, test } from "vitest";
import type { EmbeddedJournal } from "../../src/ledger/embedded-journal.ts";
import { openJournal } from "../../src/ledger/journal.ts";
import { sampleEvent } from "../sample.ts";
import { CrashFiles } from "./crash-files.ts";
import { type FaultyFiles, faulty } from "./faulty-files.ts";
import { eventsOf, idOf, LIFE, recordsOf, tellAll } from "./story.ts";

const COUNT = 240;
const OPEN = new Set([3, 77, 151]);
const SEGMENT_BYTES = 12_000;

let disk: CrashFiles;

const open = (files: CrashFiles | FaultyFiles) =>
  openJournal({ directory: "", files, segmentBytes: SEGMENT_BYTES });

/** Many finished requests over many segments, and three that stay open through all of them. */
beforeAll(async () => {
  disk = new CrashFiles();
  const journal = await open(disk);
  for (let n = 0; n < COUNT; n += 1) {
    await journal.append(idOf(n), 0, eventsOf(n, OPEN.has(n) ? ["submitted", "approved"] : LIFE));
  }
  await journal.append(idOf(5), 5, [sampleEvent("refused")]);
  await journal.append(idOf(3), 2, eventsOf(3).slice(2, 4));
  await journal.close();
});

async function expectAllFound(journal: EmbeddedJournal): Promise<void> {
  const { requests, keys, open: stillOpen } = await tellAll(journal, COUNT + 3);
  for (let n = 0; n < COUNT; n += 1) {
    const revision = n === 3 ? 4 : n === 5 ? 6 : OPEN.has(n) ? 2 : 5;
    expect(requests[n], idOf(n)).toMatchObject({ revision, submission: { fields: { id: idOf(n) } } });
    expect(keys[n], idOf(n)).toBe(n % 3 === 0 ? null : idOf(n));
  }
  expect(requests.slice(COUNT)).toEqual([null, null, null]);
  expect(keys.slice(COUNT)).toEqual([null, null, null]);
  expect(stillOpen).toEqual([...OPEN].map(idOf));
}

const named = async (files: CrashFiles, end: string) =>
  (await files.list()).filter((name) => name.endsWith(end));

describe("finished requests of many segments", () => {
  test("are found by id and by key, whatever segment they are in", async () => {
    expect((await named(disk, ".jsonl")).length).toBeGreaterThan(30);
    const journal = await open(disk.copy());
    await expectAllFound(journal);
    expect((await recordsOf(journal)).length).toBe((COUNT - OPEN.size) * 5 + OPEN.size * 2 + 3);
    await journal.close();
  });

  test("are found while new ones are finished and indexes are merged", async () => {
    const journal = await open(disk.copy());
    for (let n = COUNT; n < COUNT + 90; n += 1) {
      const life = journal.append(idOf(n), 0, eventsOf(n));
      const [old, key] = [n - COUNT, `key-${n - COUNT}`];
      expect(await journal.read(idOf(old))).not.toBeNull();
      expect(await journal.findKey("billing-agent", key)).toBe(old % 3 === 0 ? null : idOf(old));
      await life;
      expect(await journal.read(idOf(n))).toMatchObject({ archived: true });
    }
    await journal.close();
  });

  test("cost a start nothing: only the newest segment and the heads of a few indexes are read", async () => {
    const files = faulty(disk.copy());
    const journal = await open(files);
    const segments = (await named(disk, ".jsonl")).length;
    expect((await named(disk, ".index")).length).toBeLessThan(segments / 3);
    expect(files.count.open).toBeLessThanOrEqual(1 + (await named(disk, ".index")).length);
    expect(files.count.read).toBeLessThan(segments);
    await journal.close();
  });

  test("are not made twice: a known id is refused to a new submission", async () => {
    const journal = await open(disk.copy());
    await expect(journal.append(idOf(10), 0, eventsOf(10, ["submitted"]))).rejects.toMatchObject({
      name: "RevisionConflict",
      actual: 5,
    });
    await journal.close();
  });
});

describe("an index", () => {
  test("that is missing is made again, to the byte", async () => {
    const copy = disk.copy();
    for (const name of await named(copy, ".index")) copy.remove(name);
    const journal = await open(copy);
    await expectAllFound(journal);
    await journal.close();
    const last = (await named(disk, ".index")).filter((name) => name.slice(0, 6) === name.slice(7, 13));
    expect(last.length).toBeGreaterThan(0);
    for (const name of last) expect(copy.bytes(name).equals(disk.bytes(name)), name).toBe(true);
  });

  test("that is damaged anywhere is made again, at the start or when it is asked", async () => {
    for (const name of await named(disk, ".index")) {
      for (const at of [3, 34, 42, 4_094, 4_100, 5_000, disk.bytes(name).length - 2]) {
        const copy = disk.copy();
        const changed = Buffer.from(copy.bytes(name));
        changed[at] = (changed[at] ?? 0) ^ 0x10;
        copy.overwrite(name, changed);
        const journal = await open(copy);
        for (const n of [0, 5, 100, 200]) {
          expect(await journal.read(idOf(n)), `${name} ${at}`).toMatchObject({ archived: true });
        }
        await journal.close();
      }
    }
  });

  test("that is cut short, or another's, is made again", async () => {
    const [first = "", second = ""] = await named(disk, ".index");
    for (const bytes of [disk.bytes(first).subarray(0, 4_096), Buffer.alloc(0), disk.bytes(second)]) {
      const copy = disk.copy();
      copy.overwrite(first, bytes);
      const journal = await open(copy);
      await expectAllFound(journal);
      await journal.close();
    }
  });

  test("never hides damage in the segment that it points to", async () => {
    const copy = disk.copy();
    const changed = Buffer.from(copy.bytes("000002.jsonl"));
    const at = changed.indexOf('"receipt":"R-1"');
    changed.write('"receipt":"R-2"', at);
    copy.overwrite("000002.jsonl", changed);
    const journal = await open(copy);
    const answers = await Promise.allSettled(Array.from({ length: COUNT }, (_, n) => journal.read(idOf(n))));
    const refused = answers.flatMap((answer) => (answer.status === "rejected" ? [answer.reason] : []));
    expect(refused).toHaveLength(1);
    expect(refused[0]).toMatchObject({
      code: "journal_damaged",
      message: expect.stringContaining("000002.jsonl"),
    });
    await expect(recordsOf(journal)).rejects.toMatchObject({ code: "journal_damaged" });
    await journal.close();
  });
});
