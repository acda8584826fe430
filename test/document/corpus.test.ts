import { describe, expect, test } from "vitest";
import type { Reading } from "../../src/core/look.ts";
import { answerNote } from "../../src/document/answer.ts";
import { decode } from "../../src/document/frontmatter.ts";
import { renderNote } from "../../src/document/note.ts";
import { readNote } from "../../src/document/reading.ts";
import { sampleRequest } from "../sample.ts";
import { notesOf, THEMES } from "./messy-notes.ts";

const REQUEST = sampleRequest();
const NOTE = renderNote(REQUEST);

const read = (note: string | Uint8Array) => readNote(Buffer.from(note), REQUEST);
const approving = (note: string) => note.replace("decision:", "decision: approved");

/**
 * What a reading comes to: the verb that would act, `waits` for an approval that a problem holds back, or `nothing`;
 * whether somebody is still typing; and the problems by their codes and lines.
 */
function outcomeOf({ verb, resolution, problems, half_typed }: Reading): string {
  const acts = verb === "approve" && problems.length > 0 ? "waits" : VERBS[verb ?? resolution ?? "none"];
  const told = problems.map(({ code, line }) => (line === null ? code : `${code}@${line}`));
  return [acts, half_typed ? ", still typing" : "", told.length === 0 ? "" : `: ${told.join(" ")}`].join("");
}

const VERBS = {
  approve: "approves",
  reject: "rejects",
  request_changes: "asks for changes",
  happened: "it happened",
  did_not: "it did not happen",
  none: "nothing",
};

describe.each(THEMES)("the corpus of %s", (theme) => {
  test.each(notesOf(theme))("$title", ({ request, bytes, expected, reviewer, reason, says }) => {
    const reading = readNote(bytes, request);
    expect(outcomeOf(reading)).toBe(expected);
    if (reviewer !== undefined) expect(reading.reviewer).toBe(reviewer);
    if (reason !== undefined) expect(reading.reason).toBe(reason);
    const told = reading.problems.map(({ message, hint }) => `${message} ${hint}`).join(" ");
    for (const words of says) expect(told).toContain(words);

    const decoded = decode(bytes);
    // An empty note is written again, and bytes that are no text are kept as they are.
    if (!("text" in decoded) || decoded.text.trim() === "") return;
    // What is told in the note changes nothing that the note says, and goes without a trace.
    const answered = answerNote(decoded.text, reading.problems);
    const again = readNote(Buffer.from(answered), request);
    expect(outcomeOf(again)).toBe(expected);
    expect(again.answer === "").toBe(reading.problems.length === 0);
    expect(answerNote(answered, again.problems)).toBe(answered);
    expect(answerNote(answered, [])).toBe(decoded.text);
  });
});

test("there is a note for every row that is about what a note says", () => {
  const titles = THEMES.flatMap(notesOf).map(({ title }) => title);
  // Rows 28, 65 and 66 are below and among the hostile notes; 34 to 36 and 44 and on are about files, not contents.
  const rows = [...count(1, 34), ...count(37, 43), 70, 71, 72, 74];
  expect(rows.filter((row) => !titles.some((title) => title.startsWith(`${row}: `)))).toEqual([]);
});

function count(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

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
    [
      "a reason of 20 KB",
      approving(NOTE).replace("reason:", `reason: ${"no ".repeat(7_000)}`),
      "frontmatter_too_large",
    ],
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
    [
      "bullets of 200 KB before a box",
      approving(NOTE).replace("- [ ] Approve", `${"- ".repeat(100_000)}[x] Approve`),
      "unclear_box",
    ],
  ])("%s", (_, note, code) => {
    const before = process.cpuUsage();
    const { verb, problems } = read(note);
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1_000).toBeLessThan(200);
    expect(verb).toBeNull();
    expect(problems[0]?.code).toBe(code);
  });
});

test("27: a note cut off anywhere before its action's end never approves", () => {
  const said = ["- [x] Approve", "decision: approved"];
  for (const [i, from] of ["- [ ] Approve", "decision:"].entries()) {
    const note = NOTE.replace(from, said[i] ?? "");
    for (let length = 0; length < note.indexOf("## Why") - 2; length += 1) {
      expect(outcomeOf(read(note.slice(0, length))), `cut at ${length}`).not.toBe("approves");
    }
  }
});

describe("25: bytes that are no UTF-8", () => {
  test.each([
    ["an overlong slash", [0xc0, 0xaf]],
    ["half a surrogate pair", [0xed, 0xa0, 0x80]],
    ["a byte that never stands in it", [0xff]],
  ])("%s", (_, bytes) => {
    expect(outcomeOf(read(Buffer.concat([Buffer.from(approving(NOTE)), Buffer.from(bytes)])))).toBe(
      "nothing: not_utf8",
    );
  });
});
