import { beforeAll, describe, expect, test } from "vitest";
import type { EmbeddedJournal } from "../../src/ledger/embedded-journal.ts";
import { openJournal } from "../../src/ledger/journal.ts";
import { canonical, type LedgerRecord, recordLine } from "../../src/ledger/record.ts";
import { verifyJournal } from "../../src/ledger/verify.ts";
import { CrashFiles } from "./crash-files.ts";
import { eventsOf, idOf, live, recordsOf } from "./story.ts";

const SEGMENT = "000001.jsonl";
const NEWLINE = 0x0a;

let disk: CrashFiles;
let bytes: Buffer;
let records: LedgerRecord[];
/** Where each line begins, and the end. */
let starts: number[];
let checkpointEnd: number;

/** Four records about two requests, each acknowledged. */
beforeAll(async () => {
  disk = new CrashFiles();
  const journal = await openJournal({ directory: "", files: disk });
  await live(journal, 1, ["submitted", "approved", "refused"]);
  await live(journal, 2, ["submitted"]);
  records = await recordsOf(journal);
  await journal.close();
  bytes = disk.bytes(SEGMENT);
  starts = [0];
  for (const [at, byte] of bytes.entries()) if (byte === NEWLINE) starts.push(at + 1);
  checkpointEnd = starts[2] ?? 0;
});

/** What a start makes of these bytes: the records it goes on with, or why it refuses. */
async function startWith(changed: Buffer) {
  const copy = disk.copy();
  copy.overwrite(SEGMENT, changed);
  let journal: EmbeddedJournal;
  try {
    journal = await openJournal({ directory: "", files: copy, now: () => new Date("2026-11-21T09:14:03Z") });
  } catch (error) {
    return { kept: [], repaired: null, refused: error as Error & { code: string }, files: copy };
  }
  const kept = await recordsOf(journal);
  await journal.close();
  return { kept, repaired: journal.repaired, refused: null, files: copy };
}

function flipped(at: number, mask: number): Buffer {
  const changed = Buffer.from(bytes);
  changed[at] = (changed[at] ?? 0) ^ mask;
  return changed;
}

describe("a changed byte", () => {
  test("anywhere refuses the start with file and line, or loses no acknowledged record", async () => {
    const kept = new Set<number>();
    for (let at = 0; at < bytes.length; at += 1) {
      // 0x0a turns a line end into a zero, and a zero at the end is what an interrupted write leaves.
      for (const mask of bytes[at] === NEWLINE ? [0x01, NEWLINE] : [1 << (at % 8)]) {
        const found = await startWith(flipped(at, mask));
        if (found.refused === null) {
          expect(found.kept, `byte ${at} ^ ${mask}`).toEqual(records);
          kept.add(at);
        } else {
          const line = starts.findLastIndex((start) => start <= at) + 1;
          expect(found.refused.code).toBe("journal_damaged");
          const named = Number(/000001\.jsonl, line (\d+):/.exec(found.refused.message)?.[1]);
          // What a checkpoint's lines hold is checked as one, at its last line.
          expect(named, found.refused.message).toBe(at < checkpointEnd ? Math.max(line, named) : line);
        }
      }
    }
    expect([...kept]).toEqual([bytes.length - 1]);
  });

  test("anywhere is found by verify", async () => {
    for (let at = 0; at < bytes.length - 1; at += 1) {
      const copy = disk.copy();
      copy.overwrite(SEGMENT, flipped(at, 0x01));
      expect((await verifyJournal({ directory: "", files: copy })).problems, `byte ${at}`).not.toEqual([]);
    }
  });
});

describe("a journal that ends early", () => {
  test("at any length goes on with every whole record, and keeps the rest in a file", async () => {
    for (let length = 0; length <= bytes.length; length += 1) {
      const found = await startWith(bytes.subarray(0, length));
      if (length < checkpointEnd) {
        expect(found.refused?.code, `length ${length}`).toBe("journal_damaged");
        continue;
      }
      // A record that lacks only its line end is whole: whether it was acknowledged or not, it may stay.
      const whole = starts.slice(3).filter((start) => start - 1 <= length).length;
      expect(found.kept, `length ${length}`).toEqual(records.slice(0, whole));
      const start = starts.findLast((one) => one <= length) ?? 0;
      const torn = start < length && !starts.includes(length + 1);
      expect(found.repaired).toBe(torn ? "torn-20261121T091403Z.txt" : null);
      if (torn) {
        expect(found.files.bytes("torn-20261121T091403Z.txt")).toEqual(bytes.subarray(start, length));
      }
    }
  });

  test("takes the next record where the cut was, and is sound", async () => {
    const { files, kept } = await startWith(bytes.subarray(0, bytes.length - 40));
    const journal = await openJournal({ directory: "", files });
    await journal.append(idOf(2), 0, eventsOf(2, ["submitted"]));
    await journal.close();
    const { problems, head } = await verifyJournal({ directory: "", files });
    expect({ problems, seq: head.seq }).toEqual({ problems: [], seq: kept.length + 1 });
  });
});

describe("zeros", () => {
  test("at the end are cut off", async () => {
    for (const count of [1, 511, 5_000]) {
      const found = await startWith(Buffer.concat([bytes, Buffer.alloc(count)]));
      expect(found.kept).toEqual(records);
      expect(found.repaired).not.toBeNull();
    }
  });

  test("behind a whole record without its line end are cut off, and the record stays", async () => {
    const found = await startWith(Buffer.concat([bytes.subarray(0, -1), Buffer.alloc(700)]));
    expect(found.kept).toEqual(records);
    expect(found.files.bytes(SEGMENT)).toEqual(bytes);
  });

  test("up to a sector's border, where nothing behind says that it was synced, are a torn write", async () => {
    const third = starts[4] ?? 0;
    const border = Math.ceil((third + 2) / 512) * 512;
    const hole = Buffer.from(bytes);
    hole.fill(0, third, border);
    const last = hole.subarray(0, starts[5]);
    expect((await startWith(last)).kept).toEqual(records.slice(0, 2));
    // The record behind it was written when the disk was known to have the one that is gone.
    expect((await startWith(hole)).refused?.code).toBe("journal_damaged");
  });

  test("elsewhere are damage", async () => {
    const hole = Buffer.from(bytes.subarray(0, starts[5]));
    hole.fill(0, (starts[4] ?? 0) + 3, (starts[4] ?? 0) + 9);
    expect((await startWith(hole)).refused?.code).toBe("journal_damaged");
  });
});

describe("a journal that somebody edited", () => {
  const lines = () => starts.slice(0, -1).map((start, index) => bytes.subarray(start, starts[index + 1]));
  const EDITS: Record<string, (lines: Buffer[]) => Buffer[]> = {
    "a line is missing": (all) => all.toSpliced(3, 1),
    "two lines are swapped": (all) => [...all.slice(0, 3), all[4], all[3], ...all.slice(5)] as Buffer[],
    "a line is there twice": (all) => [...all.slice(0, 4), all[3], ...all.slice(4)] as Buffer[],
    "a line is put in": (all) => all.toSpliced(4, 0, Buffer.from('{"note":"hello"}\n')),
    "an empty line is put in": (all) => all.toSpliced(4, 0, Buffer.from("\n")),
    "the checkpoint is missing": (all) => all.toSpliced(1, 1),
    "everything is gone": () => [],
  };
  for (const [what, edit] of Object.entries(EDITS)) {
    test(`where ${what} does not start, and verify says so`, async () => {
      const found = await startWith(Buffer.concat(edit(lines())));
      expect(found.refused?.code).toBe("journal_damaged");
      expect((await verifyJournal({ directory: "", files: found.files })).problems).not.toEqual([]);
    });
  }

  test("so that a record was hashed anew does not start, since the next one continues another", async () => {
    const changed = lines().map((line, index) => {
      if (index !== 3) return line;
      const { event, hash: _, ...rest } = JSON.parse(line.toString()) as LedgerRecord;
      return Buffer.from(recordLine(canonical({ ...event, at: "2026-11-21T09:14:04.999Z" }), rest).line);
    });
    const { refused } = await startWith(Buffer.concat(changed));
    expect(refused).toMatchObject({
      code: "journal_damaged",
      message: expect.stringContaining("line 5: it does not continue"),
    });
  });

  test("where a segment is missing does not start", async () => {
    const files = new CrashFiles();
    const journal = await openJournal({ directory: "", files, segmentBytes: 3_000 });
    for (let n = 0; n < 6; n += 1) await live(journal, n);
    await journal.close();
    const segments = (await files.list()).filter((name) => name.endsWith(".jsonl"));
    expect(segments.length).toBeGreaterThan(3);
    for (const segment of segments) {
      const copy = files.copy();
      copy.remove(segment);
      await expect(openJournal({ directory: "", files: copy })).rejects.toMatchObject({
        code: "journal_damaged",
        message: expect.stringContaining(segment),
      });
    }
  });
});
