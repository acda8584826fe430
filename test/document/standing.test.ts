import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Event } from "../../src/core/event.ts";
import { NAME } from "../../src/core/people.ts";
import type { Request } from "../../src/core/request.ts";
import { fold } from "../../src/core/transitions.ts";
import { answerNote, removeCallouts, standingIn } from "../../src/document/answer.ts";
import { renderNote } from "../../src/document/note.ts";
import { renderStanding } from "../../src/document/standing.ts";
import { sampleEvent, sampleSubmission, T0 } from "../sample.ts";

const LATER = new Date(T0 + 600_000).toISOString();

/** What stands in notes: asked for again, and approved, to start now or later, by the daemon or its caller, and begun. */
const HISTORIES: readonly (readonly Event["type"][])[] = [
  ["submitted", "joined"],
  ["submitted", "approved"],
  ["submitted", "approved", "started"],
];

/** Who asks has a name of a few characters; who decides writes what they like. */
const asker = fc.stringMatching(NAME);
const decider = fc.oneof(
  fc.string({ unit: "binary", minLength: 1, maxLength: 200 }),
  fc.string({ unit: fc.constantFrom("#", "*", "_", ";", " ", "[", "."), minLength: 1, maxLength: 200 }),
);

function requestOf(
  types: readonly Event["type"][],
  {
    requester,
    reviewer,
    caller,
    later,
  }: { requester: string; reviewer: string; caller: boolean; later: boolean },
): Request {
  const submission = sampleSubmission({ requester }, { caller });
  const events = types.map((type, second) => {
    const event = sampleEvent(type, submission, second);
    if (event.type !== "approved") return event;
    const decision = { ...event.decision, reviewer };
    return {
      ...event,
      decision,
      ...(later && types.at(-1) === "approved" && { opens: LATER, closes: LATER }),
    };
  });
  const request = fold(events);
  if (request === null) throw new Error("a history begins with a submission");
  return request;
}

describe("how a request stands", () => {
  const told = fc
    .record({
      types: fc.constantFrom(...HISTORIES),
      requester: asker,
      reviewer: decider,
      caller: fc.boolean(),
      later: fc.boolean(),
      windows: fc.boolean(),
    })
    .map(({ types, windows, ...rest }) => ({ request: requestOf(types, rest), windows }));

  test("is found again in the note, whoever is named, and goes without a trace", () => {
    fc.assert(
      fc.property(told, ({ request, windows }) => {
        const [standing, plain] = [
          renderStanding(request),
          renderNote(requestOf(["submitted"], of(request))),
        ];
        const note = windows ? plain.replaceAll("\n", "\r\n") : plain;
        const answered = answerNote(note, [], standing);
        expect(standingIn(answered)).toBe(standing);
        // Told once more it stays as it is: the loop would come to no rest otherwise.
        expect(answerNote(answered, [], standing)).toBe(answered);
        expect(removeCallouts(answered)).toBe(note);
      }),
    );
  });

  test("is told of what its caller may carry out, and carries out", () => {
    const by = { requester: "bot", reviewer: "ada", caller: true, later: false };
    expect(renderStanding(requestOf(["submitted", "approved"], by))).toMatch(
      /^> \[!info\] Approved by ada; bot may /,
    );
    expect(renderStanding(requestOf(["submitted", "approved", "started"], by))).toMatch(
      /; bot has been carrying/,
    );
  });

  test("is not told of what starts, or runs, without anybody", () => {
    const by = { requester: "bot", reviewer: "ada", caller: false, later: false };
    expect(renderStanding(requestOf(["submitted", "approved"], by))).toBe("");
    expect(renderStanding(requestOf(["submitted", "approved", "started"], by))).toBe("");
  });
});

function of({ submission }: Request) {
  return { requester: submission.fields.requester, reviewer: "", caller: submission.caller, later: false };
}
