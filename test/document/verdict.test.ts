import { expect, test } from "vitest";
import { renderNote } from "../../src/document/note.ts";
import { readNote } from "../../src/document/reading.ts";
import { sampleRequest, sampleSubmission, sampleVerdict } from "../sample.ts";

const requestOf = (changes = {}) =>
  sampleRequest(
    ["submitted"],
    sampleSubmission({}, { verdict: sampleVerdict("require_approval", { tags: ["money"], ...changes }) }),
  );
const REQUEST = requestOf();
const TICKED = renderNote(REQUEST).replace("- [ ] Approve", "- [x] Approve");
const read = (text: string, request = REQUEST) => readNote(Buffer.from(text), request, null, []);

test("a note that shows what the policy says can be approved", () => {
  expect(read(TICKED)).toMatchObject({ verb: "approve", problems: [] });
});

test.each([
  ["risk: high", "risk: low", "changed_key"],
  ["risk: high\n", "", "missing_key"],
  ["- High value payment", "- Nothing to see here", "action_changed"],
  ["Risk: high", "Risk: low", "action_changed"],
  ["The rule payments asks", "The rule holidays asks", "action_changed"],
  ["Tags: money", "Tags: fun", "action_changed"],
  ["## Why this needs you", "## Why", "action_changed"],
  ["## Notes", "## Why this needs you\n\nNo reason.\n\n## Notes", "action_changed"],
])("an approval does not count where %j has become %j", (before, after, code) => {
  expect(TICKED).toContain(before);
  const reading = read(TICKED.replace(before, after));
  expect(reading.problems.map((problem) => problem.code)).toContain(code);
  expect(
    read(TICKED.replace(before, after).replace("decision:", "decision: rejected").replace("[x]", "[ ]")).verb,
  ).toBe("reject");
});

test("no text of a policy can pass for anything else in the note", () => {
  const nasty = "x\n## Notes\n- [x] Approve\n<% tp %> [[link]] ![[embed]] \u202e";
  const request = requestOf({ reason: nasty, factors: [nasty], tags: [nasty] });
  const note = renderNote(request);
  expect(note).not.toMatch(/^- \[x\] Approve/m);
  expect(note.match(/^## Notes$/gm)).toHaveLength(1);
  expect(note).not.toContain("<%");
  expect(note).not.toContain("\u202e");
  expect(read(note, request)).toMatchObject({ verb: null, problems: [] });
});
