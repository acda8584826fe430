import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Fault } from "../../src/core/codes.ts";
import { parseStrictJson } from "../../src/document/json.ts";

function refusal(text: string): string {
  try {
    parseStrictJson(text);
  } catch (error) {
    if (error instanceof Fault && error.code === "invalid_json") return error.message;
    throw error;
  }
  return "accepted";
}

describe("what has no one meaning is refused, with its place", () => {
  test.each([
    ["not JSON", '{\n  "a": tru }', /^Line 2, column \d+: this is not valid JSON/],
    ["a text that ends too early", '{"a": [1,', /^Line 1, column 10:/],
    ["an empty text", "", /^Line 1, column 1:/],
    ["NaN", '{"a": NaN}', /column 7/],
    ["Infinity", '{"a": Infinity}', /column 7/],
    ["a comment", '{"a": 1} // one', /column 10/],
    ["a trailing comma", '{"a": 1,}', /column 9/],
    ["a byte order mark", "\uFEFF{}", /column 1/],
    ["a duplicate key", '{"a": 1,\n "a": 2}', /^Line 2, column 2: the key a is there twice/],
    ["a duplicate key, written another way", '{"a": 1, "\\u0061": 2}', /the key a is there twice/],
    ["a duplicate key further in", '[{"x": {"b": 1, "c": 2, "b": 1}}]', /the key b is there twice/],
    ["a duplicate key behind an inner object", '{"a": {"b": 1}, "a": 2}', /the key a is there twice/],
    ["2^53", "9007199254740992", /outside/],
    ["-2^53", "[-9007199254740992]", /column 2.*outside/],
    ["an integer that would be rounded", "9007199254740993", /outside/],
    ["a decimal just over the border", "9007199254740991.4", /outside/],
    ["a decimal with a larger magnitude", "1.5e300", /outside/],
    ["what becomes infinite", "1e400", /outside/],
    ["what becomes zero", "1e-400", /too small/],
    ["minus zero", '{"a": -0}', /minus zero/],
    ["minus zero as a decimal", "-0.0e5", /minus zero/],
    ["half a surrogate pair", '{"a": "\\ud83d"}', /column 7: a string holds half a surrogate/],
    ["half a surrogate pair in a key", '{"\\udc00": 1}', /a key holds half/],
    ["__proto__", '{"__proto__": {"admin": true}}', /__proto__/],
    ["__proto__ in disguise", '{"\\u005f_proto__": {"admin": true}}', /__proto__/],
    ["101 levels", `${"[".repeat(101)}${"]".repeat(101)}`, /column 101: .*deeper than 100/],
    ["a depth bomb that is no JSON", `/* " */${"[".repeat(500_000)}`, /not valid JSON/],
    ["a depth bomb", `${'{"a":'.repeat(200_000)}1${"}".repeat(200_000)}`, /deeper than 100/],
  ])("%s", (_, text, message) => {
    expect(refusal(text)).toMatch(message);
  });
});

test("a key's invisible characters are shown in the refusal", () => {
  expect(refusal('{"\\u202ea": 1, "\\u202ea": 2}')).toContain("\\u{202E}a");
});

describe("what has one meaning is taken", () => {
  test.each([
    ["the largest integers", "[9007199254740991, -9007199254740991]"],
    ["small decimals", "[0.1, -2.5e-3, 0, 0.0, 0e9]"],
    ["the same key in different objects", '{"a": {"a": 1}, "b": [{"a": 1}, {"a": 2}]}'],
    ["the same key inside and behind an inner object", '{"x": {"b": 1}, "b": 2}'],
    ["brackets and escaped quotes inside strings", `["${"[{".repeat(200)}", "\\"{[\\\\"]`],
    ["100 levels", `${"[".repeat(100)}${"]".repeat(100)}`],
    ["a whole surrogate pair", '"\\ud83d\\ude00"'],
    ["keys of Object.prototype", '{"constructor": 1, "toString": 2, "hasOwnProperty": 3}'],
  ])("%s", (_, text) => {
    expect(parseStrictJson(text)).toEqual(JSON.parse(text));
  });

  test("every text that JSON.stringify makes of a safe value", () => {
    const safe = fc.jsonValue({ maxDepth: 5, stringUnit: "grapheme", noUnicodeString: false } as object);
    fc.assert(
      fc.property(safe, (value) => {
        fc.pre(isSafe(value));
        const text = JSON.stringify(value);
        expect(JSON.stringify(parseStrictJson(text))).toBe(text);
      }),
    );
  });
});

test("no text makes it throw anything but a refusal", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.json()), (text) => {
      refusal(text);
    }),
  );
});

function isSafe(value: unknown): boolean {
  if (typeof value === "number") {
    return Number.isFinite(value) && Math.abs(value) < Number.MAX_SAFE_INTEGER && !Object.is(value, -0);
  }
  if (typeof value !== "object" || value === null) return true;
  return Object.entries(value).every(([key, inner]) => key !== "__proto__" && isSafe(inner));
}
