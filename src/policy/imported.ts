import type { Finding } from "../core/codes.ts";
import type { JsonObject } from "../core/json.ts";
import type { DefaultVerdict, Verdict } from "./policy.ts";

/** The systems whose policies can be imported. */
export const DIALECTS = ["agt", "cordum"] as const;
export type Dialect = (typeof DIALECTS)[number];

/** A policy of another system, in our form; with any finding there is no text. */
export interface Imported {
  readonly text: string | null;
  readonly findings: readonly Finding[];
}

/** One rule on its way to our form. */
export interface ImportedRule {
  readonly id: string;
  /** The line that it stood on. */
  readonly line: number;
  readonly priority: number | null;
  /** Globs of kinds; null for every kind. */
  readonly kinds: readonly string[] | null;
  readonly tags: readonly string[] | null;
  readonly when: string | null;
  readonly decision: Verdict;
  readonly reason: string | null;
  readonly approvers: readonly string[] | null;
  readonly constraints: JsonObject | null;
}

/** A kind as the configuration can have it. */
export const KIND = /^[a-z][a-z0-9_-]{0,39}$/;

/**
 * The text of a policy. `rules` are in the order in which the other system tried them, where the first that matched
 * decided; here a deny wins over everything, so each deny is told to leave alone what an earlier rule would have taken.
 */
export function renderImported(
  header: readonly string[],
  otherwise: DefaultVerdict,
  rules: readonly ImportedRule[],
): string {
  const lines = [...header.map((line) => `# ${line}`), `default: ${otherwise}`];
  lines.push(rules.length === 0 ? "rules: []" : "rules:");
  for (const [at, rule] of rules.entries()) {
    const earlier = rule.decision === "deny" ? rules.slice(0, at).filter((one) => takesFrom(one, rule)) : [];
    lines.push(...renderRule(rule, earlier));
  }
  return `${lines.join("\n")}\n`;
}

function renderRule(rule: ImportedRule, earlier: readonly ImportedRule[]): string[] {
  const { id, line, priority, kinds, tags, decision, reason, approvers, constraints } = rule;
  const conditions = [rule.when, ...earlier.map((one) => `!(${conditionOf(one)})`)].filter(
    (one) => one !== null,
  );
  const when = conditions.length === 1 ? conditions[0] : conditions.map((one) => `(${one})`).join(" && ");
  const lines = [`  # line ${line}`];
  if (earlier.length > 0) lines.push(`  # before this one came: ${earlier.map((one) => one.id).join(", ")}`);
  lines.push(`  - id: ${JSON.stringify(id)}`);
  const add = (key: string, value: unknown) => lines.push(`    ${key}: ${JSON.stringify(value)}`);
  if (priority !== null) add("priority", priority);
  const match = { ...(kinds !== null && { kind: kinds }), ...(tags !== null && { tags }) };
  if (Object.keys(match).length > 0) add("match", match);
  if (when !== undefined && when !== "") add("when", when);
  add("decision", decision);
  if (reason !== null) add("reason", reason);
  if (approvers !== null) add("approvers", approvers);
  if (constraints !== null) add("constraints", constraints);
  return lines;
}

/** Whether an earlier rule could have decided about what a deny would now take. */
function takesFrom(earlier: ImportedRule, deny: ImportedRule): boolean {
  if (earlier.decision === "deny") return false;
  const [one, other] = [earlier.kinds, deny.kinds];
  if (one === null || other === null || [...one, ...other].some((glob) => /[*?]/.test(glob))) return true;
  return one.some((kind) => other.includes(kind));
}

/** All that a rule asks for, as one expression. */
function conditionOf({ kinds, tags, when }: ImportedRule): string {
  const parts = [
    kinds === null ? null : kinds.map(kindIs).join(" || "),
    tags === null ? null : tags.map((tag) => `${JSON.stringify(tag)} in action.tags`).join(" || "),
    when,
  ].filter((part) => part !== null);
  return parts.length === 0 ? "true" : parts.map((part) => `(${part})`).join(" && ");
}

function kindIs(glob: string): string {
  if (!/[*?]/.test(glob)) return `action.kind == ${JSON.stringify(glob)}`;
  return `action.kind.matches("^${glob.replaceAll("*", ".*").replaceAll("?", ".")}$")`;
}
