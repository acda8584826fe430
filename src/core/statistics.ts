import { createFacts, type Waiting } from "./facts.ts";
import type { FinalRequest, Request } from "./request.ts";
import type { Risk, WouldHave } from "./verdict.ts";

/** A decision in less time than it takes to read a note (ms). */
export const HASTY_MS = 3_000;

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** The most reasons that are told; the rest is in the journal. */
const REASONS = 10;

/** How long something took, in ms, by nearest rank; null where there was nothing. */
export interface Spread {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
}

/** What persons decided. */
export interface Decided {
  readonly count: number;
  readonly approved: number;
  readonly rejected: number;
  readonly changes_requested: number;
  /** In less than 3 seconds from when it began to wait. */
  readonly hasty: number;
  readonly time_ms: Spread | null;
}

export interface Statistics {
  /** From the first to the last event that was counted (ISO 8601); null where there is none. */
  readonly from: string | null;
  readonly to: string | null;
  /** What waits for a decision now, whenever it was asked for. `none` is without a policy. */
  readonly waiting: {
    readonly count: number;
    readonly by_risk: Readonly<Record<Risk | "none", number>>;
    readonly by_age: Readonly<Record<"under_1h" | "under_1d" | "older", number>>;
    readonly oldest_ms: number | null;
  };
  readonly requests: { readonly asked: number; readonly joined: number; readonly retried: number };
  readonly decided: Decided;
  readonly by_rule: Readonly<Record<string, Decided>>;
  readonly by_reviewer: Readonly<Record<string, Decided>>;
  /** What the policy answered by itself. */
  readonly policy: { readonly allowed: number; readonly denied: number };
  /** What went ahead only because its kind is in shadow, by the rule that would have held it up, and how. */
  readonly shadow: Readonly<Record<string, Readonly<Record<WouldHave, number>>>>;
  readonly outcomes: Readonly<Record<FinalRequest["status"], number>>;
  readonly unknown: number;
  /** Why persons said no, the most frequent first. */
  readonly reasons: readonly { readonly reason: string; readonly count: number }[];
  /** How long handlers ran, by kind. */
  readonly handlers: Readonly<Record<string, { readonly count: number; readonly time_ms: Spread | null }>>;
}

/**
 * Counts what happened from `since` (ms) on, from the ledger's records in their order: all of them, or what was open at
 * some point before `since` and all records from there on, because what was asked for before may be decided after.
 */
export function createStatistics(since = Number.NEGATIVE_INFINITY) {
  const decided = createDecided();
  const rules = new Map<string, ReturnType<typeof createDecided>>();
  const reviewers = new Map<string, ReturnType<typeof createDecided>>();
  const handlers = new Map<string, number[]>();
  const reasons = new Map<string, number>();
  const shadow = new Map<string, Record<WouldHave, number>>();
  const counts = new Map<string, number>();
  let from: string | null = null;
  let to: string | null = null;
  const count = (what: string) => counts.set(what, (counts.get(what) ?? 0) + 1);

  const facts = createFacts((fact, at) => {
    if (Date.parse(at) < since) return;
    from ??= at;
    to = at;
    switch (fact.what) {
      case "reviewed":
        of(reviewers, fact.reviewer, createDecided).add(fact.verb, fact.took);
        break;
      case "decided":
        decided.add(fact.verb, fact.took);
        of(rules, fact.rule, createDecided).add(fact.verb, fact.took);
        break;
      case "reason":
        reasons.set(fact.reason, (reasons.get(fact.reason) ?? 0) + 1);
        break;
      case "handled":
        of(handlers, fact.kind, (): number[] => []).push(fact.took);
        break;
      case "outcome":
        count(fact.status);
        break;
      case "shadow":
        of(shadow, fact.rule, nothingHeldUp)[fact.would] += 1;
        break;
      case "asked":
        count("asked");
        if (fact.retried) count("retried");
        break;
      default:
        count(fact.what);
    }
  });

  return {
    take: facts.take,

    /** A request that was open where the records begin, as it was then. */
    adopt: (request: Request): void => facts.adopt(request, request.status),

    /** What it all comes to; `now` (ms) is for how old what waits is. */
    read(now: number): Statistics {
      const n = (what: string) => counts.get(what) ?? 0;
      return {
        from,
        to,
        waiting: waitingOf(facts.waiting(), now),
        requests: { asked: n("asked"), joined: n("joined"), retried: n("retried") },
        decided: decided.read(),
        by_rule: readAll(rules),
        by_reviewer: readAll(reviewers),
        policy: { allowed: n("allowed"), denied: n("denied") },
        shadow: Object.fromEntries(byName(shadow).map(([rule, one]) => [rule, { ...one }])),
        outcomes: {
          executed: n("executed"),
          failed: n("failed"),
          rejected: n("rejected"),
          changes_requested: n("changes_requested"),
          expired: n("expired"),
          cancelled: n("cancelled"),
          denied: n("denied"),
        },
        unknown: n("unknown"),
        reasons: [...reasons]
          .sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
          .slice(0, REASONS)
          .map(([reason, count]) => ({ reason, count })),
        handlers: Object.fromEntries(
          byName(handlers).map(([kind, times]) => [kind, { count: times.length, time_ms: spreadOf(times) }]),
        ),
      };
    },
  };
}

function of<V>(map: Map<string, V>, name: string, make: () => V): V {
  const found = map.get(name) ?? make();
  map.set(name, found);
  return found;
}

function nothingHeldUp(): Record<WouldHave, number> {
  return { require_approval: 0, deny: 0, allow_with_constraints: 0 };
}

function createDecided() {
  const times: number[] = [];
  const verbs = { approve: 0, reject: 0, request_changes: 0 };
  let hasty = 0;
  return {
    add(verb: keyof typeof verbs, took: number): void {
      verbs[verb] += 1;
      times.push(took);
      if (took < HASTY_MS) hasty += 1;
    },
    read: (): Decided => ({
      count: times.length,
      approved: verbs.approve,
      rejected: verbs.reject,
      changes_requested: verbs.request_changes,
      hasty,
      time_ms: spreadOf(times),
    }),
  };
}

function readAll(all: Map<string, ReturnType<typeof createDecided>>): Record<string, Decided> {
  return Object.fromEntries(byName(all).map(([name, one]) => [name, one.read()]));
}

function byName<V>(map: Map<string, V>): [string, V][] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1));
}

export function waitingOf(all: readonly Waiting[], now: number): Statistics["waiting"] {
  const by_risk: Record<Risk | "none", number> = { none: 0, low: 0, medium: 0, high: 0, critical: 0 };
  const by_age = { under_1h: 0, under_1d: 0, older: 0 };
  let oldest: number | null = null;
  for (const { risk, waiting } of all) {
    const age = Math.max(0, now - waiting);
    by_risk[risk] += 1;
    by_age[age < HOUR_MS ? "under_1h" : age < DAY_MS ? "under_1d" : "older"] += 1;
    oldest = Math.max(oldest ?? 0, age);
  }
  return { count: all.length, by_risk, by_age, oldest_ms: oldest };
}

/** By nearest rank: the smallest time that so many of all took at the most. */
export function spreadOf(times: readonly number[]): Spread | null {
  if (times.length === 0) return null;
  const sorted = Float64Array.from(times).sort();
  const at = (share: number) => sorted[Math.ceil(share * sorted.length) - 1] ?? 0;
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99) };
}
