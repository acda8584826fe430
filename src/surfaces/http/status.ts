import type { ErrorCode, RefusalCode } from "../../core/codes.ts";

/** The HTTP status for each code: the one place where the two meet. */
const STATUS = {
  not_found: 404,
  not_pending: 409,
  not_approved: 409,
  not_executing: 409,
  not_unknown: 409,
  already_final: 409,
  already_started: 409,
  too_late: 409,
  not_due: 409,
  digest_mismatch: 409,
  grant_invalid: 403,
  grant_expired: 403,
  token_invalid: 403,
  not_caller: 409,
  not_allowed: 403,
  halted: 409,
  usage: 400,
  unknown_kind: 422,
  invalid_params: 422,
  not_editable: 422,
  invalid_json: 400,
  invalid_request: 400,
  too_large: 413,
  wrong_content_type: 415,
  unknown_route: 404,
  unauthenticated: 401,
  host_refused: 421,
  origin_refused: 403,
  key_reused: 409,
  unreachable: 503,
  config_missing: 500,
  config_invalid: 500,
  vault_missing: 500,
  state_unsafe: 500,
  already_running: 500,
  journal_damaged: 500,
  storage_failed: 503,
  node_too_old: 500,
  no_answer: 504,
  policy_missing: 500,
  policy_invalid: 500,
  internal: 500,
} as const satisfies Record<RefusalCode | ErrorCode, number>;

export type HttpStatus = (typeof STATUS)[keyof typeof STATUS];

export function statusOf(code: RefusalCode | ErrorCode): HttpStatus {
  return STATUS[code];
}
