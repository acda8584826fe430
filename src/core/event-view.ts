import type { Event, EventType } from "./event.ts";
import type { RequestId } from "./request.ts";
import { wouldHave } from "./verdict.ts";

/** The one shape in which what happened to a request is told to the outside. */
export interface EventView {
  /** Where it stands in the journal; a follower goes on behind the last one that it was told. */
  readonly seq: number;
  readonly id: RequestId;
  /** The request's revision behind it. */
  readonly revision: number;
  readonly event: EventType;
  readonly at: string;
  readonly requester: string;
  readonly kind: string;
  /** Who said so, where a person or agent did; a policy's rule where that did. */
  readonly by: string | null;
  /** Why, in their words; for an outcome what went wrong. */
  readonly reason: string | null;
}

/** What of a request does not change, and is told with each of its events. */
export interface EventSubject {
  readonly requester: string;
  readonly kind: string;
}

export function eventViewOf(
  record: { readonly seq: number; readonly id: RequestId; readonly revision: number; readonly event: Event },
  { requester, kind }: EventSubject,
): EventView {
  const { seq, id, revision, event } = record;
  return {
    seq,
    id,
    revision,
    event: event.type,
    at: event.at,
    requester,
    kind,
    ...wordsOf(event, requester),
  };
}

function wordsOf(event: Event, requester: string): { by: string | null; reason: string | null } {
  switch (event.type) {
    case "submitted":
    case "joined":
      return { by: requester, reason: null };
    case "allowed":
    case "denied":
    case "sent_back":
      return {
        by: wouldHave(event.verdict) === null ? event.verdict.rule : null,
        reason: event.verdict.reason,
      };
    case "delegated":
      return { by: event.from, reason: event.reason };
    case "vote_withdrawn":
      return { by: event.by, reason: null };
    case "quorum_lost":
      return { by: null, reason: event.reason };
    case "voted":
    case "approved":
    case "rejected":
    case "changes_requested":
      return { by: event.decision.reviewer, reason: event.decision.reason };
    case "settled":
      return { by: event.reviewer, reason: event.reason };
    case "amended":
      return { by: event.by, reason: null };
    case "taken_back":
    case "cancelled":
    case "resolved_happened":
    case "resolved_did_not":
      return { by: event.by, reason: event.reason };
    case "retried":
      return { by: null, reason: event.because };
    case "failed":
      return { by: null, reason: event.error };
    case "outcome_lost":
      return { by: null, reason: event.cause };
    case "refused":
      return { by: event.by, reason: `${event.code}: ${event.detail}` };
    default:
      return { by: null, reason: null };
  }
}
