import { type Constraints, stricterOf } from "./constraints.ts";
import type { Attempt, Request } from "./request.ts";
import type { World } from "./world.ts";

/** The one attempt that an approval allows; its key stays the same however often a handler asks for it. */
export function attemptOf(
  request: Request,
  executor: Attempt["executor"],
  deadline: string | null,
  constraints: Constraints | null,
): Attempt {
  const attempt = { number: 1, idempotency_key: `${request.submission.fields.id}-1`, executor, deadline };
  return constraints === null ? attempt : { ...attempt, constraints };
}

/** What an approved action is held to: by what was approved, and by what the policy says now. */
export function constraintsOf(
  { submission }: Request,
  { verdict }: Pick<World, "verdict">,
): Constraints | null {
  return stricterOf(submission.verdict?.constraints ?? null, verdict?.constraints ?? null);
}
