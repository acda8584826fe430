import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
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
  "%j is no state",
  async (text) => {
    mkdirSync(join(folder, "notify"));
    writeFileSync(join(folder, "notify/ops.json"), text);
    expect(await openOutboxFiles(folder).read("ops")).toBeNull();
  },
);
