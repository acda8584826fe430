import type { Constraints } from "../core/constraints.ts";
import type { Requirements } from "../core/verdict.ts";
import { type Fields, fieldsAt, isMap, needed, type Sheet, shown } from "../document/fields.ts";
import { APPROVAL_KEYS, CONSTRAINT_KEYS, FACTOR_KEYS, FILE_KEYS, RULE_KEYS } from "./keys.ts";
import {
  DEFAULTS,
  type DefaultVerdict,
  type Match,
  type Place,
  RISKS,
  type Risk,
  VERDICTS,
  type Verdict,
} from "./policy.ts";
import { readLimit, type WrittenLimit } from "./read-limits.ts";
import { readMatch } from "./read-match.ts";
import { readRequirements } from "./read-requirements.ts";
import { checkId } from "./rule-id.ts";

/** One file of a policy, as it was written: shapes are checked, expressions are not. */
export interface PolicyFile {
  readonly extends: readonly string[];
  readonly limits: readonly WrittenLimit[];
  readonly default: DefaultVerdict | null;
  readonly factors: readonly WrittenFactor[];
  readonly rules: readonly WrittenRule[];
}

/** An expression and the line on which it begins. */
export interface WrittenExpression extends Place {
  readonly text: string;
}

interface WrittenFactor {
  readonly place: Place;
  readonly level: Risk;
  readonly words: string;
  readonly match: Match;
  readonly when: WrittenExpression | null;
}

export interface WrittenRule {
  readonly place: Place;
  readonly id: string;
  readonly priority: number;
  readonly match: Match;
  readonly when: WrittenExpression | null;
  readonly decision: Verdict;
  readonly reason: string | null;
  readonly requirements: Requirements | null;
  readonly constraints: Constraints | null;
  readonly sample: number | null;
  /** The line of a key, for what only shows once all is put together. */
  lineOf(key: string): number;
}

const RULES_LIMIT = 5_000;
const PRIORITY_LIMIT = 1_000_000;

/** Reads one file; what is wrong is among the sheet's findings, and left out of what is given. */
export function readPolicy(sheet: Sheet): PolicyFile {
  const empty: PolicyFile = { extends: [], default: null, factors: [], rules: [], limits: [] };
  if (sheet.yaml.value === null) return empty;
  const file = fieldsAt(sheet, [], Object.keys(FILE_KEYS));
  if (file === null) return empty;
  const rules = file.maps("rules") ?? [];
  if (rules.length > RULES_LIMIT) {
    file.report("wrong_value", "rules", `there are more than ${RULES_LIMIT} rules`);
  }
  return {
    extends: file.texts("extends") ?? [],
    default: file.word("default", DEFAULTS),
    factors: (file.maps("risk") ?? []).flatMap((fields) => readFactor(sheet, fields) ?? []),
    rules: rules.slice(0, RULES_LIMIT).flatMap((fields) => readRule(sheet, fields) ?? []),
    limits: (file.maps("limits") ?? []).flatMap((fields) => readLimit(sheet, fields) ?? []),
  };
}

function readFactor(sheet: Sheet, given: Fields): WrittenFactor | null {
  const fields = fieldsAt(sheet, given.path, Object.keys(FACTOR_KEYS)) ?? given;
  const level = needed(fields, "level", fields.word("level", RISKS.slice(1)));
  const words = needed(fields, "factor", fields.text("factor"));
  if (level === null || words === null) return null;
  const match = readMatch(sheet, fields);
  if (match.risk !== null) {
    fields.report("not_together", "match", "a risk factor cannot match on the risk that it is part of");
  }
  return { place: placeOf(sheet, fields, "factor"), level, words, match, when: readWhen(sheet, fields) };
}

function readRule(sheet: Sheet, given: Fields): WrittenRule | null {
  const fields = fieldsAt(sheet, given.path, Object.keys({ ...RULE_KEYS, ...APPROVAL_KEYS })) ?? given;
  const id = needed(fields, "id", fields.text("id"));
  const decision = needed(fields, "decision", fields.word("decision", VERDICTS));
  checkId(fields, id);
  const sample = readSample(fields);
  if (decision !== null) refuseCombinations(fields, decision, sample);
  const requirements = readRequirements(sheet, fields);
  const constraints = fields.has("constraints") ? readConstraints(sheet, fields) : null;
  if (id === null || decision === null) return null;
  const asks = decision === "require_approval" || sample !== null;
  return {
    place: placeOf(sheet, fields, "id"),
    id,
    priority: readPriority(fields),
    match: readMatch(sheet, fields),
    when: readWhen(sheet, fields),
    decision,
    reason: fields.text("reason"),
    requirements: asks ? requirements : null,
    constraints,
    sample,
    lineOf: fields.lineOf,
  };
}

function refuseCombinations(fields: Fields, decision: Verdict, sample: number | null): void {
  const no = (key: string, message: string, hint: string) =>
    fields.report("not_together", key, message, hint);
  const asks = decision === "require_approval" || sample !== null;
  for (const key of Object.keys(APPROVAL_KEYS)) {
    if (fields.has(key) && !asks) {
      const hint = "It belongs to `decision: require_approval`, or to an allow with a `sample`.";
      no(key, `${key} is for approvals, and the decision is ${decision}`, hint);
    }
  }
  if (fields.has("sample") && (decision === "deny" || decision === "require_approval")) {
    no("sample", `a sample of ${decision} says nothing`, "It belongs to an allow.");
  }
  if (fields.has("constraints") && (decision === "allow" || decision === "deny")) {
    no("constraints", `${decision} has no constraints`, "Use `decision: allow_with_constraints`.");
  }
  const { constraints } = { constraints: fields.value("constraints") };
  const none = !isMap(constraints) || Object.keys(constraints).length === 0;
  if (decision === "allow_with_constraints" && none) {
    fields.report("key_missing", null, "allow_with_constraints needs constraints", "Say which.");
  }
}

/** As in `network_allowlist`: a host, all hosts below one, and either with a port. */
const HOST = /^(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)*(:\d{1,5})?$/i;

function readConstraints(sheet: Sheet, parent: Fields): Constraints | null {
  const fields = fieldsAt(sheet, [...parent.path, "constraints"], Object.keys(CONSTRAINT_KEYS));
  if (fields === null) return null;
  const names = (key: string): readonly string[] | null =>
    Array.isArray(fields.value(key)) && (fields.value(key) as unknown[]).length === 0
      ? []
      : fields.texts(key);
  const max_runtime_sec = fields.whole("max_runtime_sec", 1);
  const network_allowlist = names("network_allowlist");
  const write_allowlist = names("write_allowlist");
  for (const host of network_allowlist ?? []) {
    if (HOST.test(host)) continue;
    const hint = "Write names such as api.example.com, *.example.com or bank.example:443; [] is no network.";
    fields.report("wrong_value", "network_allowlist", `${shown(host)} is not a host`, hint);
  }
  return {
    ...(max_runtime_sec !== null && { max_runtime_sec }),
    ...(network_allowlist !== null && { network_allowlist }),
    ...(write_allowlist !== null && { write_allowlist }),
  };
}

function readPriority(fields: Fields): number {
  const value = fields.value("priority") ?? 0;
  if (Number.isSafeInteger(value) && Math.abs(Number(value)) <= PRIORITY_LIMIT) return Number(value);
  fields.report(
    "wrong_value",
    "priority",
    `priority is ${shown(value)}`,
    "Expected: a whole number; higher comes first.",
  );
  return 0;
}

function readSample(fields: Fields): number | null {
  const text = fields.text("sample");
  if (text === null) return null;
  const percent = /^(\d{1,3}(?:\.\d{1,4})?)\s?%$/.exec(text)?.[1];
  const share = percent === undefined ? Number.NaN : Number(percent) / 100;
  if (share > 0 && share <= 1) return share;
  fields.report(
    "wrong_value",
    "sample",
    `sample is ${shown(text)}`,
    "Expected: a share such as 5%, above 0%.",
  );
  return null;
}

function readWhen({ file }: Sheet, fields: Fields): WrittenExpression | null {
  const value = fields.value("when");
  // `when: true` is YAML's own word for it.
  if (typeof value === "boolean") return { text: String(value), file, line: fields.lineOf("when") };
  const text = fields.text("when");
  return text === null ? null : { text, file, line: fields.textLineOf("when") };
}

function placeOf({ file }: Sheet, fields: Fields, key: string): Place {
  return { file, line: fields.lineOf(key) };
}
