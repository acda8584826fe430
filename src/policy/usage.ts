import type { Event } from "../core/event.ts";
import type { RequestId } from "../core/request.ts";
import type { Exact } from "./exact.ts";
import { type Counted, shareIn, type Used } from "./limits.ts";
import type { Match, RollingLimit } from "./policy.ts";

/** How much each limit is used: what is open, and what was started within the limit's time. */
export type Usage = ReturnType<typeof createUsage>;

/** The limit by its place, what is added up together, the request, its amount, and when it was started (ms). */
export type Started = readonly [limit: number, beside: string, id: RequestId, amount: string, at: number];

/** A request that was not started yet. */
interface Open {
  readonly counted: Counted;
  /** Who came first: a request is held against those before it, and against what was started. */
  readonly order: number;
}

/**
 * Adds up what counts towards limits, from requests as they are asked for and from the ledger's events. Everything counts
 * from the moment it is asked for: while it is open always, and from its start on for the limit's time. What ends without
 * a start does not count any more, and neither does what a person says did not happen; what failed does, because a
 * handler that fails may have done it first.
 */
export function createUsage(limits: readonly RollingLimit[]) {
  const open = new Map<RequestId, Open>();
  const accounts = limits.map((limit) => createAccount(limit));
  let next = 0;

  function put(id: RequestId, one: Open): void {
    open.set(id, one);
    for (const account of accounts) account.put(id, one);
  }

  function drop(id: RequestId): void {
    open.delete(id);
    for (const account of accounts) account.drop(id);
  }

  return {
    /** Whether this limit, or one that differs only in what it allows, is counted. */
    counts: (limit: RollingLimit): boolean => accounts.some(({ counts }) => counts(limit)),

    /** What the limits count, as texts: a start counts again as it did only under the very same ones. */
    words: (): readonly string[] => limits.map(wordsOf),

    /** Every start that still counts at a time (ms), by limit and in order. */
    started: (now: number): Started[] => accounts.flatMap(({ started }, at) => started(at, now)),

    /** About how many those are. */
    size: (): number => accounts.reduce((sum, { size }) => sum + size(), 0),

    /** Counts starts again that were counted before; before anything else, and only what `started` gave. */
    restore(starts: readonly Started[]): void {
      for (const start of starts) accounts[start[0]]?.restore(start);
    },

    /** Whether it is among those that count and have not started. */
    isOpen: (id: RequestId): boolean => open.has(id),

    /** Counts a request from now on; one that counts already is left where it is. */
    hold(id: RequestId, counted: Counted): void {
      if (open.has(id)) return;
      put(id, { counted, order: next });
      next += 1;
    },

    drop,

    /** What became of a request that is held. */
    take(id: RequestId, event: Event): void {
      switch (event.type) {
        case "amended": {
          const one = open.get(id);
          if (one === undefined) return;
          drop(id);
          put(id, { ...one, counted: { ...one.counted, params: event.params } });
          return;
        }
        case "started":
          if (!open.delete(id)) return;
          for (const account of accounts) account.start(id, Date.parse(event.at));
          return;
        case "rejected":
        case "changes_requested":
        case "expired":
        case "cancelled":
        case "denied":
        case "resolved_did_not":
          drop(id);
      }
    },

    /** What counts besides a request, which may be new or held already. */
    besides(id: RequestId, now: number): Used {
      const order = open.get(id)?.order ?? Number.POSITIVE_INFINITY;
      return (limit, beside) => {
        const account = accounts.find(({ counts }) => counts(limit));
        return account?.used(beside, id, order, now) ?? null;
      };
    },
  };
}

/** One limit's sums, by what is added up together. */
function createAccount(limit: RollingLimit) {
  const pots = new Map<string, Pot>();
  /** Where a request is counted. */
  const places = new Map<RequestId, string>();

  function leave(id: RequestId, pot: Pot, beside: string): void {
    places.delete(id);
    if (pot.open.size === 0 && pot.started.size === 0) pots.delete(beside);
  }

  const own = wordsOf(limit);
  return {
    counts: (other: RollingLimit): boolean => other === limit || wordsOf(other) === own,

    /** What cannot be added up needed a person, or was refused: it takes nothing away from the others. */
    put(id: RequestId, { counted, order }: Open): void {
      const share = shareIn(limit, counted);
      if (share === null || share.with === null || share.amount === null) return;
      const pot = pots.get(share.with) ?? { total: 0n, open: new Map(), started: new Map() };
      pots.set(share.with, pot);
      places.set(id, share.with);
      pot.open.set(id, { amount: share.amount, order });
      pot.total += share.amount;
    },

    start(id: RequestId, at: number): void {
      const beside = places.get(id);
      const pot = beside === undefined ? undefined : pots.get(beside);
      const one = pot?.open.get(id);
      if (pot === undefined || one === undefined) return;
      pot.open.delete(id);
      pot.started.set(id, { amount: one.amount, at });
    },

    restore([, beside, id, amount, at]: Started): void {
      const pot = pots.get(beside) ?? { total: 0n, open: new Map(), started: new Map() };
      pots.set(beside, pot);
      places.set(id, beside);
      pot.started.set(id, { amount: BigInt(amount), at });
      pot.total += BigInt(amount);
    },

    started: (number: number, now: number): Started[] =>
      [...pots].flatMap(([beside, { started }]) =>
        [...started].flatMap(([id, { amount, at }]): Started[] =>
          at > now - limit.within_ms ? [[number, beside, id, amount.toString(), at]] : [],
        ),
      ),

    size: () => places.size,

    drop(id: RequestId): void {
      const beside = places.get(id);
      const pot = beside === undefined ? undefined : pots.get(beside);
      if (beside === undefined || pot === undefined) return;
      pot.total -= (pot.open.get(id) ?? pot.started.get(id))?.amount ?? 0n;
      pot.open.delete(id);
      pot.started.delete(id);
      leave(id, pot, beside);
    },

    used(beside: string, id: RequestId, order: number, now: number): Exact {
      const pot = pots.get(beside);
      if (pot === undefined) return 0n;
      for (const [old, { amount, at }] of pot.started) {
        if (at > now - limit.within_ms) break;
        pot.started.delete(old);
        pot.total -= amount;
        leave(old, pot, beside);
      }
      let total = pot.total;
      for (const [other, one] of pot.open) {
        if (other === id || one.order > order) total -= one.amount;
      }
      return total - (pot.started.get(id)?.amount ?? 0n);
    },
  };
}

/** All of a limit that what counts towards it depends on. */
function wordsOf({ match, sum, per, within_ms }: RollingLimit): string {
  const globs = Object.values(match).map((list: Match[keyof Match]) => list?.map(({ text }) => text) ?? null);
  return JSON.stringify([globs, sum, per, within_ms]);
}

interface Pot {
  /** Of all that is in it. */
  total: Exact;
  readonly open: Map<RequestId, { readonly amount: Exact; readonly order: number }>;
  /** In the order in which they were started. */
  readonly started: Map<RequestId, { readonly amount: Exact; readonly at: number }>;
}
