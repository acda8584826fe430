import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { isFinal } from "../../src/core/request.ts";
import { finishNote } from "../../src/document/finish.ts";
import { renderNote } from "../../src/document/note.ts";
import { readNote } from "../../src/document/reading.ts";
import { sampleRequest } from "../sample.ts";
import { editing } from "../scenarios/person.ts";

const REQUEST = sampleRequest();
const NOTE = renderNote(REQUEST);
const EXECUTED = sampleRequest(["submitted", "approved", "started", "executed"]);

const read = (note: string | Uint8Array) => readNote(Buffer.from(note), REQUEST);
const approving = (note: string) => note.replace("decision:", "decision: approved");
const codes = (note: string | Uint8Array) => read(note).problems.map(({ code }) => code);

/**
 * What a reading comes to: the verb that would act, `waits` for an approval that a problem holds back, or `nothing`;
 * whether somebody is still typing; and the problems by their codes.
 */
function outcome(note: string | Uint8Array): string {
  const { verb, problems, half_typed } = read(note);
  const acts = verb === "approve" && problems.length > 0 ? "waits" : VERBS[verb ?? "none"];
  const told = acts === "rejects" ? [] : problems;
  return [
    acts,
    half_typed ? ", still typing" : "",
    told.length === 0 ? "" : `: ${told.map(({ code }) => code).join(" ")}`,
  ].join("");
}

const VERBS = {
  approve: "approves",
  reject: "rejects",
  request_changes: "asks for changes",
  none: "nothing",
};

/** A file of the corpus: blocks of a title (its row in EDITORS.md), what is expected, and an edit of the sample note. */
function casesOf(file: string) {
  const text = readFileSync(join(import.meta.dirname, "../corpus", file), "utf8");
  return text
    .trim()
    .split("\n\n")
    .map((block) => {
      const [title = "", expectation = "", ...diff] = block.split("\n");
      const [, expected = "", character] = /^expect (.*?)(?: (U\+[0-9A-F]+))?$/.exec(expectation) ?? [];
      return { title: title.slice(2), expected, character, diff: diff.map(unescaped) };
    });
}

function unescaped(line: string): string {
  return line
    .replaceAll(/\\u\{([0-9a-f]+)\}/g, (_, hex: string) => String.fromCodePoint(Number.parseInt(hex, 16)))
    .replaceAll("\\t", "\t")
    .replaceAll("\\n", "\n");
}

describe.each(readdirSync(join(import.meta.dirname, "../corpus")).sort())("the corpus of %s", (file) => {
  test.each(casesOf(file))("$title", ({ expected, character, diff }) => {
    const note = editing(diff)(NOTE);
    expect(outcome(note)).toBe(expected);
    if (character !== undefined) expect(read(note).problems[0]?.message).toContain(character);
  });
});

describe("bytes", () => {
  const crlf = NOTE.replaceAll("\n", "\r\n");
  test.each([
    ["23: CRLF", approving(crlf), "approves"],
    [
      "23: CRLF on the decision's line only",
      approving(NOTE).replace("approved\n", "approved\r\n"),
      "approves",
    ],
    ["23: LF on the decision's line only", approving(crlf).replace("approved\r\n", "approved\n"), "approves"],
    ["23: no final newline", approving(NOTE).trimEnd(), "approves"],
    [
      "23: the decision as the last property, with CRLF",
      crlf.replace("decision:\r\n", "").replace("\r\n---\r\n", "\r\ndecision: approved\r\n---\r\n"),
      "approves",
    ],
    ["23: a lone CR everywhere", approving(NOTE).replaceAll("\n", "\r"), "nothing: no_frontmatter"],
    [
      "23: a lone CR among the properties",
      approving(NOTE).replace("\nreviewer", "\rreviewer"),
      "nothing: control_character",
    ],
    ["24: a byte order mark", `\ufeff${approving(NOTE)}`, "approves"],
    ["24: two byte order marks", `\ufeff\ufeff${approving(NOTE)}`, "nothing: no_frontmatter"],
    ["25: UTF-16, little endian", Buffer.from(`\ufeff${approving(NOTE)}`, "utf16le"), "nothing: not_utf8"],
    [
      "25: a Latin-1 byte",
      Buffer.concat([Buffer.from(approving(NOTE)), Buffer.from([0xe4])]),
      "nothing: not_utf8",
    ],
    [
      "25: an overlong slash",
      Buffer.concat([Buffer.from(approving(NOTE)), Buffer.from([0xc0, 0xaf])]),
      "nothing: not_utf8",
    ],
    [
      "25: half a surrogate pair",
      Buffer.concat([Buffer.from(approving(NOTE)), Buffer.from([0xed, 0xa0, 0x80])]),
      "nothing: not_utf8",
    ],
    [
      "25: a NUL in the value",
      approving(NOTE).replace("approved", "approved\0"),
      "nothing: control_character",
    ],
    [
      "25: an escape sequence in the value",
      approving(NOTE).replace("approved", "\u001b[2Kapproved"),
      "nothing: control_character",
    ],
    ["26: empty", "", "nothing: empty_note"],
    ["26: white space only", " \n\t\n", "nothing: empty_note"],
    ["26: a byte order mark only", "\ufeff", "nothing: empty_note"],
    ["26: --- only", "---", "nothing: no_frontmatter"],
    ["26: --- and a newline", "---\n", "nothing: frontmatter_unclosed"],
    [
      "18: no closing fence, and a decision in the body",
      `${NOTE.replace("\n---\n", "\n")}\ndecision: approved\n`,
      "nothing: frontmatter_unclosed",
    ],
    ["20: a blank line before", `\n${approving(NOTE)}`, "nothing: no_frontmatter"],
    ["20: a space before", ` ${approving(NOTE)}`, "nothing: no_frontmatter"],
    ["20: text before", `Hello\n${approving(NOTE)}`, "nothing: no_frontmatter"],
    ["20: a comment before", `<!-- -->\n${approving(NOTE)}`, "nothing: no_frontmatter"],
    [
      "43: no properties at all",
      approving(NOTE).replace(/^---[\s\S]*?\n---\n/, ""),
      "nothing: no_frontmatter",
    ],
  ])("%s", (_, note, expected) => {
    expect(outcome(note)).toBe(expected);
  });

  test("27: a note cut off anywhere before its action's end never approves", () => {
    const ticked = NOTE.replace("- [ ] Approve", "- [x] Approve");
    for (let length = 0; length < ticked.indexOf("## Why") - 2; length += 1) {
      expect(outcome(ticked.slice(0, length)), `cut at ${length}`).not.toBe("approves");
    }
  });

  test("23: a finished note keeps its line ends", () => {
    if (!isFinal(EXECUTED)) throw new Error("not final");
    const { text } = finishNote(approving(crlf), EXECUTED);
    expect(text.replaceAll("\r\n", "")).not.toMatch(/[\r\n]/);
  });
});

describe("28: what is too large is refused before it is parsed", () => {
  const bulky = (line: (i: number) => string, n: number) =>
    approving(NOTE).replace("reviewer:", Array.from({ length: n }, (_, i) => line(i)).join("\n"));
  test.each([
    ["a file of 50 MB", Buffer.alloc(50_000_000, 0x61), "note_too_large"],
    [
      "properties of 50 MB",
      Buffer.concat([Buffer.from("---\n"), Buffer.alloc(50_000_000, 0x61)]),
      "note_too_large",
    ],
    ["20,000 properties", bulky((i) => `k${i}: 1`, 20_000), "frontmatter_too_large"],
    ["401 properties", bulky((i) => `k${i}: 1`, 401), "frontmatter_too_large"],
    ["a value of 17 KB", bulky(() => `note: ${"a".repeat(17_000)}`, 1), "frontmatter_too_large"],
    ["5,000 lists in each other", bulky(() => `note: ${"[".repeat(5_000)}`, 1), "frontmatter_too_large"],
    [
      "250,000 blank lines among the properties",
      `---\n${"\n".repeat(250_000)}decision: approved\n---\n`,
      "frontmatter_too_large",
    ],
    [
      "250,000 spaces among the properties",
      `---\nnote: a${" ".repeat(250_000)}z\n---\n`,
      "frontmatter_too_large",
    ],
    [
      "lists of aliases to each other",
      bulky((i) => `b${i + 1}: &b${i + 1} [*b${i}, *b${i}]`, 20),
      "frontmatter_feature",
    ],
    [
      "a box's line of 200 KB",
      approving(NOTE).replace("- [ ] Approve", `- [x] Approve${" ".repeat(200_000)}z`),
      "unclear_box",
    ],
  ])("%s", (_, note, code) => {
    expect(read(note).verb).toBeNull();
    expect(codes(note)[0]).toBe(code);
  });
});
