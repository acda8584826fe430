import { finding } from "../core/codes.ts";
import type { Sheet } from "../document/fields.ts";
import type { Register } from "./names.ts";
import type { WrittenGroup } from "./read-people.ts";
import { onDuty, type Rota } from "./rota.ts";

/** Who is in which group, by canonical names; whatever else a name is known by is taken as well. */
export interface Groups {
  /** Null where there is no such group. */
  members(group: string, at: number): readonly string[] | null;
  /** How many different persons the names can be at one time, at the most. */
  atOnce(names: readonly string[]): number;
}

export function createGroups(written: readonly WrittenGroup[], register: Register): Groups {
  const groups = new Map(written.map((group) => [group.name, group]));
  const all = new Map<string, ReadonlySet<string>>();
  const most = new Map<string, number>();

  const groupOf = (name: string) => {
    const owner = register.ownerOf(name);
    return owner?.is === "group" ? groups.get(owner.name) : undefined;
  };

  /** Those whom the names are; `turn` says who of a rota is meant. */
  function collect(
    names: readonly string[],
    turn: (rota: Rota, order: readonly string[]) => readonly string[],
    persons = new Set<string>(),
    seen = new Set<WrittenGroup>(),
  ): ReadonlySet<string> {
    for (const name of names) {
      const owner = register.ownerOf(name);
      const group = groupOf(name);
      if (owner?.is === "person") persons.add(owner.name);
      if (group === undefined || seen.has(group)) continue;
      seen.add(group);
      const of = group.rota === null ? group.of : turn(group.rota, group.of);
      collect(of, turn, persons, seen);
    }
    return persons;
  }

  function atOnce(names: readonly string[]): number {
    const orders: (readonly string[])[] = [];
    const always = collect(names, (_, order) => {
      orders.push(order);
      return [];
    });
    // Of each rota the largest turn: no more can be on duty, though it may never be all of these at one time.
    const turns = orders.map((order) => Math.max(...order.map((name) => added(name, always))));
    return turns.reduce((sum, count) => sum + count, always.size);
  }

  function added(name: string, to: ReadonlySet<string>): number {
    const others = [...remembered(all, name, () => collect([name], (_, order) => order))].filter(
      (one) => !to.has(one),
    ).length;
    const largest = groupOf(name) ? remembered(most, name, () => atOnce([name])) : 1;
    return Math.min(others, largest);
  }

  const onDutyAt = (at: number) => (rota: Rota, order: readonly string[]) => onDuty(rota, order, at);

  return {
    members(name, at) {
      const owner = register.ownerOf(name);
      return owner?.is === "group" ? [...collect([name], onDutyAt(at))] : null;
    },
    atOnce,
  };
}

function remembered<V>(known: Map<string, V>, name: string, find: () => V): V {
  const value = known.get(name) ?? find();
  known.set(name, value);
  return value;
}

/** Tells of names in groups that nobody has, and of groups that lead back to themselves; true where there is none. */
export function checkGroups(
  { file, findings }: Sheet,
  written: readonly WrittenGroup[],
  register: Register,
): boolean {
  const before = findings.length;
  const groups = new Map(written.map((group) => [group.name, group]));
  for (const { name, of, ofLine } of written) {
    for (const one of of.filter((other) => register.ownerOf(other) === null)) {
      findings.push(finding("unknown_person", { file, line: ofLine }, `the group ${name} names ${one}`));
    }
  }
  const done = new Set<string>();
  const visit = (group: WrittenGroup, above: readonly string[]): void => {
    if (done.has(group.name)) return;
    for (const one of group.of) {
      const owner = register.ownerOf(one);
      const inner = owner?.is === "group" ? groups.get(owner.name) : undefined;
      if (inner === undefined) continue;
      const way = [...above, group.name];
      if (way.includes(inner.name)) {
        const message = `the group ${inner.name} leads back to itself (${[...way, inner.name].join(", ")})`;
        findings.push(finding("circle", { file, line: group.ofLine }, message));
      } else visit(inner, way);
    }
    done.add(group.name);
  };
  for (const group of written) visit(group, []);
  return findings.length === before;
}
