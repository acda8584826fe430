import { type Fields, fieldsAt, needed, type Sheet, shown } from "../document/fields.ts";
import { type Exact, exact } from "./exact.ts";
import { APPROVAL_KEYS, LIMIT_KEYS } from "./keys.ts";
import type { RollingLimit } from "./policy.ts";
import { readMatch } from "./read-match.ts";
import { readRequirements } from "./read-requirements.ts";
import { checkId } from "./rule-id.ts";

/** A limit as it was written. */
export interface WrittenLimit extends RollingLimit {
  lineOf(key: string): number;
}

const DECISIONS = ["deny", "require_approval"] as const;
const PARAM = /^params(\.[A-Za-z0-9_-]{1,64}){1,8}$/;
const PER = /^(requester|on_behalf_of|kind|params(\.[A-Za-z0-9_-]{1,64}){1,8})$/;
/** The journal is read so far back at a start. */
const LONGEST_MS = 92 * 86_400_000;

export function readLimit(sheet: Sheet, given: Fields): WrittenLimit | null {
  const keys = Object.keys({ ...LIMIT_KEYS, ...APPROVAL_KEYS });
  const fields = fieldsAt(sheet, given.path, keys) ?? given;
  const id = needed(fields, "id", fields.text("id"));
  checkId(fields, id);
  const decision = needed(fields, "decision", fields.word("decision", DECISIONS));
  if (decision === "deny") refuseApprovalKeys(fields);
  const within_ms = needed(fields, "within", fields.duration("within"));
  if (within_ms === 0 || (within_ms ?? 0) > LONGEST_MS) {
    fields.report("wrong_value", "within", "within is nothing, or too long", "Expected: up to 92d.");
  }
  const over = needed(fields, "over", readAmount(fields));
  const match = readMatch(sheet, fields);
  if (match.risk !== null) {
    const hint = "Match on kind, requester or tags: what was asked for before is not judged again.";
    fields.report("not_together", "match", "a limit cannot match on the risk", hint);
  }
  const sum = readSum(fields);
  const per = readPer(fields);
  const requirements = readRequirements(sheet, fields);
  if (id === null || decision === null || within_ms === null || over === null) return null;
  return {
    id,
    place: { file: sheet.file, line: fields.lineOf("id") },
    match,
    sum,
    per,
    within_ms,
    over,
    decision,
    reason: fields.text("reason"),
    requirements,
    lineOf: fields.lineOf,
  };
}

function refuseApprovalKeys(fields: Fields): void {
  for (const key of Object.keys(APPROVAL_KEYS)) {
    if (!fields.has(key)) continue;
    const message = `${key} is for approvals, and this limit denies`;
    fields.report("not_together", key, message, "It belongs to `decision: require_approval`.");
  }
}

function readAmount(fields: Fields): Exact | null {
  if (!fields.has("over")) return null;
  const amount = exact(fields.value("over"));
  if (amount === null) {
    fields.report(
      "wrong_value",
      "over",
      `over is ${shown(fields.value("over"))}`,
      "Expected: a number from 0.",
    );
  }
  return amount;
}

/** Without the `params.` in front. */
function readSum(fields: Fields): string | null {
  const text = fields.text("sum");
  if (text === null || PARAM.test(text)) return text?.slice("params.".length) ?? null;
  fields.report(
    "wrong_value",
    "sum",
    `sum is ${shown(text)}`,
    "Expected: a param such as params.amount_cents.",
  );
  return null;
}

function readPer(fields: Fields): readonly string[] {
  const paths = fields.texts("per") ?? [];
  const wrong = paths.find((path) => !PER.test(path));
  if (wrong === undefined) return paths;
  const hint = "Expected: requester, on_behalf_of, kind, or a param such as params.payee.";
  fields.report("wrong_value", "per", `per names ${shown(wrong)}`, hint);
  return paths;
}
