import type { Event, EventType } from "./event.ts";
import type { FinalRequest, Request, RequestId, Status, Submission, Verb } from "./request.ts";
import { OUTCOMES } from "./tally.ts";
import { TRANSITIONS } from "./transitions.ts";
import { type Risk, type WouldHave, wouldHave } from "./verdict.ts";

/** What can be counted of what happens. Times are in ms. */
export type Fact =
  | { readonly what: "asked"; readonly kind: string; readonly requester: string; readonly retried: boolean }
  | { readonly what: "joined" | "allowed" | "unknown" }
  /** Let through by a switch, and by which rule it would have been held up. */
  | { readonly what: "shadow"; readonly rule: string; readonly would: WouldHave }
  /** One reviewer's answer, also one that is not enough alone; from when it began to wait. */
  | { readonly what: "reviewed"; readonly reviewer: string; readonly verb: Verb; readonly took: number }
  | { readonly what: "decided"; readonly rule: string; readonly verb: Verb; readonly took: number }
  /** Why a person said no. */
  | { readonly what: "reason"; readonly reason: string }
  | { readonly what: "handled"; readonly kind: string; readonly took: number }
  | { readonly what: "outcome"; readonly status: FinalRequest["status"]; readonly kind: string };

/** What is known of a request that is not closed. */
interface Known {
  status: Status;
  /** Since when it waits for a decision. */
  waiting: number;
  started: number;
  /** How long a rejection took whose reviewer may still be typed. */
  unsettled: number;
  readonly rule: string;
  readonly risk: Risk | "none";
  readonly kind: string;
}

/** What makes a request wait for a decision: for the first time, or again. */
const BEGINS_TO_WAIT: ReadonlySet<string> = new Set([
  "submitted",
  "taken_back",
  "sent_back",
  "quorum_lost",
] satisfies EventType[]);

/** What waits for a decision, since when and how risky it is; `none` is without a policy. */
export type Waiting = Pick<Known, "waiting" | "risk">;

/** Makes facts of the ledger's records, which must be given in their order. */
export function createFacts(tell: (fact: Fact, at: string) => void) {
  const known = new Map<RequestId, Known>();

  function begin({ fields, verdict }: Submission, at: number): Known {
    const { kind, id } = fields;
    const isJudged = verdict !== undefined && verdict.policy !== null;
    const rule = isJudged ? (verdict.rule ?? "default") : "no policy";
    const risk = isJudged ? verdict.risk : "none";
    const one: Known = { status: "pending", waiting: at, started: at, unsettled: 0, rule, risk, kind };
    known.set(id, one);
    return one;
  }

  function happen(one: Known, event: Event): void {
    const say = (fact: Fact) => tell(fact, event.at);
    const outcome = OUTCOMES[event.type];
    if (outcome !== undefined) say({ what: "outcome", status: outcome, kind: one.kind });
    if ("decision" in event) {
      const { verb, reviewer, seen_at, reason } = event.decision;
      // Settling takes time in which nobody reads any more.
      const took = Math.max(0, Date.parse(seen_at) - one.waiting);
      one.unsettled = took;
      if (event.type !== "voted") say({ what: "decided", rule: one.rule, verb, took });
      if (event.type === "rejected" && !event.settled) return;
      say({ what: "reviewed", reviewer, verb, took });
      if (verb !== "approve" && reason !== null) say({ what: "reason", reason });
      return;
    }
    switch (event.type) {
      case "settled":
        say({ what: "reviewed", reviewer: event.reviewer, verb: "reject", took: one.unsettled });
        if (event.reason !== null) say({ what: "reason", reason: event.reason });
        return;
      case "executed":
      case "failed":
        say({ what: "handled", kind: one.kind, took: Math.max(0, Date.parse(event.at) - one.started) });
        return;
      case "joined":
        say({ what: "joined" });
        return;
      case "allowed": {
        const would = wouldHave(event.verdict);
        say(would === null ? { what: "allowed" } : { what: "shadow", rule: one.rule, would });
        return;
      }
      case "outcome_lost":
        say({ what: "unknown" });
    }
  }

  return {
    take(id: RequestId, event: Event): void {
      const at = Date.parse(event.at);
      if (event.type === "submitted") {
        const { fields, previous } = event.submission;
        begin(event.submission, at);
        const { kind, requester } = fields;
        tell({ what: "asked", kind, requester, retried: previous !== undefined }, event.at);
        return;
      }
      const one = known.get(id);
      if (one === undefined) return;
      happen(one, event);
      const row: Partial<Record<string, Status>> = TRANSITIONS[one.status];
      const next = row[event.type] ?? one.status;
      if (next === "pending" && one.status !== "pending") one.waiting = at;
      if (event.type === "started") one.started = at;
      one.status = next;
      if (event.type === "archived") known.delete(id);
    },

    /** A request whose beginning is not among the records that are given, or as it is by now. */
    adopt(request: Request, status: Status): void {
      const { id, created } = request.submission.fields;
      const one = known.get(id) ?? begin(request.submission, Date.parse(created));
      one.status = status;
      if (status !== request.status) return;
      const began = request.history.findLast(({ event }) => BEGINS_TO_WAIT.has(event));
      if (began !== undefined) one.waiting = Date.parse(began.at);
      if ("started_at" in request) one.started = Date.parse(request.started_at);
      if ("decision" in request)
        one.unsettled = Math.max(0, Date.parse(request.decision.seen_at) - one.waiting);
    },

    waiting: (): readonly Waiting[] => [...known.values()].filter(({ status }) => status === "pending"),
  };
}
