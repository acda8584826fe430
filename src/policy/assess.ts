import type { Answer, Facts } from "./expression.ts";
import { anyMatches } from "./glob.ts";
import { type Match, type Policy, RISKS, type Risk, type Subject } from "./policy.ts";
import { anyTag } from "./reach.ts";

export interface RiskFound {
  readonly level: Risk;
  /** In words. */
  readonly factors: readonly string[];
  /** Whether a factor could not be judged; it counts as being there. */
  readonly doubt: boolean;
}

interface Assessed extends RiskFound {
  /** The levels that it may be, where factors are in doubt. */
  readonly possible: readonly Risk[];
}

/** How risky the action is, by the policy's factors; one that could not be judged counts as being there. */
export function assess(policy: Policy, subject: Subject, facts: Facts): Assessed {
  let certain = 0;
  const doubted = new Set<number>();
  const words: string[] = [];
  for (const { level, words: factor, match, when } of policy.factors) {
    if (mismatch(match, subject) !== null) continue;
    const answer: Answer = when === null ? true : when(facts);
    if (answer === false) continue;
    words.push(answer === true ? factor : `${factor} (could not be judged)`);
    if (answer === true) certain = Math.max(certain, RISKS.indexOf(level));
    else doubted.add(RISKS.indexOf(level));
  }
  if (subject.risk !== undefined) {
    return { level: subject.risk, factors: words, doubt: false, possible: [subject.risk] };
  }
  const possible = RISKS.filter((_, at) => at === certain || (at > certain && doubted.has(at)));
  const level = possible.at(-1) ?? "critical";
  return { level, factors: words, doubt: doubted.size > 0, possible };
}

/** A risk that is not certain is left out, so that whatever reads it is in doubt. */
export function withRisk(action: Action, { level, factors, possible, doubt }: Assessed): Action {
  const known = new Map(action);
  if (possible.length === 1) known.set("risk", level);
  if (!doubt) known.set("factors", factors);
  return known;
}

export type Action = ReadonlyMap<string, unknown>;

/** What of the match does not fit, the risk aside; null where all of it does. */
export function mismatch(
  match: Match,
  { kind, requester, tags }: Pick<Subject, "kind" | "requester" | "tags">,
): string | null {
  if (!anyMatches(match.kind, kind)) return "the kind is another";
  if (!anyMatches(match.requester, requester)) return "the requester is another";
  return anyTag(match, tags) ? null : "none of the tags is there";
}
