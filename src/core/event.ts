import type { Version } from "./amendment.ts";
import type { Delegation } from "./delegation.ts";
import type { Reached } from "./escalation.ts";
import type { Json } from "./json.ts";
import type { Attempt, Decision, Submission } from "./request.ts";
import type { Roster } from "./roster.ts";
import type { Window } from "./timing.ts";
import type { Verdict } from "./verdict.ts";

/**
 * What can happen to a request. Events are what the ledger stores; a request's state is the fold of its events.
 * `at` is the daemon's clock, ISO 8601 in UTC with milliseconds.
 */
export type Event =
  | { readonly type: "submitted"; readonly at: string; readonly submission: Submission }
  /** The same requester asked for the same action again while it waited: one decision and one outcome are for all. */
  | { readonly type: "joined"; readonly at: string }
  /** A person changed the action, where the configuration allows it: what was decided before is void. */
  | (Version & {
      readonly type: "amended";
      readonly at: string;
      readonly by: string;
      /** Where it was changed: `note`, or a surface. */
      readonly via: string;
      readonly note_sha256: string | null;
    })
  /** The policy's yes, nobody asked. */
  | (OpenWindow & { readonly type: "allowed"; readonly at: string; readonly verdict: Verdict })
  /** The policy's no, at once or right before the start. */
  | { readonly type: "denied"; readonly at: string; readonly verdict: Verdict }
  /** The policy has become stricter since: what was decided before is void, and a person is asked. */
  | {
      readonly type: "sent_back";
      readonly at: string;
      readonly verdict: Verdict;
      readonly digest: string;
      readonly expires: string;
      readonly note_sha256: string | null;
    }
  /** Who may decide is no longer who it was. */
  | { readonly type: "roster_changed"; readonly at: string; readonly roster: Roster }
  /** A reviewer passes the decision on; never part of the action. */
  | (Delegation & {
      readonly type: "delegated";
      readonly at: string;
      readonly via: string;
      readonly reason: string | null;
    })
  /** Nobody has decided, and the time is nearly over; each level once. */
  | { readonly type: "reminded"; readonly at: string; readonly level: number }
  /** Nobody has decided, so these are asked as well. */
  | (Reached & { readonly type: "escalated"; readonly at: string })
  /** An approval that is not enough yet. */
  | { readonly type: "voted"; readonly at: string; readonly decision: Decision }
  | { readonly type: "vote_withdrawn"; readonly at: string; readonly by: string }
  /** Those who approved may no longer do so, or not all of them: others are needed. */
  | { readonly type: "quorum_lost"; readonly at: string; readonly reason: string }
  | (OpenWindow & { readonly type: "approved"; readonly at: string; readonly decision: Decision })
  /** `settled: false` when a reason may still be typed behind it. */
  | { readonly type: "rejected"; readonly at: string; readonly decision: Decision; readonly settled: boolean }
  | { readonly type: "changes_requested"; readonly at: string; readonly decision: Decision }
  /** The time for typing a reason is over; what was read then. */
  | {
      readonly type: "settled";
      readonly at: string;
      readonly reviewer: string;
      readonly reason: string | null;
    }
  /** All approvals, unless it is one of several approvers who takes back the own one. */
  | {
      readonly type: "taken_back";
      readonly at: string;
      readonly by: string;
      readonly reason: string | null;
      /** Those alone that stood in the note, which does not say so any more. */
      readonly only?: "note";
      /** What nobody was asked for: from then on a person is. Older records are without it, and were allowed again. */
      readonly allowed?: true;
    }
  /** Consumes the approval and starts the one execution. */
  | { readonly type: "started"; readonly at: string; readonly attempt: Attempt }
  /** Inside the one execution, of an action for which a second try is harmless: what came of the one before. */
  | { readonly type: "retried"; readonly at: string; readonly number: number; readonly because: string }
  | { readonly type: "executed"; readonly at: string; readonly result: Json }
  | { readonly type: "failed"; readonly at: string; readonly error: string }
  /** What came of the attempt cannot be known by the machine. */
  | { readonly type: "outcome_lost"; readonly at: string; readonly cause: string }
  | {
      readonly type: "resolved_happened";
      readonly at: string;
      readonly by: string;
      readonly reason: string | null;
    }
  | {
      readonly type: "resolved_did_not";
      readonly at: string;
      readonly by: string;
      readonly reason: string | null;
    }
  /** `closes`: it was approved, and had to start before that. */
  | { readonly type: "expired"; readonly at: string; readonly closes?: string }
  | { readonly type: "cancelled"; readonly at: string; readonly by: string; readonly reason: string | null }
  /** The finished note is in `Done/` and no longer in a decision folder. */
  | { readonly type: "archived"; readonly at: string }
  /** Somebody said or asked something that did not count; nothing changed. */
  | {
      readonly type: "refused";
      readonly at: string;
      readonly code: string;
      readonly by: string | null;
      readonly detail: string;
    };

/** When it may start; in older records there is only `lapses`. */
type OpenWindow = Pick<Window, "lapses"> & Partial<Window>;

export type EventType = Event["type"];

export const EVENT_TYPES = [
  "submitted",
  "joined",
  "amended",
  "allowed",
  "denied",
  "sent_back",
  "roster_changed",
  "delegated",
  "reminded",
  "escalated",
  "voted",
  "vote_withdrawn",
  "quorum_lost",
  "approved",
  "rejected",
  "changes_requested",
  "settled",
  "taken_back",
  "started",
  "retried",
  "executed",
  "failed",
  "outcome_lost",
  "resolved_happened",
  "resolved_did_not",
  "expired",
  "cancelled",
  "archived",
  "refused",
] as const satisfies readonly EventType[];
