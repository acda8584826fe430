import type { Roster } from "../../src/core/roster.ts";

/** Whether a quorum can be met, by trying everything: every voter in every seat of every group, or in none. */
export function canBeMet(voters: readonly string[], { groups, seats, excluded }: Roster): boolean {
  const left = groups.map(({ quorum }) => quorum);
  const taken = new Set<string>();
  const tryFrom = (at: number): boolean => {
    if (left.every((count) => count === 0)) return true;
    const voter = voters[at];
    if (voter === undefined) return false;
    if (tryFrom(at + 1)) return true;
    if (excluded.includes(voter)) return false;
    const held = seats.filter(({ held_by }) => held_by.includes(voter)).map(({ owner }) => owner);
    return groups.some(({ owners }, index) => {
      if (left[index] === 0) return false;
      const usable =
        owners === null ? [`${voter} in person`] : held.filter((owner) => owners.includes(owner));
      return usable.some((owner) => {
        if (taken.has(owner)) return false;
        taken.add(owner);
        left[index] = (left[index] ?? 0) - 1;
        const met = tryFrom(at + 1);
        left[index] = (left[index] ?? 0) + 1;
        taken.delete(owner);
        return met;
      });
    });
  };
  return tryFrom(0);
}
