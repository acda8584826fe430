import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openJournal } from "../../src/ledger/journal.ts";
import { verifyJournal } from "../../src/ledger/verify.ts";
import { idOf, live, tellAll } from "./story.ts";

let folder: string;
let directory: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "state-"));
  directory = join(folder, "state");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);

test("is made for us alone, and so is everything in it", async () => {
  const journal = await openJournal({ directory, segmentBytes: 3_000 });
  for (let n = 0; n < 6; n += 1) await live(journal, n);
  await journal.close();
  expect([mode(directory), mode(join(directory, "journal"))]).toEqual(["700", "700"]);
  const files = readdirSync(join(directory, "journal"));
  expect(files.some((name) => name.endsWith(".index"))).toBe(true);
  expect(new Set(files.map((name) => mode(join(directory, "journal", name))))).toEqual(new Set(["600"]));
});

test("that others can enter stops the start", async () => {
  for (const open of [0o755, 0o750, 0o701, 0o720]) {
    mkdirSync(directory, { recursive: true });
    chmodSync(directory, open);
    await expect(openJournal({ directory })).rejects.toMatchObject({
      code: "state_unsafe",
      message: expect.stringContaining(directory),
    });
  }
  chmodSync(directory, 0o700);
  await (await openJournal({ directory })).close();
  chmodSync(join(directory, "journal"), 0o755);
  await expect(openJournal({ directory })).rejects.toMatchObject({ code: "state_unsafe" });
});

test.runIf(process.getuid?.() === 0)("that belongs to another user stops the start", async () => {
  mkdirSync(directory, { mode: 0o700 });
  chownSync(directory, 12_345, 12_345);
  await expect(openJournal({ directory })).rejects.toMatchObject({
    code: "state_unsafe",
    message: expect.stringContaining("another user"),
  });
});

test("with a segment that is a link elsewhere stops the start", async () => {
  mkdirSync(join(directory, "journal"), { recursive: true, mode: 0o700 });
  writeFileSync(join(folder, "elsewhere"), "");
  symlinkSync(join(folder, "elsewhere"), join(directory, "journal", "000001.jsonl"));
  await expect(openJournal({ directory })).rejects.toMatchObject({ code: "storage_failed" });
});

test("keeps one journal for one writer, on a real disk as in memory", async () => {
  const journal = await openJournal({ directory, segmentBytes: 4_000 });
  for (let n = 0; n < 12; n += 1) await live(journal, n, n % 3 === 0 ? ["submitted"] : undefined);
  await expect(openJournal({ directory })).rejects.toMatchObject({ code: "already_running" });
  const told = await tellAll(journal, 13);
  expect(told.open).toEqual([0, 3, 6, 9].map(idOf));
  expect(await verifyJournal({ directory, expectedHead: told.head })).toMatchObject({ problems: [] });
  await journal.close();
  const again = await openJournal({ directory, segmentBytes: 4_000 });
  expect(await tellAll(again, 13)).toEqual(told);
  await again.close();
});
