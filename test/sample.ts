import type { Event } from "../src/core/event.ts";
import type { Decision, Request, RequestFields, Submission, Verb } from "../src/core/request.ts";
import type { Roster } from "../src/core/roster.ts";
import { iso } from "../src/core/timing.ts";
import { fold } from "../src/core/transitions.ts";
import { ANYONE, type Verdict } from "../src/core/verdict.ts";
import { actionDigest, digestOf } from "../src/document/digest.ts";

/** 2026-11-21T09:14:03Z: the moment at which every sample request is made. */
export const T0 = Date.parse("2026-11-21T09:14:03Z");

/** A payment request as the daemon would record it; `changes` to its fields go into the digest. */
export function sampleSubmission(
  changes: Partial<RequestFields> = {},
  rest: Partial<Submission> = {},
): Submission {
  const fields: RequestFields = {
    version: 1,
    id: "20261121-091403-payment-7f3k9q",
    host: "laptop",
    requester: "billing-agent",
    on_behalf_of: null,
    kind: "payment",
    params: { amount_cents: 150000, payee: "ACME GmbH" },
    effect: "unsafe",
    key: null,
    policy: null,
    rule: null,
    created: "2026-11-21T09:14:03Z",
    expires: "2026-11-21T10:14:03Z",
    ...changes,
  };
  return {
    fields,
    digest: digestOf(fields),
    action_digest: actionDigest(fields.kind, fields.params),
    title: "Pay ACME GmbH 1,500.00 EUR",
    next_effect: "transfers 150000 cents to ACME GmbH",
    caller: false,
    token_sha256: null,
    ...rest,
  };
}

function sampleDecision(verb: Verb, submission = sampleSubmission(), at = T0 + 1_000): Decision {
  return {
    verb,
    reviewer: "ada",
    reason: null,
    digest: submission.digest,
    assurance: "edit",
    seen_at: iso(at),
    via: "box",
    note_sha256: null,
  };
}

/** What a policy might say of the sample payment. */
export function sampleVerdict(says: Verdict["says"], changes: Partial<Verdict> = {}): Verdict {
  return {
    says,
    policy: `sha256:${"ab".repeat(32)}`,
    rule: "payments",
    reason: "Payments are watched.",
    risk: "high",
    factors: ["High value payment"],
    ...ANYONE,
    action_tags: [],
    editable: [],
    constraints: null,
    ...changes,
  };
}

/** Two of treasury, who are ada, bob and cleo. */
function sampleRoster(quorum = 2): Roster {
  const seats = ["ada", "bob", "cleo"].map((owner) => ({ owner, held_by: [owner] }));
  const owners = seats.map(({ owner }) => owner);
  return { groups: [{ of: ["treasury"], quorum, owners }], seats, excluded: ["billing-agent"] };
}

/** Events of a sample request by name, one second apart, so that a test can tell a history in one line. */
export function sampleEvent(type: Event["type"], submission = sampleSubmission(), second = 1): Event {
  const at = iso(T0 + second * 1_000);
  const said = { by: "ada", reason: null };
  switch (type) {
    case "submitted":
      return { type, at, submission };
    case "amended": {
      const fields = { ...submission.fields, params: { ...submission.fields.params, amount_cents: 90000 } };
      const { digest, action_digest, title, next_effect } = sampleSubmission(fields, {
        next_effect: "transfers 90000 cents to ACME GmbH",
      });
      const { params } = fields;
      const version = { params, digest, action_digest, title, next_effect };
      return { type, at, ...version, by: "ada", via: "note", note_sha256: null };
    }
    case "allowed":
      return {
        type,
        at,
        verdict: sampleVerdict("allow"),
        lapses: submission.caller ? iso(T0 + 900_000) : null,
      };
    case "denied":
      return { type, at, verdict: sampleVerdict("deny") };
    case "sent_back": {
      const verdict = sampleVerdict("require_approval", { rule: "stricter" });
      const fields = { ...submission.fields, policy: verdict.policy, rule: verdict.rule };
      const { expires } = fields;
      return { type, at, verdict, digest: digestOf(fields), expires, note_sha256: null };
    }
    case "roster_changed":
      return { type, at, roster: sampleRoster() };
    case "delegated":
      return { type, at, from: "ada", to: "cleo", via: "delegate_to", reason: null };
    case "voted":
      return { type, at, decision: sampleDecision("approve", submission, Date.parse(at)) };
    case "vote_withdrawn":
      return { type, at, by: "ada" };
    case "quorum_lost":
      return { type, at, reason: "ada may not decide any more" };
    case "approved": {
      const lapses = submission.caller ? iso(T0 + 900_000) : null;
      return { type, at, decision: sampleDecision("approve", submission, Date.parse(at)), lapses };
    }
    case "rejected":
      return { type, at, decision: sampleDecision("reject", submission), settled: true };
    case "changes_requested":
      return { type, at, decision: sampleDecision("request_changes", submission) };
    case "settled":
      return { type, at, reviewer: "ada", reason: "too much" };
    case "started": {
      const executor = submission.caller ? ("caller" as const) : ("daemon" as const);
      const deadline = submission.caller ? iso(T0 + 900_000) : null;
      return { type, at, attempt: { number: 1, idempotency_key: "k", executor, deadline } };
    }
    case "executed":
      return { type, at, result: { receipt: "R-1" } };
    case "failed":
      return { type, at, error: "exit code 1" };
    case "outcome_lost":
      return { type, at, cause: "the daemon stopped" };
    case "expired":
      return { type, at: iso(Date.parse(submission.fields.expires)) };
    case "refused":
      return { type, at, code: "already_final", by: null, detail: "late" };
    case "retried":
      return { type, at, number: 2, because: "nobody answered" };
    case "reminded":
      return { type, at, level: 1 };
    case "escalated":
      return { type, at, level: 1, to: ["lead"] };
    case "archived":
    case "joined":
      return { type, at };
    default:
      return { type, at, ...said };
  }
}

/** The request that a history of sample events leads to. */
export function sampleRequest(
  types: readonly Event["type"][] = ["submitted"],
  submission = sampleSubmission(),
): Request {
  const events = types.map((type, i) => sampleEvent(type, submission, i));
  const request = fold(events);
  if (request === null) throw new Error("a history begins with a submission");
  return request;
}
