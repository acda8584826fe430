import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { quoted, scalar } from "../../src/document/properties.ts";

/** Texts near the border between what YAML reads as a word and what it reads as something else. */
const NEAR = fc.oneof(
  fc.string({ unit: fc.constantFrom(..."abenxyofinfteulsEFS019-+._:@"), maxLength: 12 }),
  fc.string({ unit: fc.constantFrom(...'ab "\\#:{[]}!&*|>%@`\t\n\u0085é'), maxLength: 12 }),
  fc.string({ unit: fc.constantFrom(..."abe01-"), maxLength: 8 }).map((end) => `20261121-091403-${end}`),
  fc
    .string({ unit: fc.constantFrom(..."0123456789abcdefg"), minLength: 63, maxLength: 65 })
    .map((end) => `sha256:${end}`),
  fc.constantFrom(
    "true",
    "false",
    "FALSE",
    "null",
    "yes",
    "no",
    "on",
    "off",
    "y",
    "n",
    "~",
    ".inf",
    ".nan",
    "e10019",
    "e-119119",
    "E+119119",
  ),
);

describe("a text as a YAML scalar", () => {
  test("is what the YAML package makes of it, and reads back as that text", () => {
    fc.assert(
      fc.property(NEAR, (text) => {
        expect(scalar(text)).toBe(stringify(text, { compat: "yaml-1.1", lineWidth: 0 }).trimEnd());
        const wanted = stringify(text, { defaultStringType: "QUOTE_DOUBLE", lineWidth: 0 }).trimEnd();
        expect(quoted(text)).toBe(wanted);
        expect(parse(quoted(text))).toBe(text);
      }),
      { numRuns: 3_000 },
    );
  });
});
