import { type Finding, finding } from "../core/codes.ts";
import type { Requirements } from "../core/verdict.ts";
import type { Policy, Rule } from "./policy.ts";

/**
 * What the daemon would have to leave out of a policy: it refuses such a policy as a whole, so that no rule is ever
 * looser in effect than it reads. One finding for every rule.
 */
export function notSupported({ rules, limits }: Policy): readonly Finding[] {
  const told = ({ id, place }: Pick<Rule, "id" | "place">, keys: readonly string[], what: string) =>
    keys.length === 0
      ? []
      : [finding("not_supported_yet", place, `not supported yet: ${keys.join(", ")} (${what} ${id})`)];
  return [
    ...rules.flatMap((rule) => told(rule, keysOf(rule), "rule")),
    ...limits.flatMap((limit) => told(limit, requiredKeys(limit.requirements), "limit")),
  ];
}

function keysOf({ requirements }: Rule): readonly string[] {
  return requirements === null ? [] : requiredKeys(requirements);
}

/** By key, whether the requirement asks for more than the daemon can see to; a new requirement must be given a row. */
const LEFT_OUT: Readonly<Record<keyof Requirements, (requirements: Requirements) => boolean>> = {
  approvers: () => false,
  expires_ms: () => false,
  execute_by_ms: () => false,
  settle_ms: () => false,
  cool_off_ms: () => false,
  escalate: () => false,
  // The parts of a param cannot be told apart in a note yet.
  editable: ({ editable }) => (editable ?? []).some((path) => !/^[A-Za-z0-9_-]+$/.test(path)),
  min_assurance: () => false,
  checklist: () => false,
  tags: () => false,
  working: () => false,
  max_attempts: () => false,
};

function requiredKeys(requirements: Requirements): readonly string[] {
  return Object.entries(LEFT_OUT)
    .filter(([, isLeftOut]) => isLeftOut(requirements))
    .map(([key]) => key.replace(/_ms$/, ""));
}
