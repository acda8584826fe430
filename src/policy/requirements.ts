import { editableByBoth } from "../core/editable.ts";
import { ANYONE, ASSURANCES, type Requirements } from "../core/verdict.ts";

/** Requirements that satisfy both. */
export function both(one: Requirements, other: Requirements): Requirements {
  if (one === other) return one;
  const least = (a: number | null, b: number | null) => (a === null ? b : b === null ? a : Math.min(a, b));
  const most = (a: number | null, b: number | null) => (a === null ? b : b === null ? a : Math.max(a, b));
  const union = (a: readonly string[], b: readonly string[]) => [...new Set([...a, ...b])];
  const approvers = [...one.approvers, ...other.approvers];
  const named = approvers.filter(({ of, quorum }) => of !== null || quorum > 1);
  return {
    approvers: named.length === 0 ? ANYONE.approvers : named,
    expires_ms: least(one.expires_ms, other.expires_ms),
    execute_by_ms: least(one.execute_by_ms, other.execute_by_ms),
    settle_ms: most(one.settle_ms, other.settle_ms),
    cool_off_ms: most(one.cool_off_ms, other.cool_off_ms),
    escalate: [...one.escalate, ...other.escalate].sort((a, b) => a.after_ms - b.after_ms),
    editable: inBoth(one.editable, other.editable),
    min_assurance:
      ASSURANCES.findLast((level) => level === one.min_assurance || level === other.min_assurance) ??
      "present",
    checklist: union(one.checklist, other.checklist),
    tags: union(one.tags, other.tags),
    max_attempts: least(one.max_attempts, other.max_attempts),
  };
}

function inBoth(one: Requirements["editable"], other: Requirements["editable"]): Requirements["editable"] {
  if (one === null || other === null) return one ?? other;
  return editableByBoth(one, other);
}
