import type { Constraints } from "./constraints.ts";
import { mayChange, placesOfChange } from "./editable.ts";
import type { WorkingSpan } from "./people.ts";
import { isService } from "./people.ts";
import { type Assurance, approvalsOf, type Request, type Submission } from "./request.ts";

/** From the lowest to the highest; `low` is what an action without a risk factor has. */
export const RISKS = ["low", "medium", "high", "critical"] as const;
export type Risk = (typeof RISKS)[number];

/** From the weakest to the strongest. */
export const ASSURANCES = ["edit", "os", "signed", "present"] as const satisfies readonly Assurance[];

/** Whether a decision is tied to its person as strongly as is asked for. */
export function isAtLeast(given: Assurance, asked: Assurance): boolean {
  return ASSURANCES.indexOf(given) >= ASSURANCES.indexOf(asked);
}

/** What an approval needs. */
export interface Requirements {
  /** All of these groups must have their quorum. */
  readonly approvers: readonly ApproverGroup[];
  /** Decide by: so long after the request was made; null where the rule does not say. */
  readonly expires_ms: number | null;
  /** Run by: this long after the decision. */
  readonly execute_by_ms: number | null;
  /** How long a typed statement must stand unchanged before it acts, where the rule says so. */
  readonly settle_ms: number | null;
  /** How long a decision can be taken back before the action starts. */
  readonly cool_off_ms: number | null;
  readonly escalate: readonly Escalation[];
  /** The params that a reviewer may change; null where the rule does not say. */
  readonly editable: readonly string[] | null;
  readonly min_assurance: Assurance;
  /** Boxes that must be ticked before an approval counts. */
  readonly checklist: readonly string[];
  /** What the rule calls such requests. */
  readonly tags: readonly string[];
  readonly max_attempts: number | null;
  /** Where a rule tells times in working time: `expires_ms` and `after_ms` then hold for who does not know the hours. */
  readonly working?: WorkingTime;
}

export interface WorkingTime {
  /** The name of the hours; null where none was given. */
  readonly hours: string | null;
  readonly expires: WorkingSpan | null;
  /** By level. */
  readonly escalate: readonly (WorkingSpan | null)[];
}

export interface ApproverGroup {
  /** Programs that answer by themselves, and never count where persons are asked; absent for persons. */
  readonly kind?: "service";
  /** Names of persons and groups; null for whoever may decide. */
  readonly of: readonly string[] | null;
  readonly quorum: number;
}

export interface Escalation {
  readonly after_ms: number;
  readonly to: readonly string[];
}

/** What a rule that says nothing of approvals asks for. */
export const ANYONE: Requirements = {
  approvers: [{ of: null, quorum: 1 }],
  expires_ms: null,
  execute_by_ms: null,
  settle_ms: null,
  cool_off_ms: null,
  escalate: [],
  editable: null,
  min_assurance: "edit",
  checklist: [],
  tags: [],
  max_attempts: null,
};

/** The policy's answer to a request, no person asked, as far as the request's course depends on it. */
export interface Verdict extends Requirements {
  readonly says: "allow" | "deny" | "require_approval";
  /** The policy snapshot; null where there is no policy any more. */
  readonly policy: string | null;
  /** The rule that gave it; null for the policy's default. */
  readonly rule: string | null;
  /** A sentence for whoever is asked, or refused. */
  readonly reason: string;
  readonly risk: Risk;
  /** What makes it risky, in words. */
  readonly factors: readonly string[];
  /** The tags of the action, by the configuration of that time: it is judged by them again. */
  readonly action_tags: readonly string[];
  /** The params that a person may change, by the rule or else by the configuration. */
  readonly editable: readonly string[];
  /** What the handler is held to; null where there are none. */
  readonly constraints: Constraints | null;
  /** What was said in earnest; only where the kind was in shadow, so that it was not enforced. */
  readonly shadow?: Verdict;
}

export type WouldHave = "require_approval" | "deny" | "allow_with_constraints";

/** What would have been done to a request that goes ahead only because its kind is in shadow; null for every other. */
export function wouldHave({ shadow }: Pick<Verdict, "shadow">): WouldHave | null {
  if (shadow === undefined) return null;
  if (shadow.says !== "allow") return shadow.says;
  return shadow.constraints === null ? null : "allow_with_constraints";
}

/**
 * What an approval comes to under the policy as it is now, right before the start; `isEnough` says whether those who gave
 * it are enough under it. `unseated`: the rule is the same, and somebody may not decide any more.
 */
export function standing(
  request: Extract<Request, { status: "approved" }>,
  now: Verdict,
  isEnough: boolean,
): "holds" | "denied" | "stricter" | "unseated" {
  if (now.says === "deny") return "denied";
  if (now.says === "allow") return "holds";
  if (!("decision" in request)) return "stricter";
  const { submission, amendment, decision } = request;
  const then = submission.verdict ?? ANYONE;
  const isSameRule = JSON.stringify(then.approvers) === JSON.stringify(now.approvers);
  if (!isEnough) return isSameRule ? "unseated" : "stricter";
  const persons = approvalsOf(request).filter(({ reviewer }) => !isService(reviewer));
  if (persons.some(({ assurance }) => !isAtLeast(assurance, now.min_assurance))) return "stricter";
  if (now.checklist.some((item) => !then.checklist.includes(item))) return "stricter";
  const { params } = submission.fields;
  // Less time to start, or more to take it back, than whoever approved it was told.
  if ((now.execute_by_ms ?? Infinity) < (then.execute_by_ms ?? Infinity)) return "stricter";
  if ((now.cool_off_ms ?? 0) > (then.cool_off_ms ?? 0)) return "stricter";
  const shorter = (now.expires_ms ?? Infinity) < (submission.verdict?.expires_ms ?? Infinity);
  if (shorter && Date.parse(decision.seen_at) >= Date.parse(deadlineUnder(submission, now)))
    return "stricter";
  // What a person has seen forbidden since, and approved in spite of it, has had the decision of its own.
  const before = submission.verdict?.editable;
  const places = amendment === undefined ? [] : placesOfChange(amendment.asked.params, params);
  return places.some((one) => !mayChange(one, now.editable) && (before == null || mayChange(one, before)))
    ? "stricter"
    : "holds";
}

/** When a verdict wants the decision at the latest: never later than it was. */
export function deadlineUnder({ fields }: Submission, { expires_ms }: Verdict): string {
  if (expires_ms === null) return fields.expires;
  const due = Date.parse(fields.created) + expires_ms;
  if (due >= Date.parse(fields.expires)) return fields.expires;
  return new Date(Math.ceil(due / 1_000) * 1_000).toISOString().replace(".000Z", "Z");
}

/** Who it is that says so, where it is no person. */
export function tellRule(verdict: Verdict): string {
  const { rule, policy } = verdict;
  if (wouldHave(verdict) !== null) return "shadow mode";
  if (policy === null) return "the absence of a policy";
  return rule === null ? "the policy's default" : `the rule ${rule}`;
}
