import fc from "fast-check";
import { VERDICTS, type Verdict } from "../../src/policy/policy.ts";

/** A rule, as it is written. */
export interface Written {
  readonly decision: Verdict;
  readonly priority: number;
  /** An expression that is true, false, or fails. */
  readonly when: "true" | "false" | "doubt";
  readonly extra: string;
}

/** Read from the params, so that loading cannot know them. */
const WHEN = { true: "params.yes", false: "params.no", doubt: "params.missing" };
export const PARAMS = { yes: true, no: false };

const EXTRA: Readonly<Record<Verdict, readonly string[]>> = {
  allow: ["", "sample: 50%"],
  allow_with_constraints: ["constraints: { max_runtime_sec: 1 }"],
  require_approval: [
    "",
    "approvers: [x, y], quorum: 2",
    "min_assurance: signed, expires: 1h",
    "checklist: [c], expires: 2h",
  ],
  deny: [""],
};

export const rule: fc.Arbitrary<Written> = fc.constantFrom(...VERDICTS).chain((decision) =>
  fc.record({
    decision: fc.constant(decision),
    priority: fc.integer({ min: 0, max: 3 }),
    when: fc.constantFrom("true", "false", "doubt"),
    extra: fc.constantFrom(...EXTRA[decision]),
  }),
);
export const rules = fc.array(rule, { maxLength: 6 });
export const fallback = fc.constantFrom("allow", "require_approval", "deny");

export function textOf(written: readonly Written[], otherwise = "require_approval"): string {
  const lines = written.map(({ decision, priority, when, extra }, at) =>
    [`id: r${at}`, `decision: ${decision}`, `priority: ${priority}`, `when: ${WHEN[when]}`, extra]
      .filter((part) => part !== "")
      .join(", "),
  );
  return `default: ${otherwise}\nrules: [${lines.map((line) => `{ ${line} }`).join(", ")}]\n`;
}
