import { tellConstraints } from "./constraints.ts";
import { ANYONE, type ApproverGroup, tellRule, type Verdict, wouldHave } from "./verdict.ts";

/** What is said in earnest where there is no policy. */
export function withoutPolicy({ action_tags, editable }: Pick<Verdict, "action_tags" | "editable">): Verdict {
  return {
    ...ANYONE,
    says: "require_approval",
    policy: null,
    rule: null,
    reason: "There is no policy, so every action needs a person.",
    risk: "low",
    factors: [],
    action_tags,
    editable,
    constraints: null,
  };
}

/**
 * The verdict on a request whose kind is in shadow: it goes ahead, nobody is asked and nothing holds it. What was said in
 * earnest is kept beside that, also where it would have gone ahead by itself.
 */
export function inShadow(said: Verdict): Verdict {
  const shadowed: Verdict = { ...said, shadow: said };
  if (wouldHave(shadowed) === null) return shadowed;
  const { policy, rule, risk, factors, action_tags, editable } = said;
  return {
    ...ANYONE,
    says: "allow",
    policy,
    rule,
    reason: tellWouldHave(said),
    risk,
    factors,
    action_tags,
    editable,
    constraints: null,
    shadow: said,
  };
}

/** What was said in earnest, where the request goes ahead only because its kind is in shadow; null otherwise. */
export function heldBack(verdict: Verdict | undefined): Verdict | null {
  return verdict === undefined || wouldHave(verdict) === null ? null : (verdict.shadow ?? null);
}

/** For whoever must not forget the switch; null where no kind is in shadow. */
export function tellShadow(kinds: readonly string[]): string | null {
  if (kinds.length === 0) return null;
  return `Nobody is asked for: ${kinds.join(", ")} (mode: shadow). What the rules say of them is only recorded, also where they deny.`;
}

/** What the rules would have done, in a sentence. */
function tellWouldHave(said: Verdict): string {
  const { says, policy, reason, approvers, constraints } = said;
  if (policy === null) return "a person would have been asked, because there is no policy.";
  const rule = tellRule(said);
  if (says === "deny") return `${rule} would have denied it: ${reason}`;
  if (says === "require_approval") return `${rule} would have asked ${tellAsked(approvers)}: ${reason}`;
  return `${rule} would have held it to this: ${tellConstraints(constraints).join("; ")}. ${reason}`;
}

function tellAsked(approvers: readonly ApproverGroup[]): string {
  const groups = approvers.map(({ of, quorum }) => {
    if (of !== null) return `${quorum} of ${of.join(", ")}`;
    return quorum === 1 ? "a person" : `${quorum} persons`;
  });
  return groups.join(" and ") || "a person";
}
