import fc from "fast-check";
import { expect, test } from "vitest";
import type { Json } from "../../src/core/json.ts";
import { parseStrictJson } from "../../src/document/json.ts";
import { recordableResult, recordableWords } from "../../src/document/recordable.ts";

test("every result has a form that the record takes, and keeps its own where it has one", () => {
  const anything = fc.jsonValue({ noUnicodeString: false, maxDepth: 4 }) as fc.Arbitrary<Json>;
  fc.assert(
    fc.property(fc.oneof(anything, fc.string({ unit: "binary" })), (result) => {
      const kept = recordableResult(result);
      const text = JSON.stringify(kept);
      expect(JSON.stringify(parseStrictJson(text))).toBe(text);
      let strict = true;
      try {
        parseStrictJson(JSON.stringify(result));
      } catch {
        strict = false;
      }
      // As JSON has it: there is no negative zero in it.
      if (strict) expect(JSON.stringify(kept)).toBe(JSON.stringify(result));
    }),
  );
});

test("what is too large is cut, and says so", () => {
  const kept = recordableResult(["é".repeat(600_000)]);
  expect(kept).toMatch(/^\["éé[\s\S]*é\n\[cut: the first 250000 characters\]$/);
  expect(recordableResult("x".repeat(900_000))).toHaveLength(900_000);
});

test("words are cut between characters", () => {
  expect(recordableWords("ab\u{1f389}", 3)).toBe("ab\ufffd");
});
