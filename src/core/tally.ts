import type { Event } from "./event.ts";
import { createdOf } from "./id.ts";
import type { FinalRequest, RequestId } from "./request.ts";

type OutcomeStatus = FinalRequest["status"];

/** How far back is counted from the newest outcome on, so that the figures change with outcomes and with nothing else. */
const SPAN_MS = 30 * 86_400_000;
/** The most outcomes that are remembered. */
const LIMIT = 5_000;

/** One request that came to its end. */
interface Ended {
  readonly id: RequestId;
  /** In ms since the epoch. */
  readonly at: number;
  readonly outcome: OutcomeStatus;
  /** How long it waited for its decision, in ms; null where nobody decided, or that was too long ago to be known. */
  readonly waited: number | null;
}

export interface Figures {
  readonly outcomes: ReadonlyMap<OutcomeStatus, number>;
  /** Of those that a person decided, in ms; null when there are none. */
  readonly waits: { readonly decided: number; readonly half: number; readonly longest: number } | null;
  /** From and up to when is counted (ms); null when there is nothing to count. */
  readonly from: number | null;
  readonly to: number | null;
  /** Whether there was more in these 30 days than is remembered, so that it is counted from a later time on. */
  readonly cut: boolean;
}

/** What came of requests lately, counted from the ledger's records as they come. */
export function createTally() {
  const decided = new Map<RequestId, number>();
  let ended: Ended[] = [];
  let cut = false;

  return {
    take(id: RequestId, event: Event): void {
      const at = Date.parse(event.at);
      if (event.type === "taken_back" || event.type === "sent_back") decided.delete(id);
      if (isDecision(event)) decided.set(id, at);
      const outcome = OUTCOMES[event.type];
      if (outcome === undefined) return;
      const said = decided.get(id);
      decided.delete(id);
      ended.push({ id, at, outcome, waited: said === undefined ? null : Math.max(0, said - createdOf(id)) });
      if (ended.length < 2 * LIMIT) return;
      ended = ended.slice(-LIMIT);
      cut = true;
    },

    /** Earlier records than the first were left out. */
    cutBefore(): void {
      cut = true;
    },

    /** The ids of those that came to their end last, the newest first. */
    newest(count: number, outcome: OutcomeStatus | null = null): RequestId[] {
      const found = outcome === null ? ended : ended.filter((one) => one.outcome === outcome);
      return found
        .slice(-count)
        .reverse()
        .map(({ id }) => id);
    },

    figures(): Figures {
      const to = ended.at(-1)?.at ?? null;
      const kept = ended.slice(-LIMIT);
      const counted = kept.filter(({ at }) => to !== null && at > to - SPAN_MS);
      const outcomes = new Map<OutcomeStatus, number>();
      for (const { outcome } of counted) outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      return {
        outcomes,
        waits: waitsOf(counted),
        from: counted[0]?.at ?? null,
        to,
        cut: counted.length === kept.length && (cut || ended.length > kept.length),
      };
    },
  };
}

/** What an event makes of a request for good; nothing for every other event. */
export const OUTCOMES: Partial<Record<Event["type"], OutcomeStatus>> = {
  executed: "executed",
  resolved_happened: "executed",
  failed: "failed",
  resolved_did_not: "failed",
  rejected: "rejected",
  changes_requested: "changes_requested",
  expired: "expired",
  cancelled: "cancelled",
  denied: "denied",
};

function isDecision({ type }: Event): boolean {
  return type === "approved" || type === "rejected" || type === "changes_requested";
}

function waitsOf(ended: readonly Ended[]): Figures["waits"] {
  const waits = ended.flatMap(({ waited }) => (waited === null ? [] : [waited])).sort((a, b) => a - b);
  const half = waits[Math.ceil(waits.length / 2) - 1];
  const longest = waits.at(-1);
  return half === undefined || longest === undefined ? null : { decided: waits.length, half, longest };
}
