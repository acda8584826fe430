import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openOutboxFiles } from "../../../src/adapters/notify/store.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "cs-store-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

test("what was written is read, by name", async () => {
  const store = openOutboxFiles<{ format: 1; seq: number }>(folder);
  expect(await store.read("ops")).toBeNull();
  await store.write("ops", { format: 1, seq: 3 });
  await store.write("boss", { format: 1, seq: 9 });
  await store.write("ops", { format: 1, seq: 4 });
  expect(await openOutboxFiles(folder).read("ops")).toEqual({ format: 1, seq: 4 });
  expect(statSync(join(folder, "notify")).mode & 0o777).toBe(0o700);
});

test("a write that was cut off before leaves the one before it, and is no obstacle", async () => {
  const store = openOutboxFiles<{ format: 1; seq: number }>(folder);
  await store.write("ops", { format: 1, seq: 3 });
  writeFileSync(join(folder, "notify/ops.json.new"), '{"format":1,"se');
  expect(await store.read("ops")).toEqual({ format: 1, seq: 3 });
  await store.write("ops", { format: 1, seq: 4 });
  expect(await store.read("ops")).toEqual({ format: 1, seq: 4 });
});

test.each(["", "null", "[]", '{"format":2,"seq":1}', '{"format":1,"seq":"x"}'])(
  "%j is no state, and is kept aside until another takes its place",
  async (text) => {
    mkdirSync(join(folder, "notify"));
    const [file, kept] = [join(folder, "notify/ops.json"), join(folder, "notify/ops.damaged-1")];
    writeFileSync(file, text);
    const store = openOutboxFiles<{ format: 1; seq: number }>(folder);
    expect(await store.read("ops")).toEqual({ unreadable: true, kept });
    // A start that ends here must not make it look as if there had been none.
    expect(await store.read("ops")).toEqual({ unreadable: true, kept: join(folder, "notify/ops.damaged-2") });
    await store.write("ops", { format: 1, seq: 4 });
    expect(await store.read("ops")).toEqual({ format: 1, seq: 4 });
    expect(readFileSync(kept, "utf8")).toBe(text);
  },
);

test("one that is there and may not be read is not taken for none", async () => {
  mkdirSync(join(folder, "notify/ops.json"), { recursive: true });
  expect(await openOutboxFiles(folder).read("ops")).toEqual({ unreadable: true, kept: null });
});
