import { type Amendment, versionOf } from "./amendment.ts";
import type { Event } from "./event.ts";
import { historyOf, line } from "./history.ts";
import { type Attempt, askedOf, isFinal, type Request, type Submission } from "./request.ts";
import { votesAfter } from "./votes-after.ts";

/** The request as the event leaves it; only for what the table and `refuse` have let pass. */
export function evolve(request: Request | null, event: Event): Request {
  if (event.type === "submitted") {
    return {
      status: "pending",
      submission: event.submission,
      revision: 1,
      history: [line(event, event.submission.fields.requester, null)],
    };
  }
  if (request === null) throw new Error("unreachable: only a submission begins a request");
  const facts = {
    submission: request.submission,
    ...(request.amendment && { amendment: request.amendment }),
    revision: request.revision + 1,
    ...nudgesAfter(request, event),
    history: [...request.history, historyOf(event, request)],
    ...(request.asked !== undefined && { asked: request.asked }),
    ...(request.roster !== undefined && { roster: request.roster }),
    ...(request.delegations !== undefined && { delegations: request.delegations }),
    ...votesAfter(request, event),
  };
  switch (event.type) {
    case "joined":
      return { ...request, ...facts, ...askedAgain(request, event) };
    case "amended": {
      const { params, digest, action_digest, title, next_effect } = event;
      const fields = { ...request.submission.fields, params };
      const submission = { ...request.submission, fields, digest, action_digest, title, next_effect };
      return { ...facts, status: "pending", submission, amendment: amendmentOf(request, event) };
    }
    case "roster_changed":
      return { ...request, ...facts, roster: event.roster };
    case "delegated": {
      const { from, to } = event;
      return { ...request, ...facts, delegations: [...(request.delegations ?? []), { from, to }] };
    }
    case "voted":
    case "reminded":
    case "escalated":
      return { ...request, ...facts };
    case "vote_withdrawn":
    case "quorum_lost":
      return { ...facts, status: "pending" };
    case "allowed":
      return { ...facts, status: "approved", allowed_at: event.at, ...windowIn(event) };
    case "denied":
      return { ...facts, ...finished(event.at), status: "denied", verdict: event.verdict };
    case "sent_back": {
      const { verdict, digest, expires } = event;
      const { policy, rule } = verdict;
      const fields = { ...request.submission.fields, policy, rule, expires };
      const submission = { ...request.submission, fields, digest, verdict };
      return { ...facts, status: "pending", submission, amendment: sentBack(request, event) };
    }
    case "approved":
      return {
        ...facts,
        status: "approved",
        decision: event.decision,
        decided_at: event.at,
        ...windowIn(event),
      };
    case "rejected":
      return {
        ...facts,
        ...finished(event.at),
        status: "rejected",
        decision: event.decision,
        decided_at: event.at,
        settled: event.settled,
      };
    case "changes_requested":
      return {
        ...facts,
        ...finished(event.at),
        status: "changes_requested",
        decision: event.decision,
        decided_at: event.at,
      };
    case "taken_back":
      return { ...facts, ...(event.allowed && { submission: inEarnest(request, event) }), status: "pending" };
    case "expired":
      return { ...facts, ...finished(event.at), status: "expired" };
    case "cancelled":
      return { ...facts, ...finished(event.at), status: "cancelled", by: event.by, reason: event.reason };
    case "started":
      if (request.status !== "approved") break;
      return {
        ...facts,
        status: "executing",
        ...consentOf(request),
        attempt: event.attempt,
        started_at: event.at,
      };
    case "retried":
      if (request.status !== "executing") break;
      return { ...request, ...facts, attempt: { ...request.attempt, number: event.number } };
    case "executed":
    case "resolved_happened":
      if (!("attempt" in request)) break;
      return {
        ...facts,
        ...startedOf(request),
        ...finished(event.at),
        status: "executed",
        result: event.type === "executed" ? event.result : { confirmed_by: event.by },
      };
    case "failed":
    case "resolved_did_not":
      if (!("attempt" in request)) break;
      return {
        ...facts,
        ...startedOf(request),
        ...finished(event.at),
        status: "failed",
        error: event.type === "failed" ? event.error : `${event.by} says that it did not happen`,
      };
    case "outcome_lost":
      if (!("attempt" in request)) break;
      return { ...facts, ...startedOf(request), status: "outcome_unknown", cause: event.cause };
    case "settled":
      if (request.status !== "rejected") break;
      return {
        ...request,
        ...facts,
        settled: true,
        decision: { ...request.decision, reviewer: event.reviewer, reason: event.reason },
      };
    case "archived":
      if (!isFinal(request)) break;
      return { ...request, revision: facts.revision, archived: true };
    case "refused":
      return { ...request, ...facts };
  }
  throw new Error(`unreachable: ${event.type} on ${request.status} passed the table`);
}

/** Under other rules, or with another deadline, it begins anew. */
function nudgesAfter(
  { reminded, escalated = [] }: Request,
  event: Event,
): Pick<Request, "reminded" | "escalated"> {
  if (event.type === "sent_back") return {};
  const reached =
    event.type === "escalated" ? [...escalated, { level: event.level, to: event.to }] : escalated;
  const times = event.type === "reminded" ? event.level : reminded;
  return {
    ...(times !== undefined && { reminded: times }),
    ...(reached.length > 0 && { escalated: reached }),
  };
}

/** However often it is asked for in a row, the history has one line of it: the last. */
function askedAgain(request: Request, event: Extract<Event, { type: "joined" }>) {
  const asked = askedOf(request) + 1;
  const repeated = request.history.at(-1)?.event === "joined";
  const before = repeated ? request.history.slice(0, -1) : request.history;
  const { requester } = request.submission.fields;
  return { asked, history: [...before, line(event, requester, `${asked} times by now`)] };
}

/** Nobody is passed over any more once a person has held up what was let through: shadow ends for it, too. */
function inEarnest({ submission }: Request, { by }: Extract<Event, { type: "taken_back" }>): Submission {
  const { verdict } = submission;
  if (verdict === undefined) return submission;
  const { shadow, ...said } = verdict;
  const earnest = shadow ?? said;
  if (earnest.says !== "allow") return { ...submission, verdict: earnest };
  const reason = `${by} took back what the policy had allowed, so a person decides.`;
  return { ...submission, verdict: { ...earnest, says: "require_approval", reason } };
}

function amendmentOf(request: Request, event: Extract<Event, { type: "amended" }>): Amendment {
  const before = versionOf(request);
  const { by, at, note_sha256 } = event;
  return { asked: request.amendment?.asked ?? before, before, by, at, note_sha256 };
}

function sentBack(request: Request, event: Extract<Event, { type: "sent_back" }>): Amendment {
  const before = versionOf(request);
  const { asked = before, by = null } = request.amendment ?? {};
  return {
    asked,
    before,
    by,
    at: event.at,
    note_sha256: event.note_sha256,
    sent_back: event.verdict.reason,
  };
}

function windowIn({ opens, closes, lapses }: Extract<Event, { type: "approved" | "allowed" }>) {
  return { opens: opens ?? null, closes: closes ?? null, lapses };
}

function finished(at: string): { finished_at: string; archived: false } {
  return { finished_at: at, archived: false };
}

function startedOf(request: Extract<Request, { attempt: Attempt }>) {
  const { attempt, started_at } = request;
  return { ...consentOf(request), attempt, started_at };
}

function consentOf(
  request: Extract<Request, { status: "approved" }> | Extract<Request, { attempt: Attempt }>,
) {
  if (!("decision" in request)) return { allowed_at: request.allowed_at };
  return { decision: request.decision, decided_at: request.decided_at };
}
