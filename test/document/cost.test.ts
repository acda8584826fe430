import { describe, expect, test } from "vitest";
import { problem } from "../../src/core/codes.ts";
import { isFinal } from "../../src/core/request.ts";
import { answerNote } from "../../src/document/answer.ts";
import { finishNote } from "../../src/document/finish.ts";
import { NOTE_LIMIT_LINES } from "../../src/document/frontmatter-split.ts";
import { answerLate } from "../../src/document/late.ts";
import { renderNote } from "../../src/document/note.ts";
import { readNote } from "../../src/document/reading.ts";
import { sampleRequest } from "../sample.ts";
import { longNote, worstNotes } from "../worst-notes.ts";

const request = sampleRequest();
const finished = sampleRequest(["submitted", "approved", "started", "executed"]);
const ticked = renderNote(request).replace("- [ ] Approve", "- [x] Approve");

/** Everything that is done with the bytes of one note, by the processor's time (ms): the least of a few runs. */
function cost(note: string): number {
  const bytes = Buffer.from(note);
  if (!isFinal(finished)) throw new Error("not final");
  const runs = Array.from({ length: 4 }, () => {
    const before = process.cpuUsage();
    readNote(bytes, request);
    answerNote(note, [problem("unclear_word", 3)]);
    answerLate(note, finished);
    finishNote(note, finished);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1_000;
  });
  return Math.min(...runs);
}

describe("what a note costs", () => {
  // A person's long text costs a few ms. Before the readers were made so, the worst of these cost a hundred times that.
  const yardstick = cost(longNote(ticked));

  test.each([...worstNotes(ticked)])("does not grow beyond a long note's by %s", (_, note) => {
    expect(cost(note) / yardstick).toBeLessThan(12);
  });

  test("is not paid for more lines than anybody reads", () => {
    const note = `${ticked}${"\n".repeat(NOTE_LIMIT_LINES)}`;
    expect(readNote(Buffer.from(note), request)).toMatchObject({
      verb: null,
      problems: [{ code: "note_too_large" }],
    });
    expect(cost(note) / yardstick).toBeLessThan(12);
  });

  test("is that of a note that is read, where it is as large as a note may be", () => {
    expect(readNote(Buffer.from(longNote(ticked)), request)).toMatchObject({ verb: "approve", problems: [] });
  });
});
