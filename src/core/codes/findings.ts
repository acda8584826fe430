import type { Meaning } from "./meaning.ts";

/** What is found wrong, or doubtful, in a policy or in `people.yaml`. Those with `warns` do not keep it from being used. */
export const FINDINGS = {
  not_plain_yaml: { means: "The file is not plain YAML.", hint: "Mend the line that is named." },
  unknown_key: { means: "There is no such key here.", hint: "Use one of the keys that are named." },
  key_missing: { means: "A key that is needed is not there.", hint: "Add it." },
  wrong_value: { means: "The value is not one that this key takes.", hint: "Write what is expected there." },
  not_together: {
    means: "Two keys, or a key and the decision, do not go together.",
    hint: "Take one of them away.",
  },
  expression_syntax: { means: "The expression cannot be read.", hint: "Expressions are written in CEL." },
  expression_unknown: {
    means: "The expression uses a variable, field or function that is not there.",
    hint: "The variables are action, params, request, requester and now.",
  },
  expression_type: {
    means: "The expression does not fit the types of what it is about, or is not a yes or no.",
    hint: "Compare it with the params of that kind in countersign.yaml.",
  },
  expression_too_costly: {
    means: "The expression could take too long.",
    hint: "Make it shorter, or split it over several rules.",
  },
  pattern_refused: {
    means: "The pattern of matches is not one that is taken.",
    hint: "Write it in quotes, without back references and look-around.",
  },
  never_matches: {
    means: "The rule can never match.",
    hint: "Compare match and when with the actions of countersign.yaml.",
  },
  duplicate_id: { means: "Two rules have the same id.", hint: "Give each rule an id of its own." },
  quorum_impossible: {
    means: "The quorum can never be reached.",
    hint: "Ask for at least 1, and for no more than there are persons.",
  },
  unknown_person: { means: "Nobody has that name.", hint: "`people.yaml` lists persons and groups." },
  name_taken: {
    means: "The name belongs to another person or group already.",
    hint: "Give every person and group names of their own.",
  },
  unknown_service: {
    means: "The configuration has no service of that name.",
    hint: "`services:` in countersign.yaml lists them.",
  },
  names_alike: {
    means: "Two names look the same and are not.",
    hint: "Give one of the two another name, or type it in the same letters where it is the same person.",
  },
  empty_group: { means: "There is nobody in the group.", hint: "Put somebody in, or take the group away." },
  circle: {
    means: "A group, or a row of stand-ins, leads back to its beginning.",
    hint: "Take one of its steps away.",
  },
  stand_in_impossible: {
    means: "This person cannot stand in.",
    hint: "Name somebody else who may receive what is delegated, or nobody.",
  },
  ends_before_start: { means: "Something ends before it has begun.", hint: "Write the earlier time first." },
  unknown_zone: {
    means: "There is no such time zone.",
    hint: "Write a place, such as Europe/Berlin, or UTC.",
  },
  unknown_hours: { means: "There are no hours of that name.", hint: "Write them down under `hours`." },
  never_open: { means: "These hours never open.", hint: "Give at least one day a time." },
  escalation_nowhere: {
    means: "An escalation reaches nobody.",
    hint: "Name somebody, and a time before the request expires.",
  },
  extends_unreadable: {
    means: "A policy that is extended cannot be read.",
    hint: "Mend the path or the file.",
  },
  extends_cycle: { means: "A policy extends itself.", hint: "Take one of the `extends` away." },
  weakens_parent: {
    means: "The policy would weaken a deny of one that it extends.",
    hint: "A policy can only add to what it extends.",
  },
  shadowed: {
    warns: true,
    means: "The rule never decides, because one before it always does.",
    hint: "Raise its priority, or take it away.",
  },
  one_hand: {
    warns: true,
    means: "At assurance edit one hand can tick the boxes of several approvers.",
    hint: "Ask for min_assurance os or higher where it matters.",
  },
  not_carried_over: {
    means: "Something of the imported policy has no faithful form here.",
    hint: "Write it as a rule by hand, or take it out before importing.",
  },
} as const satisfies Record<string, Meaning & { readonly warns?: true }>;
