import { ANYONE, type Verdict } from "../core/verdict.ts";
import type { Clock, PolicyPort, Question } from "../daemon/ports.ts";
import { drawn, type Judgement, judge } from "../policy/judge.ts";
import type { Policy } from "../policy/policy.ts";
import type { Counting } from "./counting.ts";

/** Judges by the policy that is in force at that moment; without one nothing is allowed or denied, and a person is asked. */
export function judgeBy(
  inForce: () => Policy | null,
  clock: Clock,
  counting: Counting | null = null,
): PolicyPort {
  return {
    judge(question, digestOf) {
      const current = counting === null ? inForce() : counting.obeyed(inForce());
      if (current === null) return null;
      const { id: _id, action_tags, editable: _, ...asked } = question;
      const subject = { ...asked, tags: action_tags, now: clock.now() };
      const found = judge(current, subject, counting?.besides(question) ?? NOT_COUNTED);
      const { policy: snapshot, rule, requirements } = found;
      const expires_ms = requirements?.expires_ms ?? null;
      const final = drawn(found, digestOf({ policy: snapshot, rule, expires_ms }));
      return verdictOf(final, expires_ms, question);
    },
    hold: (question) => counting?.hold(question) ?? (() => {}),
  };
}

const NOT_COUNTED = () => null;

function verdictOf(found: Judgement, expires_ms: number | null, question: Question): Verdict {
  const { verdict, policy, rule, reason, risk, requirements } = found;
  return {
    ...(requirements ?? ANYONE),
    says: verdict === "allow_with_constraints" ? "allow" : verdict,
    policy,
    rule,
    reason,
    risk: risk.level,
    factors: risk.factors,
    action_tags: question.action_tags,
    editable: requirements?.editable ?? question.editable,
    expires_ms,
    constraints: found.constraints,
  };
}
