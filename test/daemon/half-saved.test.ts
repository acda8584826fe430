import { describe, expect, test } from "vitest";
import type { Problem } from "../../src/core/codes.ts";
import { createSight } from "../../src/daemon/sight.ts";
import { renderNote } from "../../src/document/note.ts";
import { memoryVault } from "../memory-vault.ts";
import { sampleRequest } from "../sample.ts";

const REQUEST = sampleRequest();
const { id, params } = REQUEST.submission.fields;
const NOTE = renderNote(REQUEST);
const APPROVED = NOTE.replace("- [ ] Approve", "- [x] Approve");
const SHOWN = JSON.stringify(params, null, 2);

/** What is made in the end of a note that is looked at in these states, one after the other. */
function seen(...texts: string[]): { verb: string | null; codes: Problem["code"][] } {
  const vault = memoryVault();
  const folders = { pending: "pending", approved: "approved", rejected: "rejected" };
  const sight = createSight({
    vault,
    clock: { now: () => 0, after: () => () => {} },
    folders,
    kind: () => null,
    otherTexts: { read: () => null, keep() {} },
  });
  let last: { verb: string | null; codes: Problem["code"][] } = { verb: null, codes: [] };
  for (const text of texts) {
    vault.files.set(`pending/${id}.md`, Buffer.from(text));
    const { look } = sight.lookAt(REQUEST);
    if (look.at === "nowhere") throw new Error("the note is not seen");
    last = { verb: look.reading.verb, codes: look.reading.problems.map(({ code }) => code) };
  }
  return last;
}

describe("a save in place that is seen half-way", () => {
  test("approves nothing before all of the action is there, and approves once it is whole", () => {
    for (let end = 0; end < APPROVED.length; end += 1) {
      const half = APPROVED.slice(0, end);
      const { verb, codes } = seen(NOTE, half);
      if (verb === "approve" && codes.length === 0) expect(half).toContain(SHOWN);
      expect(seen(NOTE, half, APPROVED), half).toEqual({ verb: "approve", codes: [] });
    }
  });

  test("approves once it is whole after any number of looks on the way", () => {
    const steps = Array.from({ length: 40 }, (_, i) =>
      APPROVED.slice(0, Math.floor((APPROVED.length * i) / 40)),
    );
    expect(seen(NOTE, ...steps, APPROVED)).toEqual({ verb: "approve", codes: [] });
  });
});

test("an approval in a note that showed something else does not count when that is mended", () => {
  const other = APPROVED.replace("## Action", "## Another");
  expect(seen(NOTE, other, APPROVED)).toMatchObject({ codes: ["approval_of_other"] });
  expect(seen(NOTE, other, NOTE, APPROVED)).toEqual({ verb: "approve", codes: [] });
});

test("an approval over a note that somebody had cut before does not count when the rest is put back", () => {
  const end = NOTE.indexOf("## Action");
  const cut = NOTE.slice(0, end);
  const ticked = cut.replace("- [ ] Approve", "- [x] Approve");
  const rest = NOTE.slice(end);
  expect(seen(NOTE, cut, ticked, ticked + rest)).toMatchObject({ codes: ["approval_of_other"] });
  expect(seen(NOTE, cut, "", ticked, ticked + rest)).toMatchObject({ codes: ["approval_of_other"] });
});

test("an emptied note in between does not make an approval over another text count", () => {
  const other = APPROVED.replace("## Action", "## Another");
  expect(seen(NOTE, other, "", APPROVED)).toMatchObject({ codes: ["approval_of_other"] });
});
