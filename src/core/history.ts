import { tellChanges } from "./amendment.ts";
import { tellConstraints } from "./constraints.ts";
import type { Event } from "./event.ts";
import type { HistoryLine, Request } from "./request.ts";
import { votersOf } from "./roster.ts";
import { tellRule } from "./verdict.ts";

/** One event as a line of the request's history. */
export function historyOf(event: Exclude<Event, { type: "submitted" }>, before: Request): HistoryLine {
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

export function line(event: Event, by: string | null, detail: string | null): HistoryLine {
  return { at: event.at, event: event.type, by, detail };
}
