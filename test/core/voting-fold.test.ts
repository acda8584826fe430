import fc from "fast-check";
import { expect, test } from "vitest";
import type { Event } from "../../src/core/event.ts";
import { approvalsOf, type Decision, type Request } from "../../src/core/request.ts";
import type { Roster } from "../../src/core/roster.ts";
import { iso } from "../../src/core/timing.ts";
import { fold, step } from "../../src/core/transitions.ts";
import { ANYONE } from "../../src/core/verdict.ts";
import { sampleEvent, sampleSubmission, sampleVerdict, T0 } from "../sample.ts";
import { canBeMet } from "./can-be-met.ts";

/**
 * The last line of defence: whatever the rest of the daemon gets wrong, no history that `step` allows starts anything
 * without enough different persons who might approve it by the roster of that time, the requester never among them.
 */
const PERSONS = ["ada", "bob", "cleo", "dan"];
const REQUESTER = "dan";
const NAMED = [{ of: ["treasury"], quorum: 2 }];

const person = fc.constantFrom(...PERSONS, "unnamed");
const owners = fc.uniqueArray(fc.constantFrom(...PERSONS), { minLength: 1 });
const group = fc.record({ of: fc.constant(["some"]), quorum: fc.integer({ min: 1, max: 2 }), owners });
const roster: fc.Arbitrary<Roster> = fc
  .tuple(
    fc.array(group, { minLength: 1, maxLength: 2 }),
    fc.array(fc.uniqueArray(fc.constantFrom(...PERSONS), { minLength: 1, maxLength: 2 }), {
      minLength: PERSONS.length,
      maxLength: PERSONS.length,
    }),
  )
  .map(([groups, held]) => ({
    groups,
    seats: PERSONS.map((owner, at) => ({ owner, held_by: held[at] ?? [owner] })),
    excluded: [REQUESTER],
  }));

type Move =
  | {
      readonly type: "voted" | "approved" | "vote_withdrawn" | "taken_back";
      readonly who: string;
      readonly via: string;
    }
  /** Recorded as it should be: the decision where it makes the quorum, else a vote. */
  | { readonly type: "yes"; readonly who: string; readonly via: string }
  | { readonly type: "delegated"; readonly who: string; readonly to: string }
  | { readonly type: "roster_changed"; readonly roster: Roster }
  | { readonly type: "sent_back"; readonly named: boolean }
  | { readonly type: "amended" | "quorum_lost" | "started" | "refused" };

const via = fc.constantFrom("own_box", "box", "decision", "folder", "cli");
const move: fc.Arbitrary<Move> = fc.oneof(
  { weight: 10, arbitrary: fc.record({ type: fc.constant("yes"), who: person, via }) },
  { weight: 5, arbitrary: fc.record({ type: fc.constantFrom("voted", "approved"), who: person, via }) },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constantFrom("vote_withdrawn", "taken_back"), who: person, via }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("delegated"), who: person, to: person }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("roster_changed"), roster }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("sent_back"), named: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constantFrom("amended", "quorum_lost", "refused") }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant("started") }) },
);

function eventOf(one: Move, request: Request, second: number): Event {
  const { submission } = request;
  const at = iso(T0 + second * 1_000);
  switch (one.type) {
    case "yes": {
      const decided = eventOf({ ...one, type: "approved" }, request, second);
      return step(request, decided).ok ? decided : eventOf({ ...one, type: "voted" }, request, second);
    }
    case "voted":
    case "approved": {
      const before = request.votes?.find(({ reviewer }) => reviewer === one.who);
      const decision: Decision = {
        verb: "approve",
        reviewer: one.who,
        reason: null,
        digest: submission.digest,
        assurance: "edit",
        seen_at: at,
        via: one.via,
        note_sha256: one.via === "cli" ? null : `${second}`,
      };
      // One that is recorded may become the deciding one.
      if (one.type === "approved")
        return { type: "approved", at, decision: before ?? decision, lapses: null };
      return { type: "voted", at, decision };
    }
    case "vote_withdrawn":
      return { type: "vote_withdrawn", at, by: one.who };
    case "taken_back":
      return {
        type: "taken_back",
        at,
        by: one.who,
        reason: null,
        ...(one.via === "own_box" && { only: "note" }),
      };
    case "delegated":
      return { type: "delegated", at, from: one.who, to: one.to, via: "cli", reason: null };
    case "roster_changed":
      return { type: "roster_changed", at, roster: one.roster };
    case "sent_back": {
      const verdict = sampleVerdict("require_approval", {
        rule: `r${second}`,
        ...(one.named && { approvers: NAMED }),
      });
      const changed = sampleSubmission({ ...submission.fields, policy: verdict.policy, rule: verdict.rule });
      const { expires } = submission.fields;
      return { type: "sent_back", at, verdict, digest: changed.digest, expires, note_sha256: null };
    }
    case "amended": {
      const params = { ...submission.fields.params, amount_cents: second };
      const { digest, action_digest, title, next_effect } = sampleSubmission({
        ...submission.fields,
        params,
      });
      return {
        type: "amended",
        at,
        params,
        digest,
        action_digest,
        title,
        next_effect,
        by: "ada",
        via: "note",
        note_sha256: null,
      };
    }
    default:
      return sampleEvent(one.type, submission, second);
  }
}

test("nothing is started without enough persons who might approve it, whatever is recorded in whatever order", () => {
  const reached = { started: 0, several: 0, refused: 0 };
  fc.assert(
    fc.property(
      fc.boolean(),
      roster,
      fc.array(move, { minLength: 12, maxLength: 40 }),
      (isNamed, first, moves) => {
        const verdict = sampleVerdict("require_approval", { approvers: isNamed ? NAMED : ANYONE.approvers });
        const seated = isNamed ? { roster: first } : {};
        const submission = sampleSubmission({ requester: REQUESTER }, { verdict, ...seated });
        let request = ((stepped) => (stepped.ok ? stepped.request : null))(
          step(null, sampleEvent("submitted", submission, 0)),
        );
        /** Who has said yes to the action as it is, and not taken it back; and the roster, by the events alone. */
        let yes = new Map<string, Decision>();
        let present: Roster | null = isNamed ? first : null;
        let asked = verdict.approvers;
        for (const [at, one] of moves.entries()) {
          if (request === null || request.status === "executing") break;
          const event = eventOf(one, request, at + 1);
          const stepped = step(request, event);
          if (!stepped.ok) {
            reached.refused += 1;
            continue;
          }
          if (event.type === "voted" || event.type === "approved") {
            const { decision } = event;
            // A word stands in the place of the last one, whose vote is in no note from then on.
            const isBesideName = ({ via }: Decision) => via === "decision" || via === "box";
            if (isBesideName(decision)) {
              for (const [who, said] of yes)
                if (isBesideName(said)) yes.set(who, { ...said, note_sha256: null });
            }
            yes.set(decision.reviewer, decision);
            const mayVote = present?.seats.some(({ held_by }) => held_by.includes(decision.reviewer)) ?? true;
            expect(mayVote, `${decision.reviewer} has voted`).toBe(true);
          }
          if (event.type === "vote_withdrawn" || event.type === "taken_back") {
            const isNote = event.type === "taken_back" && event.only === "note";
            if (isNote) yes = new Map([...yes].filter(([, { note_sha256 }]) => note_sha256 === null));
            else if (!yes.delete(event.by)) yes.clear();
          }
          if (event.type === "amended" || event.type === "sent_back") yes.clear();
          if (event.type === "roster_changed") present = event.roster;
          if (event.type === "sent_back") asked = event.verdict.approvers;
          request = stepped.request;
          for (const { digest, reviewer } of approvalsOf(request)) {
            expect(digest).toBe(request.submission.digest);
            expect(yes.has(reviewer), `${reviewer} is taken for one who approved`).toBe(true);
          }
          if (event.type !== "started") continue;
          expect(yes.has(REQUESTER)).toBe(false);
          if (present === null) {
            expect(asked).toEqual(ANYONE.approvers);
            expect(yes.size).toBeGreaterThan(0);
          } else expect(canBeMet([...yes.keys()], present)).toBe(true);
          reached.started += 1;
          if (present !== null && yes.size > 1) reached.several += 1;
        }
      },
    ),
    { numRuns: 1_000 },
  );
  // Otherwise it would show nothing.
  expect(reached.started).toBeGreaterThan(50);
  expect(reached.several).toBeGreaterThan(40);
});

test.each([
  ["beside a person", ["service:fraud", "ada"], ["service:fraud"]],
  ["where it is the last", ["ada", "service:fraud"], ["service:fraud"]],
  ["alone, where no person is asked", ["service:fraud"], []],
])("a service that answered %s is not lost when a person undoes the approval", (_, approvers, left) => {
  const services = { of: ["fraud"], quorum: 1, owners: ["service:fraud"] };
  const treasury = { of: ["treasury"], quorum: 1, owners: ["ada", "bob"] };
  const groups = approvers.length === 1 ? [services] : [treasury, services];
  const seats = ["ada", "bob", "service:fraud"].map((owner) => ({ owner, held_by: [owner] }));
  const verdict = sampleVerdict("require_approval", { approvers: NAMED });
  const submission = sampleSubmission({}, { verdict, roster: { groups, seats, excluded: [] } });
  const history = approvers.map((who, at): Event => {
    const decision: Decision = {
      verb: "approve",
      reviewer: who,
      reason: null,
      digest: submission.digest,
      assurance: "edit",
      seen_at: iso(T0),
      via: "cli",
      note_sha256: null,
    };
    const isLast = at === approvers.length - 1;
    return isLast
      ? { type: "approved", at: iso(T0), decision, lapses: null }
      : { type: "voted", at: iso(T0), decision };
  });
  const undone: Event = { type: "taken_back", at: iso(T0), by: "bob", reason: null };
  const request = fold([sampleEvent("submitted", submission), ...history, undone]);
  expect(request?.votes?.map(({ reviewer }) => reviewer) ?? []).toEqual(left);
});
