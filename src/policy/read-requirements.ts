import { isParamPath } from "../core/editable.ts";
import {
  ANYONE,
  type ApproverGroup,
  ASSURANCES,
  type Escalation,
  type Requirements,
} from "../core/verdict.ts";
import { type Fields, fieldsAt, isMap, needed, type Sheet, shown } from "../document/fields.ts";
import { readWait, type Wait, workingIn } from "./working.ts";

/** What an approval needs, as far as a rule or a limit says so. */
export function readRequirements(sheet: Sheet, fields: Fields): Requirements {
  const positive = (key: string): number | null => {
    const ms = fields.duration(key);
    if (ms === 0) fields.report("wrong_value", key, `${key} is nothing`, "Leave it out, or make it longer.");
    return ms;
  };
  const expires = readWait(fields, "expires");
  if (expires?.ms === 0) {
    fields.report("wrong_value", "expires", "expires is nothing", "Leave it out, or make it longer.");
  }
  const { levels, waits } = readEscalations(sheet, fields);
  return {
    approvers: readApprovers(sheet, fields),
    expires_ms: expires?.ms ?? null,
    execute_by_ms: positive("execute_by"),
    settle_ms: fields.duration("settle"),
    cool_off_ms: fields.duration("cool_off"),
    escalate: levels,
    editable: readEditable(fields),
    min_assurance: fields.word("min_assurance", ASSURANCES) ?? "edit",
    checklist: fields.texts("checklist") ?? [],
    tags: fields.texts("tags") ?? [],
    max_attempts: fields.whole("max_attempts", 1),
    ...workingIn(fields.text("hours"), expires, waits),
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

function readEditable(fields: Fields): readonly string[] | null {
  const paths = fields.texts("editable");
  const wrong = paths?.find((path) => !isParamPath(path));
  if (wrong === undefined) return paths;
  const hint = "Name a param, or a part of one by dots, such as `to.name`; a list is named as a whole.";
  fields.report(
    "wrong_value",
    "editable",
    `editable names ${shown(wrong)}, which is no name of a param`,
    hint,
  );
  return null;
}

function readQuorum(fields: Fields): number | null {
  if (fields.value("quorum") === 0) {
    fields.report("quorum_impossible", "quorum", "a quorum of 0 asks nobody");
    return null;
  }
  return fields.whole("quorum", 1);
}

function readEscalations(
  sheet: Sheet,
  fields: Fields,
): { levels: readonly Escalation[]; waits: readonly Wait[] } {
  const read = (fields.maps("escalate") ?? []).flatMap((given): { level: Escalation; wait: Wait }[] => {
    const level = fieldsAt(sheet, given.path, ["after", "to"]) ?? given;
    const wait = needed(level, "after", readWait(level, "after"));
    if (!level.has("to") || [level.value("to") ?? []].flat().length === 0) {
      level.report("escalation_nowhere", null, "an escalation does not say to whom");
      return [];
    }
    const to = level.texts("to");
    return wait === null || to === null ? [] : [{ level: { after_ms: wait.ms, to }, wait }];
  });
  const waits = read.map(({ wait }) => wait);
  if (waits.some((wait, at) => !comesAfter(wait, waits[at - 1]))) {
    fields.report(
      "escalation_nowhere",
      "escalate",
      "an escalation does not come after the one before it",
      "Write the levels in the order of their `after`, each later than the last.",
    );
  }
  return { levels: read.map(({ level }) => level), waits };
}

/** Of a time by the clock and one of working time nobody can say which is longer. */
function comesAfter({ ms, working }: Wait, before: Wait | undefined): boolean {
  if (before === undefined) return ms > 0;
  return working?.is !== before.working?.is || ms > before.ms;
}
