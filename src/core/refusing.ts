import { type Refusal, refusal } from "./codes.ts";
import { wrongWith } from "./delegation.ts";
import { reachedLevels } from "./escalation.ts";
import type { Event, EventType } from "./event.ts";
import { looksOf } from "./look-alikes.ts";
import { isService, UNNAMED } from "./people.ts";
import { quorumOf } from "./quorum.ts";
import { approversOf, isFinal, isReportable, type Request, rosterIn } from "./request.ts";
import { isEntitled, isOpenToAll } from "./roster.ts";
import { closesAt, opensAt } from "./timing.ts";
import { isAtLeast, type Verdict } from "./verdict.ts";

/** Why an event that the table allows is refused all the same; null where it is not. */
export function refuse(request: Request, event: Event): Refusal | null {
  const { digest, fields } = request.submission;
  switch (event.type) {
    case "amended":
      return !isBefore(event.at, fields.expires) ? refusal("too_late") : null;
    case "taken_back":
      return event.allowed && !("allowed_at" in request) ? refusal("not_approved") : null;
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

/** Why the table does not have the event in this status. */
export function refusalFor(request: Request | null, event: EventType): Refusal["code"] {
  if (request === null) return "not_found";
  if (isFinal(request)) return "already_final";
  if (event === "started") return request.status === "pending" ? "not_approved" : "already_started";
  if (OF_EXECUTIONS.has(event)) return "not_executing";
  if (event === "resolved_happened" || event === "resolved_did_not") return "not_unknown";
  if (request.status === "executing" || request.status === "outcome_unknown") return "already_started";
  return "not_pending";
}

const OF_EXECUTIONS: ReadonlySet<EventType> = new Set(["retried", "executed", "failed", "outcome_lost"]);
