/**
 * Words of a policy, with one meaning each.
 *
 * - verdict: the policy's answer to a request, no person asked
 * - rule: what gave the verdict
 * - policy snapshot: SHA-256 over the exact texts of the files that make up the policy
 * - doubt: an expression could not be judged for this request; never turns into an allow
 * - limit: what all that is asked for within a while may come to together
 * - risk factor: what makes an action risky, in words; the highest level among those that are there is the action's risk
 */
import type { Constraints } from "../core/constraints.ts";
import type { JsonObject } from "../core/json.ts";
import type { People } from "../core/people.ts";
import { type Requirements, RISKS, type Risk } from "../core/verdict.ts";
import type { Exact } from "./exact.ts";
import type { Test } from "./expression.ts";
import type { Glob } from "./glob.ts";
import type { ParamsType } from "./params-type.ts";

export const VERDICTS = ["allow", "allow_with_constraints", "require_approval", "deny"] as const;
export type Verdict = (typeof VERDICTS)[number];

/** What a file may say for requests that no rule matches, from the loosest to the strictest. */
export const DEFAULTS = ["allow", "require_approval", "deny"] as const;
export type DefaultVerdict = (typeof DEFAULTS)[number];

export { RISKS, type Risk };

export interface Policy {
  /** `sha256:` and hex. */
  readonly snapshot: string;
  /** Names of the files it was composed of, parents first. */
  readonly files: readonly string[];
  readonly default: DefaultVerdict;
  readonly factors: readonly RiskFactor[];
  /** In the order in which they are tried: by priority, then as they stand in the files, parents first. */
  readonly rules: readonly Rule[];
  readonly limits: readonly RollingLimit[];
  /** When working time has passed; null where no rule tells times in it, or nobody said when people work. */
  readonly calendar: People["workingEnd"] | null;
  /** What is known of each kind's params; empty where no configuration was given. */
  readonly params: ReadonlyMap<string, ParamsType>;
}

export interface Place {
  readonly file: string;
  readonly line: number;
}

/** Any of the globs of every key that is there; null where the key is not there. */
export interface Match {
  readonly kind: readonly Glob[] | null;
  readonly requester: readonly Glob[] | null;
  readonly tags: readonly Glob[] | null;
  readonly risk: readonly Glob[] | null;
}

interface RiskFactor {
  readonly place: Place;
  readonly level: Risk;
  readonly words: string;
  readonly match: Match;
  readonly when: Test | null;
}

export interface Rule {
  readonly id: string;
  readonly place: Place;
  readonly priority: number;
  readonly match: Match;
  readonly when: Test | null;
  readonly decision: Verdict;
  readonly reason: string | null;
  /** What an approval needs, also of the share of an `allow` that goes to a person; null where nobody is ever asked. */
  readonly requirements: Requirements | null;
  /** What the handler is held to; null where there are none. */
  readonly constraints: Constraints | null;
  /** The share, above 0 and up to 1, of otherwise allowed actions that goes to a person; null for none. */
  readonly sample: number | null;
}

/** What all that is asked for within a while may come to together, without a person or at all. */
export interface RollingLimit {
  readonly id: string;
  readonly place: Place;
  readonly match: Match;
  /** The path of the param that is added up, such as `amount.cents`; null where requests are counted. */
  readonly sum: string | null;
  /** What is added up apart from each other: `requester`, `on_behalf_of`, `kind`, or a param such as `params.payee`. */
  readonly per: readonly string[];
  readonly within_ms: number;
  /** What may be reached, and not gone over. */
  readonly over: Exact;
  readonly decision: "deny" | "require_approval";
  readonly reason: string | null;
  readonly requirements: Requirements;
}

/** Who there is, as far as a policy is concerned. */
export type PeopleForRules = Pick<People, "knows" | "atOnce" | "hoursNames" | "workingEnd">;

/** What a policy is asked about. Times are ms since 1970; `now` is the caller's clock, never read here. */
export interface Subject {
  readonly kind: string;
  readonly params: JsonObject;
  /** The tags that the configuration gives this kind of action. */
  readonly tags: readonly string[];
  readonly requester: string;
  readonly on_behalf_of: string | null;
  readonly key: string | null;
  readonly created: number;
  readonly now: number;
  /** Takes the place of what the risk factors give: for trying rules out. */
  readonly risk?: Risk;
}

/** The order in which rules are tried. */
export function inOrder<R extends { readonly priority: number }>(rules: readonly R[]): readonly R[] {
  // Sorting is stable: of equal priority, the one that was written first comes first.
  return [...rules].sort((a, b) => b.priority - a.priority);
}
