import { beforeAll, describe, expect, test } from "vitest";
import { openJournal } from "../../src/ledger/journal.ts";
import { readRecords } from "../../src/ledger/reading.ts";
import { canonical, type Head, type LedgerRecord, recordLine } from "../../src/ledger/record.ts";
import { verifyJournal } from "../../src/ledger/verify.ts";
import { CrashFiles } from "./crash-files.ts";
import { eventsOf, idOf, live } from "./story.ts";

let disk: CrashFiles;
let head: Head;

beforeAll(async () => {
  disk = new CrashFiles();
  const journal = await openJournal({ directory: "", files: disk, segmentBytes: 9_000 });
  for (let n = 0; n < 12; n += 1) await live(journal, n, n % 4 === 0 ? ["submitted", "approved"] : undefined);
  head = journal.head();
  await journal.close();
});

const verify = (files: CrashFiles, expectedHead = head) =>
  verifyJournal({ directory: "", files, expectedHead });

/** A copy in which one segment's lines are changed. */
function edited(segment: string, edit: (lines: string[]) => string[]): CrashFiles {
  const copy = disk.copy();
  const lines = copy.bytes(segment).toString().split("\n").slice(0, -1);
  copy.overwrite(
    segment,
    Buffer.from(
      edit(lines)
        .map((line) => `${line}\n`)
        .join(""),
    ),
  );
  return copy;
}

const firstRecord = (lines: readonly string[]) => lines.findIndex((line) => line.startsWith('{"event"'));

describe("verify", () => {
  test("finds nothing wrong with a journal as it was written", async () => {
    expect(await verify(disk)).toEqual({ records: 51, requests: 12, head, problems: [] });
  });

  const TAMPERINGS: Record<string, { edit: (lines: string[]) => string[]; says: RegExp }> = {
    "a changed record": {
      edit: (lines) =>
        lines.map((line, n) => (n === firstRecord(lines) + 1 ? line.replace("ada", "eve") : line)),
      says: /hash does not match/,
    },
    "an inserted record": {
      edit: (lines) => lines.toSpliced(firstRecord(lines) + 2, 0, lines[firstRecord(lines)] ?? ""),
      says: /stands where/,
    },
    "a deleted record": { edit: (lines) => lines.toSpliced(firstRecord(lines) + 2, 1), says: /stands where/ },
    "reordered records": {
      edit: (lines) => {
        const [at, moved] = [firstRecord(lines) + 2, lines[firstRecord(lines) + 2] ?? ""];
        return lines.toSpliced(at, 1).toSpliced(at + 1, 0, moved);
      },
      says: /stands where/,
    },
    "a changed checkpoint": {
      edit: (lines) => lines.map((line) => (line.startsWith('{"id"') ? line.replace("ACME", "EMCA") : line)),
      says: /checkpoint/,
    },
    "a cut tail of an old segment": { edit: (lines) => lines.slice(0, -1), says: /continue|follows/ },
  };
  for (const [what, { edit, says }] of Object.entries(TAMPERINGS)) {
    test(`finds ${what}, and names its file and line`, async () => {
      const { problems } = await verify(edited("000002.jsonl", edit));
      expect(problems.length).toBeGreaterThan(0);
      expect(problems.map(({ message }) => message).join("; ")).toMatch(says);
      expect(problems[0]).toMatchObject({
        file: expect.stringMatching(/^00000[23]\.jsonl$/),
        line: expect.any(Number),
      });
    });
  }

  test("finds a missing segment", async () => {
    const copy = disk.copy();
    copy.remove("000002.jsonl");
    expect((await verify(copy)).problems[0]).toMatchObject({ file: "000002.jsonl" });
  });

  test("finds a cut tail only against a head that somebody kept", async () => {
    const newest = (await disk.list()).findLast((name) => name.endsWith(".jsonl")) ?? "";
    const cut = edited(newest, (lines) => lines.slice(0, -1));
    expect((await verifyJournal({ directory: "", files: cut })).problems).toEqual([]);
    expect((await verify(cut)).problems).toMatchObject([{ message: expect.stringContaining("ends before") }]);
  });

  test("finds a journal that was written anew only against a head that somebody kept", async () => {
    const anew = new CrashFiles();
    const journal = await openJournal({ directory: "", files: anew });
    for (let n = 20; n < 32; n += 1) await live(journal, n);
    await journal.close();
    expect((await verifyJournal({ directory: "", files: anew })).problems).toEqual([]);
    expect((await verify(anew)).problems).toMatchObject([
      { message: expect.stringContaining("not the one") },
    ]);
  });

  test("finds a record that was changed and hashed anew, since the next one continues another", async () => {
    const rehashed = edited("000002.jsonl", (lines) => {
      const at = firstRecord(lines) + 1;
      const { event, hash: _, ...rest } = JSON.parse(lines[at] ?? "") as LedgerRecord;
      const { line } = recordLine(canonical({ ...event, at: "2026-11-21T09:14:04.999Z" }), rest);
      return lines.toSpliced(at, 1, line.trimEnd());
    });
    expect((await verify(rehashed)).problems[0]).toMatchObject({
      file: "000002.jsonl",
      message: expect.stringContaining("does not continue"),
    });
  });

  test("finds a history that the core would not have allowed, though every hash holds", async () => {
    const files = new CrashFiles();
    const journal = await openJournal({ directory: "", files });
    await live(journal, 1, ["submitted"]);
    const { seq, hash: prev } = journal.head();
    await journal.close();
    const [started] = eventsOf(1, ["started"]);
    const forged = recordLine(canonical(started), {
      id: idOf(1),
      prev,
      revision: 2,
      seq: seq + 1,
      synced: seq,
    });
    files.overwrite("000001.jsonl", Buffer.concat([files.bytes("000001.jsonl"), Buffer.from(forged.line)]));
    const { problems } = await verifyJournal({ directory: "", files });
    expect(problems).toMatchObject([{ message: expect.stringContaining("started") }]);
    await expect(openJournal({ directory: "", files })).rejects.toMatchObject({ code: "journal_damaged" });
  });
});

describe("an audit while a daemon writes", () => {
  test("reads what is there, and leaves a line that is just being written", async () => {
    const newest = (await disk.list()).findLast((name) => name.endsWith(".jsonl")) ?? "";
    const copy = disk.copy();
    copy.overwrite(newest, Buffer.concat([copy.bytes(newest), Buffer.from('{"event":{"at":"2026-11-')]));
    const seqs: number[] = [];
    for await (const { seq } of readRecords(copy, 40)) seqs.push(seq);
    expect(seqs).toEqual(Array.from({ length: 11 }, (_, n) => 41 + n));
    expect(await verify(copy)).toMatchObject({ records: 51, problems: [] });
  });

  test("follows into segments that begin while it reads", async () => {
    const files = new CrashFiles();
    const journal = await openJournal({ directory: "", files, segmentBytes: 3_000 });
    for (let n = 0; n < 4; n += 1) await live(journal, n);
    const before = journal.head().seq;
    const seqs: number[] = [];
    for await (const { seq } of readRecords(files, 0)) {
      seqs.push(seq);
      if (seq < 40) await live(journal, 100 + seq, ["submitted"]);
    }
    expect(seqs).toEqual(Array.from({ length: seqs.length }, (_, n) => n + 1));
    expect(seqs.length).toBeGreaterThan(before + 10);
    await journal.close();
  });
});
