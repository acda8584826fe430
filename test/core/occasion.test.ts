import { expect, test } from "vitest";
import { EVENT_TYPES } from "../../src/core/event.ts";
import { toldOf } from "../../src/core/occasion.ts";
import { sampleEvent } from "../sample.ts";

test("what people are told of, for every event there is", () => {
  const told = EVENT_TYPES.map((type) => {
    const found = toldOf(sampleEvent(type), 5);
    return `${type}: ${found === null ? "-" : `${found.occasion}, ${found.headline}`}`;
  });
  expect(told.join("\n")).toMatchInlineSnapshot(`
    "submitted: created, Waits for your decision
    joined: -
    amended: -
    allowed: -
    denied: decided, Denied by the policy after all
    sent_back: created, Needs a decision again
    roster_changed: -
    delegated: escalated, Passed on to cleo
    reminded: reminder, Still waits, and not for long any more
    escalated: escalated, Nobody has decided: also to lead
    voted: -
    vote_withdrawn: -
    quorum_lost: created, Needs others to decide
    approved: decided, Approved
    rejected: decided, Rejected
    changes_requested: decided, Changes requested
    settled: decided, Rejected
    taken_back: decided, Approval taken back
    started: -
    retried: -
    executed: -
    failed: failed, Failed
    outcome_lost: unknown, Did it happen?
    resolved_happened: -
    resolved_did_not: -
    expired: decided, Expired without a decision
    cancelled: decided, Withdrawn
    archived: -
    refused: -"
  `);
});

test("what the policy denies at once is told to nobody: nobody was asked", () => {
  expect(toldOf(sampleEvent("denied"), 2)).toBeNull();
});
