import { describe, expect, test } from "vitest";
import { type From, type Mapping, mapNote } from "../../../src/document/foreign/mapping.ts";
import { readForeign } from "../../../src/document/foreign/note.ts";

const text = (...from: string[]): From => ({ from, as: "text", optional: false });

const MAPPING: Mapping = {
  name: "mapping 1",
  when: [{ name: "type", is: ["ask", "request"] }],
  kind: { first: ["payment"] },
  params: { each: { payee: text("to") } },
  title: ["summary"],
  expires: ["until"],
  requester: ["agent"],
};

const kindOf = (kind: string) => (kind === "refactor" ? "caller" : kind === "payment" ? "daemon" : null);

function map(note: string, ...mappings: Partial<Mapping>[]) {
  const reading = readForeign(Buffer.from(note));
  if (!reading.ok) throw new Error("the note cannot be read");
  const settings = { requester: "vault", mappings: mappings.map((one) => ({ ...MAPPING, ...one })) };
  return mapNote(reading.note, settings, kindOf);
}

const front = (...lines: string[]) => `---\n${lines.join("\n")}\n---\n`;
const codes = (mapped: ReturnType<typeof map>) =>
  mapped.ok ? [] : mapped.problems.map(({ code, line }) => `${code}:${line}`);

describe("a mapping", () => {
  test("takes params, title, deadline and requester from where it says", () => {
    const note = front("Type: ask", "to: ACME", "summary: Rent", "until: 2026-11-21T12:00:00Z", "agent: bot");
    expect(map(note, {})).toEqual({
      ok: true,
      asked: {
        kind: "payment",
        params: { payee: "ACME" },
        title: "Rent",
        requester: "bot",
        expires: Date.parse("2026-11-21T12:00:00Z"),
      },
    });
  });

  test("leaves title and deadline open and takes the one requester where the note has none", () => {
    const asked = {
      kind: "payment",
      params: { payee: "ACME" },
      title: null,
      requester: "vault",
      expires: null,
    };
    expect(map(front("type: request", "to: ACME"), {})).toEqual({ ok: true, asked });
  });

  test("takes constants, labels and sections, under their names in any case", () => {
    const note = `${front("type: ask")}\n- **Payee**: ACME  \n\n## 📝 Memo:\n\nTwo\n\nparagraphs\n\n---\n\n## Other\n`;
    const each = { payee: text("**PAYEE**"), memo: text("## memo"), cents: { const: 5 } };
    expect(map(note, { params: { each } })).toMatchObject({
      asked: { params: { payee: "ACME", memo: "Two\n\nparagraphs", cents: 5 } },
    });
  });

  test("takes the kind that the note names, when it is one that the daemon executes", () => {
    const mapping: Partial<Mapping> = { kind: { from: ["action"] } };
    const note = (action: string) => front("type: ask", "to: ACME", `action: ${action}`);
    expect(map(note("payment"), mapping)).toMatchObject({ asked: { kind: "payment" } });
    expect(codes(map(note("refactor"), mapping))).toEqual(["foreign_no_action:null"]);
    expect(codes(map(note("constructor"), mapping))).toEqual(["foreign_no_action:null"]);
  });

  test("takes all params from one place, and from nowhere else", () => {
    const mapping: Partial<Mapping> = { params: { whole: ["details", "## Details"] } };
    expect(map(front("type: ask", "details: { a: 1, b: [x, true, ~] }"), mapping)).toMatchObject({
      asked: { params: { a: 1, b: ["x", true, null] } },
    });
    const both = `${front("type: ask", "details: { a: 1 }")}\n## Details\n\n{"a": 1}\n`;
    expect(codes(map(both, mapping))).toEqual(["foreign_conflict:6"]);
    expect(codes(map(front("type: ask", "details: { a: 1e400 }"), mapping))).toEqual(["foreign_value:3"]);
    expect(codes(map(front("type: ask", "details: just words"), mapping))).toEqual(["foreign_unmapped:null"]);
  });

  test("that is the first to fit decides, even where it fails; one without its action is passed over", () => {
    const note = front("type: ask", "to: ACME");
    expect(codes(map(note, { params: { each: { payee: text("payee") } } }, {}))).toEqual([
      "foreign_missing:null",
    ]);
    expect(map(note, { kind: { first: ["transfer"] } }, {}).ok).toBe(true);
    expect(codes(map(note, { kind: { first: ["transfer"] } }))).toEqual(["foreign_no_action:null"]);
  });

  test.each([
    ["a condition that a comment follows", front("type: ask # maybe", "to: ACME"), "foreign_unmapped:null"],
    ["a condition that is there twice", front("type: ask", "Type: ask", "to: ACME"), "foreign_unmapped:null"],
    ["a condition that is a list", front("type: [ask]", "to: ACME"), "foreign_unmapped:null"],
    ["a value that a comment follows", front("type: ask", "to: ACME #2"), "foreign_value:3"],
    ["two values", front("type: ask", "to: ACME", "To: ACME Inc"), "foreign_conflict:4"],
    [
      "a section that is there twice",
      `${front("type: ask")}## to\n\na\n\n## To\n\nb\n`,
      "foreign_conflict:8",
    ],
    ["a deadline in words", front("type: ask", "to: ACME", "until: soon"), "foreign_value:4"],
  ])("is stopped by %s", (_, note, expected) => {
    const params = { each: { payee: text("to", "## to") } };
    expect(codes(map(note, { params }))).toEqual([expected]);
  });
});
