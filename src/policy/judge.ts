import { type Constraints, stricterOf } from "../core/constraints.ts";
import { ANYONE, type Requirements } from "../core/verdict.ts";
import { type Action, assess, mismatch, type RiskFound, withRisk } from "./assess.ts";
import type { Answer, Facts } from "./expression.ts";
import { anyMatches } from "./glob.ts";
import { type LimitFound, limited, NOTHING_USED, standingWith, type Used } from "./limits.ts";
import { countValues, type ParamsType, valueFor } from "./params-type.ts";
import type { Policy, Risk, Rule, Subject, Verdict } from "./policy.ts";
import { both } from "./requirements.ts";
import { drawOf } from "./snapshot.ts";
import { atTime } from "./working.ts";

/** What the policy says of one request, and why. */
export interface Judgement {
  readonly verdict: Verdict;
  /** The rule that gave it; null for the policy's default. */
  readonly rule: string | null;
  /** Further rules whose requirements hold as well, because of a doubt. */
  readonly joined: readonly string[];
  readonly policy: string;
  /** A sentence for whoever is asked, or refused. */
  readonly reason: string;
  /** What an approval needs; also where a sample could still ask for one. Null where nobody is asked. */
  readonly requirements: Requirements | null;
  readonly constraints: Constraints | null;
  readonly risk: RiskFound;
  /** The share of these that goes to a person; see `drawn`. */
  readonly sample: number | null;
  /** One line for every rule, in the order in which they are tried. */
  readonly trace: readonly Trace[];
  /** How it stands with the limits that it falls under. */
  readonly limits: readonly LimitFound[];
}

interface Trace {
  readonly rule: string;
  readonly decision: Verdict;
  readonly matched: boolean | "doubt";
  /** Why it did not match, or what the doubt is; null where it matched. */
  readonly because: string | null;
}

/** More values than this in the params are not searched by expressions. */
const VALUES_LIMIT = 5_000;

const ANY: ParamsType = { is: "any" };

/**
 * What the policy says of a request. Pure: the same policy and subject always give the same. Never throws, and a doubt
 * never allows: for a verdict between two possible answers, the stricter one is taken.
 */
export function judge(given: Policy, subject: Subject, used: Used = NOTHING_USED): Judgement {
  const policy = atTime(given, subject.created);
  const known = factsOf(policy, subject);
  const risk = assess(policy, subject, known);
  const facts: Facts = { ...known, action: withRisk(known.action, risk) };
  const trace = policy.rules.map((rule) => traceOf(rule, subject, facts, risk.possible));
  const limits = standingWith(policy.limits, subject, used);
  const found = limited(decide(policy, trace), policy.limits, limits);
  return {
    ...found,
    limits,
    policy: policy.snapshot,
    risk: { level: risk.level, factors: risk.factors, doubt: risk.doubt },
    trace,
  };
}

/**
 * The judgement once the request's digest is known: of otherwise allowed actions a share goes to a person. Which ones
 * follows from the digest, so that it can be explained later.
 */
export function drawn(judgement: Judgement, digest: string): Judgement {
  const { sample, verdict } = judgement;
  if (sample === null || (verdict !== "allow" && verdict !== "allow_with_constraints")) return judgement;
  if (drawOf(digest) >= sample) return { ...judgement, sample: null, requirements: null };
  const reason = `${sample * 100}% of these go to a person, and this is one of them.`;
  return {
    ...judgement,
    sample: null,
    verdict: "require_approval",
    reason: judgement.reason === "" ? reason : `${judgement.reason} ${reason}`,
  };
}

type Found = Pick<
  Judgement,
  "verdict" | "rule" | "joined" | "reason" | "requirements" | "constraints" | "sample"
>;

function decide(policy: Policy, trace: readonly Trace[]): Found {
  const { denying, doubtful, winner } = tryRules(policy.rules, trace);
  if (denying !== null) return denied(denying.id, reasonOf(denying));
  const asking = doubtful.filter(({ decision }) => decision === "require_approval");
  // An allow in doubt would have allowed no more than the one that surely matches, unless it had held it to something.
  const holding = doubtful.filter((rule) => rule.decision !== "require_approval" && holds(rule));

  if (winner === null && policy.default === "deny") return denied(null, defaultReason(doubtful));
  const verdict = winner?.decision ?? policy.default;
  const certain = winner === null ? ANYONE : (winner.requirements ?? ANYONE);
  if (verdict === "require_approval") {
    const rules = winner === null ? asking : [...asking, winner];
    const demands = asking.map(({ requirements }) => requirements ?? ANYONE);
    return {
      verdict,
      rule: rules[0]?.id ?? null,
      joined: rules.slice(1).map(({ id }) => id),
      reason: rules[0] === undefined ? defaultReason(doubtful) : reasonOf(rules[0]),
      requirements: [...demands, certain].reduce(both),
      constraints: [...asking, ...(winner ? [winner] : [])].map(heldTo).reduce(stricterOf, null),
      sample: null,
    };
  }
  const unclear = [...asking, ...holding];
  if (unclear.length === 0) {
    return {
      verdict,
      rule: winner?.id ?? null,
      joined: [],
      reason: winner === null ? defaultReason([]) : reasonOf(winner),
      requirements: winner?.sample == null ? null : (winner.requirements ?? ANYONE),
      constraints: winner?.constraints ?? null,
      sample: winner?.sample ?? null,
    };
  }
  const [leading] = unclear;
  return {
    verdict: "require_approval",
    rule: leading?.id ?? null,
    joined: unclear.slice(1).map(({ id }) => id),
    reason: leading === undefined ? "" : `${leading.id} could not be judged, so a person decides.`,
    requirements: unclear.map(({ requirements }) => requirements ?? ANYONE).reduce(both),
    constraints: [...unclear, ...(winner ? [winner] : [])].map(heldTo).reduce(stricterOf, null),
    sample: null,
  };
}

interface Tried {
  /** The first deny that matches, or might. */
  readonly denying: Rule | null;
  /** What might match, ahead of the first that surely does. */
  readonly doubtful: readonly Rule[];
  readonly winner: Rule | null;
}

function tryRules(rules: readonly Rule[], trace: readonly Trace[]): Tried {
  let denying: Rule | null = null;
  let winner: Rule | null = null;
  const doubtful: Rule[] = [];
  for (const [at, rule] of rules.entries()) {
    const matched = trace[at]?.matched ?? "doubt";
    if (matched === false) continue;
    if (rule.decision === "deny") denying ??= rule;
    else if (winner !== null) continue;
    else if (matched === true) winner = rule;
    else doubtful.push(rule);
  }
  return { denying, doubtful, winner };
}

function denied(rule: string | null, reason: string): Found {
  const nothing = { joined: [], requirements: null, constraints: null, sample: null };
  return { verdict: "deny", rule, reason, ...nothing };
}

function heldTo({ constraints }: Rule): Constraints | null {
  return constraints;
}

/** Whether an allow holds the action to something that a plain allow would not. */
function holds({ decision, sample }: Rule): boolean {
  return decision === "allow_with_constraints" || sample !== null;
}

function reasonOf({ id, reason }: Rule): string {
  return reason ?? `The rule ${id} matches.`;
}

function defaultReason(doubtful: readonly Rule[]): string {
  const unclear = doubtful.map(({ id }) => id).join(", ");
  return unclear === "" ? "No rule matches." : `No rule surely matches; ${unclear} could not be judged.`;
}

function traceOf(rule: Rule, subject: Subject, facts: Facts, risks: readonly Risk[]): Trace {
  const { id, decision } = rule;
  const outside = mismatch(rule.match, subject);
  if (outside !== null) return { rule: id, decision, matched: false, because: outside };
  const fitting = risks.filter((level) => anyMatches(rule.match.risk, level));
  if (fitting.length === 0) return { rule: id, decision, matched: false, because: "the risk is another" };
  const answer: Answer = rule.when === null ? true : rule.when(facts);
  if (answer === false) return { rule: id, decision, matched: false, because: "when is false" };
  if (answer !== true) return { rule: id, decision, matched: "doubt", because: answer.doubt };
  if (fitting.length === risks.length) return { rule: id, decision, matched: true, because: null };
  return { rule: id, decision, matched: "doubt", because: "the risk is not certain" };
}

function factsOf({ params }: Policy, subject: Subject) {
  const { kind, tags, requester, on_behalf_of, key, created, now } = subject;
  const action: Action = new Map<string, unknown>([
    ["kind", kind],
    ["tags", tags],
  ]);
  const request = new Map<string, unknown>([
    ["requester", requester],
    ["on_behalf_of", on_behalf_of],
    ["key", key],
    ["created", new Date(created)],
  ]);
  const known = { action, request, requester, now: new Date(now) };
  // Without the variable every expression that reads it is in doubt.
  if (countValues(subject.params) > VALUES_LIMIT) return known;
  return { ...known, params: valueFor(params.get(kind) ?? ANY, subject.params) };
}
