import type { Event, EventType } from "./event.ts";

/** What people are told of, as the configuration's `events:` calls it. */
export const OCCASIONS = ["created", "reminder", "escalated", "decided", "failed", "unknown"] as const;
export type Occasion = (typeof OCCASIONS)[number];

/** What an event is to the people who are told of it. */
export interface Told {
  readonly occasion: Occasion;
  /** What stands before the request's title: our own words. */
  readonly headline: string;
  /** Who did it, and what was said or went wrong: others' words. */
  readonly by?: string | null;
  readonly said?: string | null;
  /** Set where what was said is a handler's words, which may quote params. */
  readonly inner?: boolean;
}

type Teller<T extends EventType> = (event: Extract<Event, { type: T }>, revision: number) => Told | null;

/**
 * The one table of what people are told of. An event without a row is told to nobody. `revision` is the request's after
 * the event.
 */
const TOLD: { readonly [T in EventType]?: Teller<T> } = {
  submitted: ({ submission: { verdict } }) =>
    verdict === undefined || verdict.says === "require_approval"
      ? { occasion: "created", headline: "Waits for your decision" }
      : null,
  sent_back: () => ({ occasion: "created", headline: "Needs a decision again" }),
  quorum_lost: ({ reason }) => ({ occasion: "created", headline: "Needs others to decide", said: reason }),
  reminded: () => ({ occasion: "reminder", headline: "Still waits, and not for long any more" }),
  escalated: ({ to }) => ({
    occasion: "escalated",
    headline: `Nobody has decided: also to ${to.join(", ")}`,
  }),
  // Somebody else is asked now.
  delegated: ({ from, to, reason }) => ({
    occasion: "escalated",
    headline: `Passed on to ${to}`,
    by: from,
    said: reason,
  }),
  approved: ({ decision, opens = null }) => ({
    occasion: "decided",
    headline: opens === null ? "Approved" : `Approved, starts at ${opens} unless taken back`,
    by: decision.reviewer,
    said: decision.reason,
  }),
  // While a reason may still be typed, what is said follows with `settled`.
  rejected: ({ decision, settled }) =>
    settled
      ? { occasion: "decided", headline: "Rejected", by: decision.reviewer, said: decision.reason }
      : null,
  settled: ({ reviewer, reason }) => ({
    occasion: "decided",
    headline: "Rejected",
    by: reviewer,
    said: reason,
  }),
  changes_requested: ({ decision }) => ({
    occasion: "decided",
    headline: "Changes requested",
    by: decision.reviewer,
    said: decision.reason,
  }),
  taken_back: ({ by, reason }) => ({
    occasion: "decided",
    headline: "Approval taken back",
    by,
    said: reason,
  }),
  expired: ({ closes }) => ({
    occasion: "decided",
    headline:
      closes === undefined ? "Expired without a decision" : "Expired: approved, and not started in time",
  }),
  cancelled: ({ by, reason }) => ({ occasion: "decided", headline: "Withdrawn", by, said: reason }),
  // What the policy denies at once, nobody was ever asked about.
  denied: ({ verdict }, revision) =>
    revision <= 2
      ? null
      : { occasion: "decided", headline: "Denied by the policy after all", said: verdict.reason },
  failed: ({ error }) => ({ occasion: "failed", headline: "Failed", said: error, inner: true }),
  outcome_lost: ({ cause }) => ({
    occasion: "unknown",
    headline: "Did it happen?",
    said: cause,
    inner: true,
  }),
};

/** What people are told of an event; null where it is nothing to them. */
export function toldOf(event: Event, revision: number): Told | null {
  const tell = TOLD[event.type] as Teller<EventType> | undefined;
  return tell?.(event, revision) ?? null;
}
