import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Definition } from "../../../src/surfaces/gateway/definition.ts";
import { openPins } from "../../../src/surfaces/gateway/pins.ts";

/** Holds a writer up between what it has read and what it writes, and dies for it. */
const pause = vi.hoisted(() => ({
  beforeLink: null as null | (() => void),
  beforeRemoval: null as null | (() => void),
}));
vi.mock("node:fs", async (original) => {
  const real = await original<typeof import("node:fs")>();
  return {
    ...real,
    linkSync(from: string, to: string) {
      pause.beforeLink?.();
      real.linkSync(from, to);
    },
    rmSync(path: string, options: object) {
      pause.beforeRemoval?.();
      real.rmSync(path, options);
    },
  };
});

const named = (name: string, description = "Writes."): Definition => ({
  name,
  description,
  inputSchema: { type: "object" },
});

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "cs-pins-"));
});
afterEach(() => {
  pause.beforeLink = null;
  pause.beforeRemoval = null;
  rmSync(folder, { recursive: true });
});

const kept = () => [...openPins(folder, "fs").read().values()];
/** Once, in the middle of whatever is written next. */
const meanwhile = (work: () => void) => {
  pause.beforeLink = () => {
    pause.beforeLink = null;
    work();
  };
};

test("are kept, for this user alone", () => {
  expect(kept()).toEqual([]);
  openPins(folder, "fs").see([named("write")]);
  expect(kept()).toEqual([named("write")]);
  expect(statSync(join(folder, "fs.json")).mode & 0o777).toBe(0o600);
  openPins(folder, "fs").accept(named("write", "Deletes."));
  expect(kept()).toEqual([named("write", "Deletes.")]);
  expect(readdirSync(folder)).toHaveLength(1);
});

test("are looked at anew where the file is another one, and not where it is the same", () => {
  const pins = openPins(folder, "fs");
  pins.see([named("write")]);
  const before = pins.read();
  expect(pins.read()).toBe(before);
  openPins(folder, "fs").accept(named("write", "Deletes."));
  expect([...pins.read().values()]).toEqual([named("write", "Deletes.")]);
  writeFileSync(join(folder, readdirSync(folder)[0] ?? ""), "{}");
  expect(() => pins.read()).toThrow(expect.objectContaining({ code: "pins_damaged" }));
});

test("two gateways that start at once both keep what they have seen", () => {
  meanwhile(() => openPins(folder, "fs").see([named("one")]));
  const all = openPins(folder, "fs").see([named("two")]);
  expect([...all.keys()].sort()).toEqual(["one", "two"]);
  expect(kept()).toHaveLength(2);
});

test("what one gateway has seen first is not seen for the first time by another", () => {
  meanwhile(() => openPins(folder, "fs").see([named("write")]));
  const all = openPins(folder, "fs").see([named("write", "Deletes.")]);
  expect(all.get("write")).toEqual(named("write"));
  expect(kept()).toEqual([named("write")]);
});

test("a look that has become old in the middle of several changes loses none of them", () => {
  const other = openPins(folder, "fs");
  other.see([named("first")]);
  meanwhile(() => {
    // By then the number behind the old look has been given, and is free again.
    other.accept(named("first", "Once."));
    other.accept(named("first", "Twice."));
  });
  openPins(folder, "fs").see([named("late")]);
  expect(kept()).toEqual([named("first", "Twice."), named("late")]);
  expect(readdirSync(folder)).toHaveLength(1);
});

test("a gateway that dies while it writes leaves what was there, or what it wrote, to the next one", () => {
  openPins(folder, "fs").see([named("first")]);
  const dying = () => {
    throw new Error("killed");
  };
  pause.beforeLink = dying;
  expect(() => openPins(folder, "fs").accept(named("first", "Never."))).toThrow("killed");
  pause.beforeLink = null;
  expect(kept()).toEqual([named("first")]);

  pause.beforeRemoval = dying;
  expect(() => openPins(folder, "fs").accept(named("first", "Now."))).toThrow("killed");
  pause.beforeRemoval = null;
  expect(readdirSync(folder).length).toBeGreaterThan(1);
  expect(kept()).toEqual([named("first", "Now.")]);
  openPins(folder, "fs").see([named("next")]);
  expect(kept()).toEqual([named("first", "Now."), named("next")]);
});

test.each([
  ["no JSON", "{"],
  ["another form", JSON.stringify({ version: 2, tools: [] })],
  ["no list", JSON.stringify({ version: 1, tools: {} })],
  ["no definition", JSON.stringify({ version: 1, tools: [{ sha256: "x" }] })],
  [
    "a digest of another one",
    JSON.stringify({ version: 1, tools: [{ sha256: "x", definition: { name: "a" } }] }),
  ],
  ["nothing", ""],
])("with %s are damaged, and are not written over", (_name, text) => {
  const file = join(folder, "fs.json");
  writeFileSync(file, text);
  const pins = openPins(folder, "fs");
  const damaged = expect.objectContaining({ code: "pins_damaged", message: expect.stringContaining(file) });
  expect(() => pins.read()).toThrow(damaged);
  expect(() => pins.see([named("write")])).toThrow(damaged);
  expect(() => pins.accept(named("write"))).toThrow(damaged);
  expect(readFileSync(file, "utf8")).toBe(text);
});
