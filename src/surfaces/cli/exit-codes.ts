import type { ErrorCode, RefusalCode } from "../../core/codes.ts";
import type { Status } from "../../core/request.ts";

/** What the shell is told; DESIGN's table in the README, and the only place with the numbers. */
export const EXIT = {
  done: 0,
  internal: 1,
  bad_input: 2,
  rejected: 3,
  expired: 4,
  changes_requested: 5,
  failed: 6,
  outcome_unknown: 7,
  denied: 8,
  cancelled: 9,
  refused: 10,
  unreachable: 69,
  still_pending: 75,
} as const;

const BY_STATUS = {
  pending: EXIT.still_pending,
  approved: EXIT.still_pending,
  executing: EXIT.still_pending,
  outcome_unknown: EXIT.outcome_unknown,
  executed: EXIT.done,
  failed: EXIT.failed,
  rejected: EXIT.rejected,
  changes_requested: EXIT.changes_requested,
  expired: EXIT.expired,
  cancelled: EXIT.cancelled,
  denied: EXIT.denied,
} as const satisfies Record<Status, number>;

const BY_CODE = {
  not_found: EXIT.bad_input,
  not_pending: EXIT.refused,
  not_approved: EXIT.refused,
  not_executing: EXIT.refused,
  not_unknown: EXIT.refused,
  already_final: EXIT.refused,
  already_started: EXIT.refused,
  too_late: EXIT.refused,
  not_due: EXIT.refused,
  digest_mismatch: EXIT.refused,
  grant_invalid: EXIT.refused,
  grant_expired: EXIT.refused,
  grant_used: EXIT.refused,
  token_invalid: EXIT.refused,
  not_caller: EXIT.refused,
  not_allowed: EXIT.refused,
  said_in_note: EXIT.refused,
  too_early: EXIT.refused,
  ran_out: EXIT.refused,
  not_retryable: EXIT.refused,
  too_many_attempts: EXIT.refused,
  over_limit: EXIT.refused,
  asked_too_soon: EXIT.refused,
  clock_frozen: EXIT.refused,
  halted: EXIT.refused,
  not_entitled: EXIT.refused,
  own_request: EXIT.refused,
  reviewer_missing: EXIT.refused,
  already_voted: EXIT.refused,
  no_vote: EXIT.refused,
  quorum_missing: EXIT.refused,
  checklist_open: EXIT.refused,
  assurance_too_low: EXIT.refused,
  delegation_refused: EXIT.refused,
  usage: EXIT.bad_input,
  unknown_kind: EXIT.bad_input,
  invalid_params: EXIT.bad_input,
  not_editable: EXIT.bad_input,
  invalid_json: EXIT.bad_input,
  invalid_request: EXIT.bad_input,
  too_large: EXIT.bad_input,
  wrong_content_type: EXIT.bad_input,
  unknown_route: EXIT.internal,
  unauthenticated: EXIT.refused,
  host_refused: EXIT.refused,
  origin_refused: EXIT.refused,
  key_reused: EXIT.bad_input,
  unreachable: EXIT.unreachable,
  config_missing: EXIT.bad_input,
  config_invalid: EXIT.bad_input,
  unknown_channel: EXIT.bad_input,
  policy_missing: EXIT.bad_input,
  policy_invalid: EXIT.bad_input,
  people_missing: EXIT.bad_input,
  people_invalid: EXIT.bad_input,
  vault_missing: EXIT.bad_input,
  state_unsafe: EXIT.refused,
  already_running: EXIT.refused,
  journal_damaged: EXIT.internal,
  storage_failed: EXIT.internal,
  node_too_old: EXIT.internal,
  no_answer: EXIT.still_pending,
  internal: EXIT.internal,
} as const satisfies Record<RefusalCode | ErrorCode, number>;

/** What `--wait` and `wait` end with. A `caller` action is done, for its waiter, once it is approved. */
export function exitOfOutcome(status: Status, executor: "daemon" | "caller"): number {
  return status === "approved" && executor === "caller" ? EXIT.done : BY_STATUS[status];
}

export function exitOfCode(code: RefusalCode | ErrorCode): number {
  return BY_CODE[code];
}
