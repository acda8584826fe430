import { describe, expect, test } from "vitest";
import { renderNote } from "../../src/document/note.ts";
import { readNote } from "../../src/document/reading.ts";
import { sampleRequest, sampleSubmission, sampleVerdict } from "../sample.ts";

/** Names and words that YAML reads as something else where nobody has put them in quotes. */
const ODD = ["007", "1e3", "0x1F", "True", "null", "12", "0o17", "1.0"];

const requestOf = (word: string) => {
  const approvers = [{ of: [word, "ada"], quorum: 1, by: "human" }] as never;
  const verdict = sampleVerdict("require_approval", { approvers });
  return sampleRequest(["submitted"], sampleSubmission({ requester: word }, { title: word, verdict }));
};
const read = (text: string, word: string) =>
  readNote(Buffer.from(text), requestOf(word), null, []).problems.map(({ code }) => code);

describe("an editor that takes the quotes off", () => {
  test.each(ODD)("%s has changed nothing", (word) => {
    const note = renderNote(requestOf(word));
    const bare = note.replace(/^(title|requester|approvers): .*$/gm, (line) => line.replaceAll('"', ""));
    expect(bare).toContain(`approvers: [${word}, ada]`);
    expect(read(note, word)).toEqual([]);
    expect(read(bare, word)).toEqual([]);
    const block = bare.replace(/^approvers: .*$/m, `approvers:\n  - ${word}\n  - ada`);
    expect(read(block, word)).toEqual([]);
  });

  test.each(ODD)("is told from another value than %s, also from one that YAML reads as the same", (word) => {
    const bare = renderNote(requestOf(word)).replace(/^approvers: .*$/m, `approvers: [${word}, ada]`);
    for (const other of ["7", "1000", "31", "true", "~", "12.0", "15", "1", "ada"]) {
      if (other === word) continue;
      expect(read(bare.replace(`[${word}, ada]`, `[${other}, ada]`), word), other).toEqual(["changed_key"]);
    }
  });
});

test("a list of approvers without a name is not shown as one with an empty name", () => {
  const approvers = [{ of: [], quorum: 1, by: "human" }] as never;
  const verdict = sampleVerdict("require_approval", { approvers });
  const note = renderNote(sampleRequest(["submitted"], sampleSubmission({}, { verdict })));
  expect(note).not.toMatch(/^approvers:/m);
});
