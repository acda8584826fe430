import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Conversion, convert } from "../../../src/document/foreign/conversion.ts";
import { readDeadline } from "../../../src/document/foreign/deadline.ts";
import { readForeign, type Value } from "../../../src/document/foreign/note.ts";

/** A property's value, read from YAML as a note has it. */
function valueFrom(yaml: string): Value {
  const reading = readForeign(Buffer.from(`---\nvalue: ${yaml}\n---\n`));
  if (!reading.ok) throw new Error(`${yaml} is no YAML`);
  return reading.note.find("value")[0]?.value ?? { is: "nothing" };
}

function outcome(yaml: string, as: Conversion): unknown {
  const converted = convert(valueFrom(yaml), as);
  if ("ok" in converted) return converted.ok;
  return "absent" in converted ? "absent" : "wrong";
}

describe("a value is converted exactly, or not at all", () => {
  test.each<[Conversion, string, unknown]>([
    ["cents", "500", 50_000],
    ["cents", "500.00", 50_000],
    ["cents", "1200.0", 120_000],
    ["cents", "99.9", 9_990],
    ["cents", "0.1", 10],
    ["cents", "$500.00", 50_000],
    ["cents", '"$1,500.00"', 150_000],
    ["cents", '"1,500.00 EUR"', 150_000],
    ["cents", '"EUR 1,500.00"', 150_000],
    ["cents", "€20", 2_000],
    ["cents", "1,234,567", 123_456_700],
    ["cents", "1,500", "wrong"],
    ["cents", "1.500", "wrong"],
    ["cents", "1.500,00", "wrong"],
    ["cents", "500,00", "wrong"],
    ["cents", "12,34.00", "wrong"],
    ["cents", "-5", "wrong"],
    ["cents", "+5", "wrong"],
    ["cents", "5e3", "wrong"],
    ["cents", "0x1F", "wrong"],
    ["cents", "1_000", "wrong"],
    ["cents", "500.001", "wrong"],
    ["cents", ".50", "wrong"],
    ["cents", "5.", "wrong"],
    ["cents", '"$500 USD"', "wrong"],
    ["cents", "JPY 500", "wrong"],
    ["cents", "KWD 500", "wrong"],
    ["cents", "about 500", "wrong"],
    ["cents", "99999999999999999", "wrong"],
    ["cents", "٥٠٠", "wrong"],
    ["currency", "USD", "USD"],
    ["currency", '"1,500.00 EUR"', "EUR"],
    ["currency", "£20", "GBP"],
    ["currency", "$20", "absent"],
    ["currency", "20", "absent"],
    ["currency", "dollars", "wrong"],
    ["currency", "JPY", "wrong"],
    ["integer", "42", 42],
    ["integer", '"42"', 42],
    ["integer", "-7", -7],
    ["integer", "010", "wrong"],
    ["integer", "0o17", "wrong"],
    ["integer", "1e3", "wrong"],
    ["integer", "4.0", "wrong"],
    ["integer", "9007199254740993", "wrong"],
    ["number", "12.50", 12.5],
    ["number", "-0", "wrong"],
    ["number", "0.1234567890123456789", "wrong"],
    ["number", ".5", "wrong"],
    ["number", ".inf", "wrong"],
    ["boolean", "true", true],
    ["boolean", "False", false],
    ["boolean", "yes", "wrong"],
    ["boolean", "1", "wrong"],
    ["text", "Client A", "Client A"],
    ["text", "007", "007"],
    ["text", "2026-11-21", "2026-11-21"],
    ["text", "true", "true"],
    ["text", "", "absent"],
    ["text", "~", "absent"],
    ["text", '"  "', "absent"],
    ["text", "{name}", "wrong"],
    ["text", '"{name}"', "wrong"],
    ["text", '"<payee>"', "wrong"],
    ["text", "'[amount]'", "wrong"],
    ["text", '"Dear {{name}}, hello"', "wrong"],
    ["text", "'\u0024{to}'", "wrong"],
    ["text", '"<ada@example.com>"', "<ada@example.com>"],
    ["text", "[a, b]", "wrong"],
    ["text", "{ a: 1 }", "wrong"],
    ["list", "[a, b]", ["a", "b"]],
    ["list", "[1, true]", ["1", "true"]],
    ["list", "one", ["one"]],
    ["list", "one, two", "wrong"],
    ["list", "one; two", "wrong"],
    ["list", "[]", "absent"],
    ["list", '[a, ""]', "wrong"],
    ["list", "[[a]]", "wrong"],
    ["list", '["{{x}}"]', "wrong"],
  ])("%s of %s", (as, yaml, expected) => {
    expect(outcome(yaml, as)).toEqual(expected);
  });

  test("of a Markdown list its entries; boxes are none", () => {
    const text = (markdown: string): Value => ({ is: "text", text: markdown, plain: "text" });
    expect(convert(text("- a.pdf\n- b, c.pdf"), "list")).toEqual({ ok: ["a.pdf", "b, c.pdf"] });
    expect(convert(text("- [ ] a\n- [x] b"), "list")).toHaveProperty("wrong");
  });

  test("every amount that is written with two decimals, in every way that is taken, is that amount", () => {
    const grouped = (whole: bigint) => whole.toString().replaceAll(/\B(?=(\d{3})+(?!\d))/g, ",");
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 90_000_000_000_000n }), fc.nat(99), (whole, fraction) => {
        const digits = `.${String(fraction).padStart(2, "0")}`;
        const cents = Number(whole * 100n + BigInt(fraction));
        for (const text of [
          `${whole}${digits}`,
          `$${grouped(whole)}${digits}`,
          `${grouped(whole)}${digits} EUR`,
        ]) {
          expect(outcome(JSON.stringify(text), "cents")).toBe(cents);
        }
      }),
    );
  });

  test("no text throws, and none gives a number that it does not spell", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."0123456789.,$€ EURe-+_x") }), (text) => {
        const converted = convert({ is: "text", text, plain: "text" }, "cents");
        if (!("ok" in converted)) return;
        const plain = text.replaceAll(/[^0-9.]/g, "");
        expect(Math.round(Number(plain) * 100)).toBe(converted.ok);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("a deadline", () => {
  test.each([
    ["2026-11-21T18:00:00Z", "2026-11-21T18:00:00.000Z"],
    ["2026-11-21 18:00+02:00", "2026-11-21T16:00:00.000Z"],
    ["2026-11-21T18:00:00.123456+0530", "2026-11-21T12:30:00.000Z"],
  ])("%s", (text, expected) => {
    expect(new Date(readDeadline(text) ?? Number.NaN).toISOString()).toBe(expected);
  });

  test("without a zone is this machine's time; a date alone is over when it begins", () => {
    expect(readDeadline("2026-11-21T18:00:00")).toBe(new Date(2026, 10, 21, 18).getTime());
    expect(readDeadline("2026-11-21")).toBe(new Date(2026, 10, 21).getTime());
  });

  test.each(["tomorrow", "21.11.2026", "2026-13-01", "2026-02-30", "2026-11-21T25:00", "1795284000", ""])(
    "%j is none",
    (text) => {
      expect(readDeadline(text)).toBeNull();
    },
  );
});
