import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Fault } from "../../../src/core/codes.ts";
import type { JsonObject } from "../../../src/core/json.ts";
import { draftToken } from "../../../src/surfaces/cli/draft-token.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "cs-tokens-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const asked = (n: number) => ({ requester: "agent", kind: "refactor", params: { n } });
const absent = new Fault("unreachable", undefined, undefined, {
  cause: Object.assign(new Error("nobody"), { code: "ECONNREFUSED" }),
});
const cutOff = new Fault("unreachable", undefined, undefined, {
  cause: Object.assign(new Error("gone"), { code: "ECONNRESET" }),
});

/** Asks, is answered by a fault, and gives the token that it asked with. */
async function fail(n: number, fault: Fault): Promise<string> {
  const draft = draftToken(folder, asked(n));
  await expect(draft.asking(() => Promise.reject(fault))).rejects.toBe(fault);
  return draft.token;
}

test("a question whose answer was lost is asked with the same token again, and leaves nothing once it is answered", async () => {
  const first = await fail(1, cutOff);
  // Nobody heard this one; the one before may have been.
  expect(await fail(1, absent)).toBe(first);
  expect(await fail(1, cutOff)).toBe(first);
  expect(await fail(1, new Fault("over_limit"))).toBe(first);
  expect(readdirSync(folder)).toEqual([]);
});

test.each([absent, new Fault("busy")])(
  "a question that nobody heard leaves nothing ($code)",
  async (fault) => {
    await fail(1, fault);
    expect(readdirSync(folder)).toEqual([]);
  },
);

test("a question is the same in whichever order its params come, and also where they have no canonical form", () => {
  const tokenFor = (params: JsonObject) => draftToken(folder, { ...asked(0), params }).token;
  const token = tokenFor({ a: { x: 1, y: 2 }, b: [1, 2] });
  expect(tokenFor({ b: [1, 2], a: { y: 2, x: 1 } })).toBe(token);
  expect(tokenFor({ b: [2, 1], a: { x: 1, y: 2 } })).not.toBe(token);
  expect(tokenFor({ cut: "\ud83d" })).not.toBe(token);
});

test("of questions that are never asked again the newest are kept, and everything else of the folder", async () => {
  const id = "20261121-091403-refactor-aaaaaa";
  draftToken(folder, asked(0)).keepFor(id);
  for (let n = 0; n < 499; n += 1) {
    const file = join(folder, `asked-${n}`);
    writeFileSync(file, "");
    utimesSync(file, n, n);
  }
  for (const n of [1, 2, 3]) await fail(n, cutOff);
  const left = readdirSync(folder);
  expect(left).toHaveLength(501);
  expect(left).toEqual(expect.arrayContaining([id, "asked-2", "asked-498"]));
  expect(left).not.toContain("asked-1");
});
