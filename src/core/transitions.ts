import { type Refusal, refusal } from "./codes.ts";
import type { Event, EventType } from "./event.ts";
import { evolve } from "./evolving.ts";
import { refusalFor, refuse } from "./refusing.ts";
import { type Attempt, isReportable, type Request, type RequestId, type Status } from "./request.ts";

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
  const row: Partial<Record<EventType, Status>> = TRANSITIONS[request?.status ?? "none"];
  if (row[event.type] === undefined) return { ok: false, refusal: refusal(refusalFor(request, event.type)) };
  const no = request === null ? null : refuse(request, event);
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
