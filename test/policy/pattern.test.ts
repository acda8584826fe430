import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readPattern } from "../../src/policy/pattern.ts";

function found(written: string, text: string): boolean {
  const read = readPattern(written);
  if (typeof read === "string") throw new Error(`${written}: ${read}`);
  return read.found(text);
}

/** Patterns made of parts that mean the same in JavaScript. */
const plain = fc.constantFrom("a", "b", "c", ".", "\\d", "\\w", "[ab]", "[^a]", "[a-c1]", "\\.");
const asserting = fc.constantFrom("^", "$", "\\b");
const times = fc.constantFrom("", "", "*", "+", "?", "{2}", "{1,3}", "{2,}", "*?");

function sequence(atom: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const repeated = fc.tuple(atom, times).map(([one, often]) => one + often);
  return fc
    .array(fc.oneof({ weight: 4, arbitrary: repeated }, asserting), { maxLength: 4 })
    .map((parts) => parts.join(""));
}

const choice = (inner: fc.Arbitrary<string>) =>
  fc.array(inner, { minLength: 1, maxLength: 3 }).map((ways) => ways.join("|"));
const grouped = choice(sequence(plain)).map((inner) => `(${inner})`);
const pattern = choice(sequence(fc.oneof(plain, grouped)));

describe("a pattern", () => {
  test("finds what JavaScript finds", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "b", "c", "1", ".", " "), maxLength: 12 });
    fc.assert(
      fc.property(pattern, text, fc.boolean(), (written, subject, folded) => {
        const flags = folded ? "iu" : "u";
        const subjectCased = folded ? subject.toUpperCase() : subject;
        expect(found(folded ? `(?i)${written}` : written, subjectCased)).toBe(
          new RegExp(written, flags).test(subjectCased),
        );
      }),
      { numRuns: 3_000 },
    );
  });

  test("takes time in proportion to the text where backtracking would take for ever", () => {
    for (const hostile of ["(a+)+$", "(a|aa)+$", "(.*a){12}b", "a*a*a*a*a*a*b"]) {
      expect(found(hostile, `${"a".repeat(20_000)}!`)).toBe(false);
    }
  }, 10_000);

  test.each([
    ["(?=a)"],
    ["(a)\\1"],
    ["(?<name>a)"],
    ["\\pL"],
    ["["],
    ["("],
    ["a)"],
    ["*a"],
    ["a**"],
    ["[b-a]"],
    ["a{101}"],
    ["a{3,1}"],
    ["(((a{100}){100}){100})"],
    ["\\"],
    ["a".repeat(501)],
  ])("%s is refused in words", (written) => {
    expect(readPattern(written)).toBeTypeOf("string");
  });

  test("reads no text as anything but a pattern or a sentence", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string(), (written, text) => {
        const read = readPattern(written);
        if (typeof read !== "string") read.found(text);
      }),
    );
  });
});
