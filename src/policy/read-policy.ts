import type { JsonObject } from "../core/json.ts";
import {
  ANYONE,
  type ApproverGroup,
  ASSURANCES,
  type Escalation,
  type Requirements,
} from "../core/verdict.ts";
import { type Fields, fieldsAt, isMap, needed, type Sheet, shown } from "../document/fields.ts";
import { type Glob, glob } from "./glob.ts";
import { APPROVAL_KEYS, FACTOR_KEYS, FILE_KEYS, MATCH_KEYS, RULE_KEYS } from "./keys.ts";
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

/** One file of a policy, as it was written: shapes are checked, expressions are not. */
export interface PolicyFile {
  readonly extends: readonly string[];
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
  readonly constraints: JsonObject | null;
  readonly sample: number | null;
  /** The line of a key, for what only shows once all is put together. */
  lineOf(key: string): number;
}

const ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const RULES_LIMIT = 5_000;
const PRIORITY_LIMIT = 1_000_000;

/** Reads one file; what is wrong is among the sheet's findings, and left out of what is given. */
export function readPolicy(sheet: Sheet): PolicyFile {
  const empty: PolicyFile = { extends: [], default: null, factors: [], rules: [] };
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
  if (id !== null && !ID.test(id)) {
    const hint = "Use up to 64 letters, digits and . _ -, such as payments-over-500.";
    fields.report("wrong_value", "id", `${shown(id)} is not an id`, hint);
  }
  const sample = readSample(fields);
  if (decision !== null) refuseCombinations(fields, decision, sample);
  const requirements = readRequirements(sheet, fields);
  const constraints = fields.map("constraints");
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
    constraints: constraints === null ? null : (fields.value("constraints") as JsonObject),
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

function readMatch(sheet: Sheet, parent: Fields): Match {
  const none: Match = { kind: null, requester: null, tags: null, risk: null };
  if (!parent.has("match")) return none;
  const fields = fieldsAt(sheet, [...parent.path, "match"], Object.keys(MATCH_KEYS));
  if (fields === null) return none;
  const globs = (key: string): readonly Glob[] | null => fields.texts(key)?.map(glob) ?? null;
  const match = {
    kind: globs("kind"),
    requester: globs("requester"),
    tags: globs("tags"),
    risk: globs("risk"),
  };
  for (const one of match.risk ?? []) {
    if (!RISKS.some((level) => one.matches(level))) {
      fields.report("never_matches", "risk", `no risk is ${one.text}`, `There are: ${RISKS.join(", ")}.`);
    }
  }
  return match;
}

function readWhen({ file }: Sheet, fields: Fields): WrittenExpression | null {
  const value = fields.value("when");
  // `when: true` is YAML's own word for it.
  if (typeof value === "boolean") return { text: String(value), file, line: fields.lineOf("when") };
  const text = fields.text("when");
  return text === null ? null : { text, file, line: fields.textLineOf("when") };
}

function readRequirements(sheet: Sheet, fields: Fields): Requirements {
  const positive = (key: string): number | null => {
    const ms = fields.duration(key);
    if (ms === 0) fields.report("wrong_value", key, `${key} is nothing`, "Leave it out, or make it longer.");
    return ms;
  };
  return {
    approvers: readApprovers(sheet, fields),
    expires_ms: positive("expires"),
    execute_by_ms: positive("execute_by"),
    settle_ms: fields.duration("settle"),
    cool_off_ms: fields.duration("cool_off"),
    escalate: readEscalations(sheet, fields),
    editable: fields.texts("editable"),
    min_assurance: fields.word("min_assurance", ASSURANCES) ?? "edit",
    checklist: fields.texts("checklist") ?? [],
    tags: fields.texts("tags") ?? [],
    max_attempts: fields.whole("max_attempts", 1),
  };
}

/** One list of names with the rule's quorum, or several groups, each with its own. */
function readApprovers(sheet: Sheet, fields: Fields): readonly ApproverGroup[] {
  const quorum = readQuorum(fields) ?? 1;
  const value = fields.value("approvers");
  if (!Array.isArray(value) || !value.some(isMap)) {
    const of = fields.texts("approvers");
    return of === null && quorum === 1 ? ANYONE.approvers : [{ of, quorum }];
  }
  if (fields.has("quorum")) {
    const hint = "Give each group a quorum of its own: `- { of: treasury, quorum: 1 }`.";
    fields.report("not_together", "quorum", "one quorum stands beside groups that have their own", hint);
  }
  return (fields.maps("approvers") ?? []).flatMap((given) => {
    const group = fieldsAt(sheet, given.path, ["of", "quorum", "kind"]) ?? given;
    const of = needed(group, "of", group.texts("of"));
    const quorum = readQuorum(group) ?? 1;
    if (of === null) return [];
    return [
      group.word("kind", APPROVER_KINDS) === "service" ? { kind: "service", of, quorum } : { of, quorum },
    ];
  });
}

const APPROVER_KINDS = ["person", "service"] as const;

function readQuorum(fields: Fields): number | null {
  if (fields.value("quorum") === 0) {
    fields.report("quorum_impossible", "quorum", "a quorum of 0 asks nobody");
    return null;
  }
  return fields.whole("quorum", 1);
}

function readEscalations(sheet: Sheet, fields: Fields): readonly Escalation[] {
  const levels = (fields.maps("escalate") ?? []).flatMap((given): Escalation[] => {
    const level = fieldsAt(sheet, given.path, ["after", "to"]) ?? given;
    const after = needed(level, "after", level.duration("after"));
    if (!level.has("to") || [level.value("to") ?? []].flat().length === 0) {
      level.report("escalation_nowhere", null, "an escalation does not say to whom");
      return [];
    }
    const to = level.texts("to");
    return after === null || to === null ? [] : [{ after_ms: after, to }];
  });
  if (levels.some(({ after_ms }, at) => after_ms <= (levels[at - 1]?.after_ms ?? 0))) {
    fields.report(
      "escalation_nowhere",
      "escalate",
      "an escalation does not come after the one before it",
      "Write the levels in the order of their `after`, each later than the last.",
    );
  }
  return levels;
}

function placeOf({ file }: Sheet, fields: Fields, key: string): Place {
  return { file, line: fields.lineOf(key) };
}
