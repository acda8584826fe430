import type { JsonObject } from "../core/json.ts";
import type { Attempt, RequestId } from "../core/request.ts";

/** The stored action, never text read back from a note. */
export interface ActionJob {
  readonly id: RequestId;
  readonly digest: string;
  readonly kind: string;
  readonly params: JsonObject;
  readonly attempt: Attempt;
  readonly approved_by: readonly string[];
}

/** What whatever carries an action out is given; part of the contract with all of them. */
export function actionDocument({ id, digest, kind, params, attempt, approved_by }: ActionJob): JsonObject {
  const { number, idempotency_key } = attempt;
  return { id, digest, kind, params, attempt: number, idempotency_key, approved_by };
}
