/** That a reviewer has passed a decision on. Both are canonical names. */
export interface Delegation {
  readonly from: string;
  readonly to: string;
}

/** How often one decision may be passed on. */
const CHAIN_LIMIT = 3;

/** Why it cannot be passed on from one to the other after these; null where it can. */
export function wrongWith(
  { from, to }: Delegation,
  before: readonly Delegation[],
): "to_oneself" | "circle" | "too_long" | null {
  if (from === to) return "to_oneself";
  const chain = chainTo(from, before);
  if (chain.includes(to)) return "circle";
  return chain.length >= CHAIN_LIMIT ? "too_long" : null;
}

/** Who had it before, from the last one back to the first. */
function chainTo(person: string, before: readonly Delegation[]): readonly string[] {
  const chain: string[] = [];
  let holder = person;
  for (const { from, to } of [...before].reverse()) {
    if (to !== holder) continue;
    chain.push(from);
    holder = from;
  }
  return chain;
}
