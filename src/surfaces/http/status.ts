import type { ErrorCode, Fault, RefusalCode } from "../../core/codes.ts";

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
  grant_used: 409,
  grant_shadow: 403,
  token_invalid: 403,
  not_caller: 409,
  not_allowed: 403,
  said_in_note: 409,
  too_early: 409,
  ran_out: 409,
  not_retryable: 409,
  too_many_attempts: 409,
  over_limit: 429,
  asked_too_soon: 429,
  clock_frozen: 409,
  halted: 409,
  not_entitled: 403,
  own_request: 403,
  reviewer_missing: 400,
  already_voted: 409,
  no_vote: 409,
  quorum_missing: 409,
  checklist_open: 409,
  assurance_too_low: 403,
  delegation_refused: 409,
  usage: 400,
  unknown_kind: 422,
  invalid_params: 422,
  not_editable: 422,
  invalid_json: 400,
  invalid_request: 400,
  too_large: 413,
  busy: 503,
  wrong_content_type: 415,
  unknown_route: 404,
  unauthenticated: 401,
  host_refused: 421,
  origin_refused: 403,
  key_reused: 409,
  unreachable: 503,
  upstream_unreachable: 502,
  pins_damaged: 500,
  config_missing: 500,
  config_invalid: 500,
  vault_missing: 500,
  state_unsafe: 500,
  already_running: 500,
  journal_damaged: 500,
  storage_failed: 503,
  node_too_old: 500,
  no_answer: 504,
  unknown_channel: 404,
  policy_missing: 500,
  policy_invalid: 500,
  people_missing: 500,
  people_invalid: 500,
  internal: 500,
} as const satisfies Record<RefusalCode | ErrorCode, number>;

export type HttpStatus = (typeof STATUS)[keyof typeof STATUS];

export function statusOf(code: RefusalCode | ErrorCode): HttpStatus {
  return STATUS[code];
}

/** What is said of an error, whatever the server. */
export function documentOf({ code, message, hint }: Fault) {
  return { error: { code, message, hint } };
}
