import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../../src/core/json.ts";
import { jsonOfParams } from "../../../src/surfaces/sdk/params.ts";

const given = (extra: unknown) => jsonOfParams({ commit: "3f2a9c1", extra } as JsonObject);

test("what is JSON stays as it is", () => {
  const value = fc.dictionary(
    fc.string().filter((name) => name !== "__proto__"),
    fc.jsonValue({ maxDepth: 3 }),
  );
  fc.assert(
    fc.property(value, (params) => {
      const safe = JSON.parse(JSON.stringify(params), (_, member) =>
        typeof member === "number" && !Number.isSafeInteger(Math.trunc(member)) ? 1 : member,
      );
      expect(jsonOfParams(safe)).toEqual(safe);
    }),
  );
});

test("what says how it is written is written so, and what is undefined is not there", () => {
  const when = new Date(0);
  expect(given({ when, no: undefined, price: { toJSON: () => "1.50" } })).toEqual({
    commit: "3f2a9c1",
    extra: { when: "1970-01-01T00:00:00.000Z", price: "1.50" },
  });
  class Line {
    readonly sku = "a1";
  }
  expect(given([new Line()])).toEqual({ commit: "3f2a9c1", extra: [{ sku: "a1" }] });
});

describe("what JSON would change or leave out is refused, and named", () => {
  const ring: { next?: object } = {};
  ring.next = ring;
  test.each<[string, unknown, string]>([
    ["NaN", Number.NaN, "NaN"],
    ["an endless number", Number.POSITIVE_INFINITY, "Infinity"],
    ["a number beyond what is exact", 2 ** 60, "1152921504606847000"],
    ["a BigInt", 10n, "a bigint"],
    ["a function", () => 1, "a function"],
    ["a symbol", Symbol("x"), "a symbol"],
    ["a hole in a list", [undefined], "undefined"],
    ["a Map", new Map([[1, 2]]), "class Map"],
    ["a promise that was not awaited", Promise.resolve(1), "class Promise"],
    ["an error", new Error("x"), "class Error"],
    ["no date at all", new Date("x"), "class Date"],
    ["a ring", ring, "part of itself"],
    ["half a surrogate pair", "\ud800", "half a surrogate pair"],
    ["too deep", JSON.parse(`${"[".repeat(200)}${"]".repeat(200)}`), "nested deeper"],
  ])("%s", (_, extra, named) => {
    const message = expect.stringMatching(/^params\.extra/);
    expect(() => given(extra)).toThrow(expect.objectContaining({ code: "invalid_json", message }));
    expect(() => given({ deep: [extra] })).toThrow(named);
  });
});
