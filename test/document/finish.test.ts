import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { problem } from "../../src/core/codes.ts";
import { isFinal, type Request } from "../../src/core/request.ts";
import { answerNote } from "../../src/document/answer.ts";
import { askOutcome, finishNote } from "../../src/document/finish.ts";
import { DECIDE, DECIDE_BY_NAME, EARLIER_DECIDE } from "../../src/document/labels.ts";
import { answerLate } from "../../src/document/late.ts";
import { renderNote } from "../../src/document/note.ts";
import { openPatch } from "../../src/document/patch.ts";
import { readNote } from "../../src/document/reading.ts";
import { sampleRequest } from "../sample.ts";

const PENDING = sampleRequest();
const NOTE = renderNote(PENDING);
const EXECUTED = final(sampleRequest(["submitted", "approved", "started", "executed"]));

function final(request: Request) {
  if (!isFinal(request)) throw new Error(`${request.status} is not final`);
  return request;
}

describe("the note", () => {
  test("looks as people are told", () => {
    expect(NOTE).toMatchSnapshot();
  });

  test("is finished with the outcome, the result and the history", () => {
    const ticked = NOTE.replace("- [ ] Approve", "- [x] Approve").replace("reviewer:", "reviewer: ada");
    expect(finishNote(ticked, EXECUTED).text).toMatchSnapshot();
  });

  test("of an unknown outcome asks whether it happened", () => {
    const unknown = sampleRequest(["submitted", "approved", "started", "outcome_lost"]);
    if (unknown.status !== "outcome_unknown") throw new Error("not unknown");
    const asked = askOutcome(NOTE.replace("- [ ] Approve", "- [x] Approve"), unknown);
    expect(asked).toMatchSnapshot();
    expect(readNote(Buffer.from(asked ?? ""), unknown)).toMatchObject({
      asks_outcome: true,
      resolution: null,
    });
    const ticked = asked?.replace("- [ ] It did not happen", "- [x] It did not happen") ?? "";
    expect(readNote(Buffer.from(ticked), unknown)).toMatchObject({ resolution: "did_not" });
    const both = ticked.replace("- [ ] It happened", "- [x] It happened");
    expect(readNote(Buffer.from(both), unknown)).toMatchObject({
      resolution: null,
      problems: [{ code: "conflict" }],
    });
  });

  test.each([
    ["of an earlier version", EARLIER_DECIDE],
    ["whose boxes had names", DECIDE_BY_NAME],
  ])("%s is finished, and asked about, like one of now", (_, question) => {
    const earlier = NOTE.replace(DECIDE, question);
    expect(earlier).not.toBe(NOTE);
    expect(readNote(Buffer.from(earlier), PENDING)).toMatchObject({ verb: null, problems: [] });
    expect(finishNote(earlier, EXECUTED)).toEqual(finishNote(NOTE, EXECUTED));
    const unknown = sampleRequest(["submitted", "approved", "started", "outcome_lost"]);
    if (unknown.status !== "outcome_unknown") throw new Error("not unknown");
    expect(askOutcome(earlier, unknown)).toBe(askOutcome(NOTE, unknown));
  });

  test("that came back late says so and keeps its text", () => {
    const late = answerLate(`${NOTE}my words\n`, EXECUTED);
    expect(late).toContain("my words\n");
    expect(late).toContain(`[[${EXECUTED.submission.fields.id}]]`);
  });
});

describe("a person's text", () => {
  const edits = [
    (note: string) => note.replace("decision:\n", "decision: 'approved'   \n"),
    (note: string) => note.replace("decision:\n", "# mine\ndecision: approved\n"),
    (note: string) => note.replace("\ncreated:", "\nmy_property: [a,   b]\ncreated:"),
    (note: string) => note.replace("## Notes\n", "## Notes\n\nasked Bob; he agrees\n\n```\nopen"),
    (note: string) => note.replace("- [ ] Approve", "- [x] Approve\n\nfree text in between"),
    (note: string) => note.replaceAll("\n", "\r\n"),
    (note: string) => `\ufeff${note}`,
    (note: string) => note.replace(/## Why[\s\S]*$/, ""),
    (note: string) => note.trimEnd(),
  ];

  test("survives into the finished note, line by line and in order", () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(edits), (chosen) => {
        const edited = chosen.reduce((note, edit) => edit(note), NOTE);
        const { text, kept } = finishNote(edited, EXECUTED);
        expect(kept).toBe(true);
        // The daemon's own status, empty fields and callout may change; every other line must still be there, in order.
        const own =
          /^(\ufeff?---|status:|decision:|reviewer:|reason:|>.*|)\s*$|^(status|decision|reviewer|reason):|^>/;
        let from = 0;
        for (const line of edited.split("\n").filter((one) => !own.test(one))) {
          const at = text.indexOf(line, from);
          expect(at, JSON.stringify(line)).toBeGreaterThanOrEqual(from);
          from = at + line.length;
        }
        expect(text).toContain("outcome: executed");
        expect(text).toContain("## Result");
        if (!/[^\r]\n/.test(edited)) expect(text.replaceAll("\r\n", "")).not.toContain("\n");
      }),
      { numRuns: 300 },
    );
  });

  test("is kept beside a fresh note when its properties cannot be read", () => {
    const { text, kept } = finishNote("no frontmatter\n", EXECUTED);
    expect(kept).toBe(false);
    expect(text).toContain("outcome: executed");
  });

  test("finishing gives the same bytes every time", () => {
    expect(finishNote(NOTE, EXECUTED)).toEqual(finishNote(NOTE, EXECUTED));
  });
});

describe("a patch", () => {
  const value = fc.constantFrom("approved", '"a: b"', "2026-11-21T09:14:03Z", "''");
  const key = fc.constantFrom("status", "decision", "reason", "title", "new_key");

  test("changes only the bytes of its property", () => {
    fc.assert(
      fc.property(key, value, fc.constantFrom("\n", "\r\n"), (name, text, eol) => {
        const note = NOTE.replace("decision:", "decision: x # mine").replaceAll("\n", eol);
        const patch = openPatch(note);
        patch?.set(name, text);
        const before = note.split(eol);
        const after = patch?.text().split(eol) ?? [];
        const changed = after.filter((line) => !before.includes(line));
        expect(changed).toEqual([name === "decision" ? `decision: ${text} # mine` : `${name}: ${text}`]);
        expect(after.length - before.length).toBe(name === "new_key" ? 1 : 0);
      }),
    );
  });

  test("fills only what the person left empty", () => {
    const patch = openPatch(NOTE.replace("reviewer:", "reviewer: bob"));
    patch?.fill("reviewer", "ada");
    patch?.fill("reason", "because");
    expect(patch?.text()).toContain("reviewer: bob\nreason: because\n");
  });
});

describe("an answer in the note", () => {
  const problems = [problem("unclear_word", 3), problem("conflict")];

  test.each([
    ["a readable note", `${NOTE}my notes\n`],
    ["one with CRLF", NOTE.replaceAll("\n", "\r\n")],
    ["one without frontmatter", "just text\n"],
    ["one whose frontmatter is not closed", NOTE.replace("\n---\n", "\n")],
  ])("can be put into %s, replaced and taken out again without a trace", (_, note) => {
    const told = answerNote(note, problems);
    expect(told).not.toBe(note);
    expect(readNote(Buffer.from(told), PENDING).answer).not.toBe("");
    expect(answerNote(told, problems)).toBe(told);
    expect(answerNote(told, [])).toBe(note);
  });

  test("leaves in the note what a person has written below or between its lines", () => {
    const told = answerNote(NOTE, problems);
    const last = told.split("\n").findLast((line) => line.startsWith("> - ")) ?? "";
    const remarked = told.replace(last, `${last}\n> - I did not say that\n> but this`);
    for (const now of [answerNote(remarked, []), answerNote(remarked, problems)]) {
      expect(now).toContain("> - I did not say that\n> but this\n");
    }
    expect(finishNote(remarked, EXECUTED).text).toContain("> - I did not say that\n> but this\n");
  });

  test("does not change what the note says", () => {
    const note = NOTE.replace("decision:", "decision: aproved");
    const before = readNote(Buffer.from(note), PENDING);
    const after = readNote(Buffer.from(answerNote(note, before.problems)), PENDING);
    expect(after).toMatchObject({ verb: null, fingerprint: before.fingerprint, problems: before.problems });
  });
});
