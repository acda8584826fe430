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
  const { number, idempotency_key, constraints } = attempt;
  const document = { id, digest, kind, params, attempt: number, idempotency_key, approved_by };
  return constraints === undefined ? document : { ...document, constraints: { ...constraints } };
}

/** How long it may take, in ms: by the configuration, or by what its rule holds it to, where that is less. */
export function timeFor({ attempt }: Pick<ActionJob, "attempt">, timeout_ms: number): number {
  const { max_runtime_sec } = attempt.constraints ?? {};
  return max_runtime_sec === undefined ? timeout_ms : Math.min(timeout_ms, max_runtime_sec * 1_000);
}
