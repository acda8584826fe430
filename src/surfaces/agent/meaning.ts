import type { RequestView } from "../../core/view.ts";

/** The reviewer's reason, or the policy's. */
export function reasonOf({ decision, status, verdict }: RequestView): string | null {
  return status === "denied" ? (verdict?.reason ?? null) : (decision?.reason ?? null);
}

interface Telling {
  /** Whether the action has just become the caller's to carry out. */
  readonly proceed?: boolean;
  /** How to go on waiting. */
  readonly wait?: string;
  /** How to ask again with the changes that are wanted. */
  readonly again?: string;
}

/** What a no means for whoever asked; it names the outcome, and shuts the ways around it. */
export function meaning(
  request: RequestView,
  {
    proceed = false,
    wait = "call wait_for_approval with this id, or make the same call again",
    again = "Ask again with the changes, naming this id as previous",
  }: Telling = {},
): string {
  const { id, status, executor } = request;
  const unasked = request.shadow === null ? "the policy" : "shadow mode, in which nobody is asked";
  const by = request.decision?.reviewer ?? unasked;
  const because = reasonOf(request);
  const why = because === null ? "" : ` Reason: ${/[.!?…]$/.test(because) ? because : `${because}.`}`;
  const stop = "Do not try again, and do not reach the same in another way.";
  switch (status) {
    case "pending":
      return `${id} waits for a person, and nothing is decided. Do not act; ${wait}.`;
    case "approved":
      return `${id} is approved by ${by} and not begun yet. To go on, ${wait}.`;
    case "executing":
      if (proceed) {
        const changed = request.amended.length > 0 ? " A person changed the params." : "";
        return `Approved by ${by}.${changed} Carry out exactly these params now, once, and then call report_outcome with this id.`;
      }
      return `${id} is approved and being carried out${executor === "caller" ? " by who claimed it" : ""}. To go on, ${wait}.`;
    case "executed":
      return `${id} was approved by ${by} and is done. Do not do it again.`;
    case "rejected":
      return `${by} rejected ${id}.${why} ${stop}`;
    case "denied":
      return `The policy denies ${id}.${why} ${stop}`;
    case "changes_requested":
      return `${by} wants ${id} changed.${why} ${again}; do not act on this one.`;
    case "expired":
      return `Nobody approved ${id} in time, so it may not be done.`;
    case "cancelled":
      return `${id} was withdrawn, so it may not be done.`;
    case "failed":
      return `${id} was approved and failed: ${request.error ?? "no reason is known"}.`;
    case "outcome_unknown":
      return `${id} was begun, and what came of it is not known. A person finds out; never do it again by yourself.`;
  }
}
