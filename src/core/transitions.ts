import { type Amendment, tellChanges, type Version } from "./amendment.ts";
import { type Refusal, refusal } from "./codes.ts";
import { tellConstraints } from "./constraints.ts";
import { wrongWith } from "./delegation.ts";
import { reachedLevels } from "./escalation.ts";
import type { Event, EventType } from "./event.ts";
import { looksOf } from "./look-alikes.ts";
import { isService, UNNAMED } from "./people.ts";
import { quorumOf } from "./quorum.ts";
import {
  type Attempt,
  approvalsOf,
  approversOf,
  askedOf,
  type Decision,
  type HistoryLine,
  isFinal,
  isReportable,
  type Request,
  type RequestId,
  rosterIn,
  type Status,
} from "./request.ts";
import { isEntitled, isOpenToAll, votersOf } from "./roster.ts";
import { closesAt, opensAt } from "./timing.ts";
import { isAtLeast, type Verdict } from "./verdict.ts";

/** The life cycle: which event is legal in which status, and where it leads. Everything else is refused. */
export const TRANSITIONS = {
  none: { submitted: "pending" },
  pending: {
    joined: "pending",
    amended: "pending",
    allowed: "approved",
    denied: "denied",
    roster_changed: "pending",
    delegated: "pending",
    reminded: "pending",
    escalated: "pending",
    voted: "pending",
    vote_withdrawn: "pending",
    approved: "approved",
    rejected: "rejected",
    changes_requested: "changes_requested",
    expired: "expired",
    cancelled: "cancelled",
    refused: "pending",
  },
  approved: {
    joined: "approved",
    started: "executing",
    rejected: "rejected",
    changes_requested: "changes_requested",
    taken_back: "pending",
    denied: "denied",
    sent_back: "pending",
    quorum_lost: "pending",
    expired: "expired",
    cancelled: "cancelled",
    refused: "approved",
  },
  executing: {
    retried: "executing",
    executed: "executed",
    failed: "failed",
    outcome_lost: "outcome_unknown",
    refused: "executing",
  },
  outcome_unknown: {
    resolved_happened: "executed",
    resolved_did_not: "failed",
    refused: "outcome_unknown",
  },
  executed: { archived: "executed", refused: "executed" },
  failed: { archived: "failed", refused: "failed" },
  rejected: { settled: "rejected", archived: "rejected", refused: "rejected" },
  changes_requested: { archived: "changes_requested", refused: "changes_requested" },
  expired: { archived: "expired", refused: "expired" },
  cancelled: { archived: "cancelled", refused: "cancelled" },
  denied: { archived: "denied", refused: "denied" },
} as const satisfies Record<Status | "none", Partial<Record<EventType, Status>>>;

/**
 * What the shell must do, in this order. `record` is durable before the next effect begins; `execute` stands only
 * behind the record of its own start.
 */
export type Effect =
  | { readonly do: "record"; readonly event: Event }
  | { readonly do: "execute"; readonly attempt: Attempt }
  | { readonly do: "report"; readonly id: RequestId }
  | { readonly do: "archive"; readonly id: RequestId };

export type Step =
  | { readonly ok: true; readonly request: Request; readonly effects: readonly Effect[] }
  | { readonly ok: false; readonly refusal: Refusal };

/** The one place where a request changes. Pure: the same request and event always give the same step. */
export function step(request: Request | null, event: Event): Step {
  const no = refuse(request, event);
  if (no !== null) return { ok: false, refusal: no };
  const next = evolve(request, event);
  return { ok: true, request: next, effects: effectsOf(event, next) };
}

/** The state that a recorded history amounts to. Throws when the history is one that `step` would never have allowed. */
export function fold(events: readonly Event[], from: Request | null = null): Request | null {
  return events.reduce<Request | null>((request, event) => {
    const stepped = step(request, event);
    if (!stepped.ok) {
      throw new Error(`recorded history is impossible: ${event.type} on ${request?.status ?? "nothing"}`);
    }
    return stepped.request;
  }, from);
}

function refuse(request: Request | null, event: Event): Refusal | null {
  const row: Partial<Record<EventType, Status>> = TRANSITIONS[request?.status ?? "none"];
  if (row[event.type] === undefined) return refusal(refusalFor(request, event.type));
  if (request === null) return null;
  const { digest, fields } = request.submission;
  switch (event.type) {
    case "amended":
      return !isBefore(event.at, fields.expires) ? refusal("too_late") : null;
    case "allowed": {
      // Where a person must be asked, or was, no verdict is theirs.
      const { verdict } = request.submission;
      if (!isBefore(event.at, fields.expires)) return refusal("too_late");
      const isAllowed = verdict?.says === "allow" && event.verdict.says === "allow";
      return isAllowed && request.amendment === undefined ? null : refusal("not_approved");
    }
    case "approved":
    case "voted":
      if (request.submission.verdict?.says === "deny") return refusal("not_pending");
      if (event.decision.digest !== digest) return refusal("digest_mismatch");
      if (!isBefore(event.decision.seen_at, fields.expires)) return refusal("too_late");
      return refuseVote(request, event);
    case "vote_withdrawn":
      return request.votes?.some(({ reviewer }) => reviewer === event.by) ? null : refusal("no_vote");
    case "delegated":
      return refuseDelegation(request, event);
    case "joined":
      return Date.parse(event.at) < endOf(request) ? null : refusal("too_late");
    case "expired":
      return Date.parse(event.at) < endOf(request) ? refusal("not_due") : null;
    case "reminded":
      return event.level > (request.reminded ?? 0) ? null : refusal("not_due");
    case "escalated":
      return event.level === reachedLevels(request).length + 1 ? null : refusal("not_due");
    case "started":
      if (request.status !== "approved") return null;
      if (Date.parse(event.at) < opensAt(request)) return refusal("too_early");
      if (Date.parse(event.at) < closesAt(request)) return null;
      return refusal(request.lapses === null ? "ran_out" : "grant_expired");
    case "retried": {
      if (request.status !== "executing") return null;
      const { effect } = request.submission.fields;
      const { executor, number } = request.attempt;
      const isAllowed = effect !== "unsafe" && executor === "daemon" && event.number === number + 1;
      return isAllowed ? null : refusal("already_started");
    }
    case "settled":
      return isReportable(request) ? refusal("already_final") : null;
    case "archived":
      return (isFinal(request) && request.archived) || !isReportable(request)
        ? refusal("already_final")
        : null;
    default:
      return null;
  }
}

/** However an approval came in, it counts only from somebody who may give it, once, and only all together are enough. */
function refuseVote(request: Request, { type, decision }: Extract<Event, { type: "approved" | "voted" }>) {
  const { verdict, fields } = request.submission;
  const { reviewer, assurance } = decision;
  // The strength is a person's: a service is known by what its answer repeats.
  if (!isService(reviewer) && !isAtLeast(assurance, verdict?.min_assurance ?? "edit"))
    return refusal("assurance_too_low");
  if (reviewer === fields.requester || reviewer === fields.on_behalf_of) return refusal("own_request");
  const roster = rosterIn(request);
  if (roster === null) {
    const isOpen = isOpenToAll({ groups: groupsAskedBy(verdict) });
    return type === "approved" && isOpen ? null : refusal("not_entitled");
  }
  if (reviewer === UNNAMED) return refusal("reviewer_missing");
  if (!isEntitled(reviewer, roster)) return refusal("not_entitled");
  const voters = approversOf(request);
  if (voters.some((voter) => looksOf(voter) === looksOf(reviewer))) {
    const isRecorded = request.votes?.some((vote) => JSON.stringify(vote) === JSON.stringify(decision));
    const isDue = type === "approved" && isRecorded && quorumOf(voters, roster).met;
    return isDue ? null : refusal("already_voted");
  }
  const { met } = quorumOf([...voters, reviewer], roster);
  return met === (type === "approved") ? null : refusal("quorum_missing");
}

/** The groups whose persons a verdict asks for, whoever those are by now. */
function groupsAskedBy(verdict: Verdict | undefined) {
  return (verdict?.approvers ?? []).map((group) => ({ ...group, owners: group.of }));
}

function refuseDelegation(request: Request, { from, to }: Extract<Event, { type: "delegated" }>) {
  const roster = rosterIn(request);
  if (roster === null || !isEntitled(from, roster)) return refusal("not_entitled");
  const isWrong = wrongWith({ from, to }, request.delegations ?? []) !== null || roster.excluded.includes(to);
  return isWrong || approversOf(request).includes(from) ? refusal("delegation_refused") : null;
}

/** When its present wait ends, in ms: for a decision, or for the start. */
function endOf(request: Request): number {
  return request.status === "approved" ? closesAt(request) : Date.parse(request.submission.fields.expires);
}

/** Both are ISO 8601, but not always of the same precision, so they are compared as instants. */
function isBefore(a: string, b: string): boolean {
  return Date.parse(a) < Date.parse(b);
}

function refusalFor(request: Request | null, event: EventType): Refusal["code"] {
  if (request === null) return "not_found";
  if (isFinal(request)) return "already_final";
  if (event === "started") return request.status === "pending" ? "not_approved" : "already_started";
  if (OF_EXECUTIONS.has(event)) return "not_executing";
  if (event === "resolved_happened" || event === "resolved_did_not") return "not_unknown";
  if (request.status === "executing" || request.status === "outcome_unknown") return "already_started";
  return "not_pending";
}

const OF_EXECUTIONS: ReadonlySet<EventType> = new Set(["retried", "executed", "failed", "outcome_lost"]);

function evolve(request: Request | null, event: Event): Request {
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
      return { ...facts, status: "pending" };
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

/** The approvals that count towards the quorum from then on, besides the deciding one. */
function votesAfter(request: Request, event: Event): { votes?: readonly Decision[] } {
  const { votes = [] } = request;
  const after = (): readonly Decision[] => {
    switch (event.type) {
      case "voted":
        return [...votes.map((vote) => replacedBy(event.decision, vote)), event.decision];
      case "approved":
        // One that was recorded before may be the deciding one by now.
        return votes
          .filter(({ reviewer }) => reviewer !== event.decision.reviewer)
          .map((vote) => replacedBy(event.decision, vote));
      case "vote_withdrawn":
        return votes.filter(({ reviewer }) => reviewer !== event.by);
      case "taken_back":
        return leftAfter(event, request);
      case "quorum_lost":
        return rosterIn(request) === null ? [] : approvalsOf(request);
      // About another action, or under other rules.
      case "amended":
      case "sent_back":
        return [];
      default:
        return votes;
    }
  };
  const next = after();
  return next.length === 0 ? {} : { votes: next };
}

/** What one name stands beside was the last one's, whose vote is from then on in the record only. */
function replacedBy(later: Decision, vote: Decision): Decision {
  return isBesideName(later) && isBesideName(vote) ? { ...vote, note_sha256: null } : vote;
}

function isBesideName({ via, note_sha256 }: Decision): boolean {
  return note_sha256 !== null && (via === "decision" || via === "status" || via === "box");
}

/** The approvals that are left once something was taken back. */
function leftAfter(
  { by, only }: Extract<Event, { type: "taken_back" }>,
  request: Request,
): readonly Decision[] {
  const roster = rosterIn(request);
  if (roster === null) return [];
  const given = approvalsOf(request);
  if (only === "note") return given.filter(({ note_sha256 }) => note_sha256 === null);
  const others = given.filter(({ reviewer }) => reviewer !== by);
  if (others.length < given.length) return others;
  // Programs are not asked again; what they alone have approved is undone all the same.
  const services = given.filter(({ reviewer }) => isService(reviewer));
  const names = services.map(({ reviewer }) => reviewer);
  return quorumOf(names, roster).met ? [] : services;
}

/** However often it is asked for in a row, the history has one line of it: the last. */
function askedAgain(request: Request, event: Extract<Event, { type: "joined" }>) {
  const asked = askedOf(request) + 1;
  const repeated = request.history.at(-1)?.event === "joined";
  const before = repeated ? request.history.slice(0, -1) : request.history;
  const { requester } = request.submission.fields;
  return { asked, history: [...before, line(event, requester, `${asked} times by now`)] };
}

/** What the request says of its action now. */
export function versionOf({ submission }: Request): Version {
  const { fields, digest, action_digest, title, next_effect, not_before, verdict } = submission;
  return {
    params: fields.params,
    digest,
    action_digest,
    title,
    next_effect,
    ...(not_before !== undefined && { not_before }),
    ...(verdict !== undefined && { verdict }),
  };
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

function effectsOf(event: Event, next: Request): Effect[] {
  const { id } = next.submission.fields;
  const effects: Effect[] = [{ do: "record", event }];
  if (event.type === "started" && event.attempt.executor === "daemon") {
    effects.push({ do: "execute", attempt: event.attempt });
  }
  if (LEAVES_AS_IT_IS.has(event.type)) return effects;
  if (
    event.type === "outcome_lost" ||
    ((event.type === "approved" || event.type === "allowed") && event.lapses !== null)
  ) {
    effects.push({ do: "report", id });
  }
  if (isReportable(next)) effects.push({ do: "report", id }, { do: "archive", id });
  return effects;
}

/** Events behind which nobody has anything new to be told. */
const LEAVES_AS_IT_IS: ReadonlySet<EventType> = new Set([
  "joined",
  "archived",
  "refused",
  "roster_changed",
  "delegated",
  "voted",
  "vote_withdrawn",
  "reminded",
  "escalated",
  "retried",
]);

function historyOf(event: Exclude<Event, { type: "submitted" }>, before: Request): HistoryLine {
  switch (event.type) {
    case "amended": {
      const { params } = before.submission.fields;
      return line(event, event.by, tellChanges(params, event.params, "now").join("; ").replaceAll("**", ""));
    }
    case "allowed":
    case "denied":
    case "sent_back":
      return line(event, tellRule(event.verdict), event.verdict.reason);
    case "voted":
    case "approved":
    case "rejected":
    case "changes_requested":
      return line(event, event.decision.reviewer, event.decision.reason);
    case "delegated":
      return line(event, event.from, `to ${event.to}${event.reason === null ? "" : `: ${event.reason}`}`);
    case "roster_changed":
      return line(event, null, `may decide: ${votersOf(event.roster)?.join(", ") ?? "anyone"}`);
    case "vote_withdrawn":
      return line(event, event.by, null);
    case "quorum_lost":
      return line(event, null, event.reason);
    case "settled":
      return line(event, event.reviewer, event.reason);
    case "taken_back":
    case "cancelled":
    case "resolved_happened":
    case "resolved_did_not":
      return line(event, event.by, event.reason);
    case "retried":
      return line(event, null, `attempt ${event.number}, because ${event.because}`);
    case "failed":
      return line(event, null, event.error);
    case "outcome_lost":
      return line(event, null, event.cause);
    case "expired":
      return line(event, null, event.closes === undefined ? null : `not started before ${event.closes}`);
    case "started":
      return line(event, null, tellConstraints(event.attempt.constraints ?? null).join("; ") || null);
    case "escalated":
      return line(event, null, `also to ${event.to.join(", ")}`);
    case "refused":
      return line(event, event.by, `${event.code}: ${event.detail}`);
    default:
      return line(event, null, null);
  }
}

/** Who it is that says so, where it is no person. */
export function tellRule({ rule, policy }: Verdict): string {
  if (policy === null) return "the absence of a policy";
  return rule === null ? "the policy's default" : `the rule ${rule}`;
}

function line(event: Event, by: string | null, detail: string | null): HistoryLine {
  return { at: event.at, event: event.type, by, detail };
}
