import { looksOf } from "./look-alikes.ts";
import { isService } from "./people.ts";
import type { Roster, RosterGroup } from "./roster.ts";

/** What is still needed of one group. */
interface Missing {
  readonly group: RosterGroup;
  readonly count: number;
}

/** How far the approvals of some persons go. */
interface Quorum {
  readonly met: boolean;
  readonly missing: readonly Missing[];
}

/**
 * Whether every group has its quorum. Each person counts once, in one group, and each seat once, whoever votes in it: so
 * that n approvals are always n persons' and never one's under two names or in two groups. Names that nobody has and that
 * look the same are one person's. Of all ways in which the
 * approvals can count, the one that goes furthest is taken: a maximum flow from persons over seats to groups.
 */
export function quorumOf(persons: readonly string[], { groups, seats, excluded }: Roster): Quorum {
  const flow = new Flow();
  for (const person of new Set(persons)) {
    if (excluded.includes(person)) continue;
    const voter = `person ${looksOf(person)}`;
    flow.allow(SOURCE, voter, 1);
    for (const [at, { owners }] of groups.entries()) {
      if (owners === null && !isService(person)) flow.allow(voter, `group ${at}`, 1);
      for (const { owner, held_by } of seats) {
        if (!owners?.includes(owner) || !held_by.includes(person)) continue;
        flow.allow(voter, `seat ${owner}`, 1);
        // A seat counts once, also where it is a seat of several groups.
        flow.allow(`seat ${owner}`, `seat taken ${owner}`, 1);
        flow.allow(`seat taken ${owner}`, `group ${at}`, 1);
      }
    }
  }
  for (const [at, { quorum }] of groups.entries()) flow.allow(`group ${at}`, SINK, quorum);
  flow.fill();
  const missing = groups
    .map((group, at) => ({ group, count: flow.left(`group ${at}`, SINK) }))
    .filter(({ count }) => count > 0);
  return { met: groups.length > 0 && missing.length === 0, missing };
}

const SOURCE = "source";
const SINK = "sink";

/** A flow network with whole capacities, filled along shortest paths with room left (Edmonds and Karp 1972). */
class Flow {
  readonly #room = new Map<string, Map<string, number>>();

  /** How much may go from one node to the next; said again, the same. */
  allow(from: string, to: string, capacity: number): void {
    this.#from(from).set(to, capacity);
    if (!this.#from(to).has(from)) this.#from(to).set(from, 0);
  }

  left(from: string, to: string): number {
    return this.#from(from).get(to) ?? 0;
  }

  fill(): void {
    for (let path = this.#path(); path !== null; path = this.#path()) {
      for (const [from, to] of path) {
        this.#from(from).set(to, this.left(from, to) - 1);
        this.#from(to).set(from, this.left(to, from) + 1);
      }
    }
  }

  #path(): readonly (readonly [string, string])[] | null {
    const before = new Map<string, string | null>([[SOURCE, null]]);
    for (const node of before.keys()) {
      for (const [next, room] of this.#from(node)) {
        if (room > 0 && !before.has(next)) before.set(next, node);
      }
    }
    if (!before.has(SINK)) return null;
    const path: [string, string][] = [];
    let to = SINK;
    for (let from = before.get(to); from != null; from = before.get(to)) {
      path.push([from, to]);
      to = from;
    }
    return path;
  }

  #from(node: string): Map<string, number> {
    const known = this.#room.get(node) ?? new Map<string, number>();
    this.#room.set(node, known);
    return known;
  }
}
