import { type Finding, finding } from "../core/codes.ts";
import type { JsonObject } from "../core/json.ts";
import { type Fields, fieldsAt, isMap, openSheet, type Sheet, shown } from "../document/fields.ts";
import { idOf, oneLine } from "./import-agt.ts";
import { type Imported, type ImportedRule, renderImported } from "./imported.ts";
import { CONSTRAINT_KEYS } from "./keys.ts";
import type { Verdict } from "./policy.ts";

const POLICY_KEYS = ["version", "default_decision", "rules"];
const RULE_KEYS = ["id", "match", "decision", "reason", "constraints"];
const MATCH_KEYS = ["topics", "risk_tags"];

/** Keys that are known there and have no faithful form here, each with what it does. */
const POLICY_REFUSED: Readonly<Record<string, string>> = {
  tier: "tiers",
  selector: "selectors",
  input_policy: "the scanning of inputs",
  input_rules: "the scanning of inputs",
  require_human: "the scanning of inputs",
  output_policy: "the scanning of outputs",
  output_rules: "the scanning of outputs",
  default_tenant: "tenants",
  tenants: "tenants",
};
const RULE_REFUSED: Readonly<Record<string, string>> = {
  tier: "tiers",
  selector: "selectors",
  velocity: "rate limits",
  remediations: "remediations",
};

const DECISIONS: Readonly<Record<string, Verdict>> = {
  allow: "allow",
  permit: "allow",
  deny: "deny",
  block: "deny",
  require_approval: "require_approval",
  "require-approval": "require_approval",
  require_human: "require_approval",
  allow_with_constraints: "allow_with_constraints",
  "allow-with-constraints": "allow_with_constraints",
};

/** A policy of Cordum (`version: v1`) in our form. There the first rule that matches decides, and else it is a deny. */
export function importCordum(file: string, text: string): Imported {
  const findings: Finding[] = [];
  const sheet = openSheet(file, text, findings);
  if (sheet === null) return { text: null, findings };
  const policy = fieldsAt(sheet, [], [...POLICY_KEYS, ...Object.keys(POLICY_REFUSED)]);
  if (policy === null) return { text: null, findings };
  refuse(policy, POLICY_REFUSED);
  if (policy.has("version") && policy.value("version") !== "v1") {
    policy.report("not_carried_over", "version", `version is ${shown(policy.value("version"))}, not v1`);
  }
  const said = String(policy.value("default_decision") ?? "deny").toLowerCase();
  const otherwise = DECISIONS[said] === "allow" ? "allow" : "deny";
  if (DECISIONS[said] !== otherwise) {
    policy.report("not_carried_over", "default_decision", `default_decision is ${shown(said)}`);
  }
  const rules = (policy.maps("rules") ?? []).flatMap((given) => readRule(sheet, given) ?? []);
  refuseMixedNames(sheet, rules);
  if (findings.length > 0) return { text: null, findings };
  const header = [
    `Imported from ${oneLine(file)}, a policy of Cordum. There the first rule that matched decided.`,
    "A topic is a kind here: without `job.` in front, and with - for every dot. Risk tags are tags of the action.",
  ];
  return {
    text: renderImported(
      header,
      otherwise,
      rules.map(({ rule }) => rule),
    ),
    findings,
  };
}

interface Read {
  readonly rule: ImportedRule;
  readonly topics: readonly string[];
  readonly fields: Fields;
}

function readRule(sheet: Sheet, given: Fields): Read | null {
  const fields = fieldsAt(sheet, given.path, [...RULE_KEYS, ...Object.keys(RULE_REFUSED)]) ?? given;
  refuse(fields, RULE_REFUSED);
  const id = fields.text("id");
  if (!fields.has("id")) fields.report("key_missing", null, "a rule has no id");
  const word = String(fields.value("decision") ?? "");
  const decision = DECISIONS[word.toLowerCase()] ?? null;
  if (decision === null) {
    fields.report("not_carried_over", "decision", `the decision ${shown(word)} has no form here`);
  }
  const match = readMatch(sheet, fields);
  const constraints = fields.map("constraints") === null ? null : (fields.value("constraints") as JsonObject);
  refuseUnknown(fields, constraints);
  const none = constraints === null || Object.keys(constraints).length === 0;
  if (!none && (decision === "allow" || decision === "deny")) {
    fields.report(
      "not_carried_over",
      "constraints",
      `constraints of ${decision} hold nobody to anything here`,
    );
  }
  if (none && decision === "allow_with_constraints") {
    fields.report("not_carried_over", "decision", "allow_with_constraints has no constraints");
  }
  if (id === null || decision === null || match === null) return null;
  const rule: ImportedRule = {
    id: idOf(id),
    line: fields.lineOf("id"),
    priority: null,
    kinds: match.topics.length === 0 ? null : match.topics.map(kindOf),
    tags: match.tags.length === 0 ? null : match.tags,
    when: null,
    decision,
    reason: fields.text("reason"),
    approvers: null,
    constraints: none ? null : constraints,
  };
  return { rule, topics: match.topics, fields };
}

function refuseUnknown(fields: Fields, constraints: JsonObject | null): void {
  for (const key of Object.keys(constraints ?? {})) {
    if (key in CONSTRAINT_KEYS) continue;
    fields.report("not_carried_over", "constraints", `the constraint ${shown(key)} has no form here`);
  }
}

function readMatch(sheet: Sheet, fields: Fields): { topics: string[]; tags: string[] } | null {
  const match = fields.value("match");
  if (match === null) return { topics: [], tags: [] };
  if (!isMap(match)) {
    fields.report("wrong_value", "match", `match is ${shown(match)}`);
    return null;
  }
  const inner = fieldsAt(sheet, [...fields.path, "match"], Object.keys(match));
  for (const [key, value] of Object.entries(match)) {
    if (MATCH_KEYS.includes(key) || isEmpty(value)) continue;
    inner?.report("not_carried_over", key, `match.${key} has no form here`);
  }
  const texts = (key: string) => [match[key] ?? []].flat().map((one) => String(one).trim());
  const topics = texts("topics");
  for (const topic of topics) {
    // A slash and brackets mean something of their own there.
    if (/^[A-Za-z0-9_.*?-]+$/.test(topic) && topic === topic.toLowerCase()) continue;
    inner?.report("not_carried_over", "topics", `the topic ${shown(topic)} has no form as a kind`);
  }
  return { topics, tags: texts("risk_tags").map((tag) => tag.toLowerCase()) };
}

/** Two topics that would become one kind would no longer be told apart. */
function refuseMixedNames(sheet: Sheet, rules: readonly Read[]): void {
  const known = new Map<string, string>();
  for (const { topics, rule } of rules) {
    for (const topic of topics) {
      const kind = kindOf(topic);
      const other = known.get(kind);
      known.set(kind, topic);
      if (other === undefined || other === topic) continue;
      const place = { file: sheet.file, line: rule.line };
      sheet.findings.push(
        finding("not_carried_over", place, `${other} and ${topic} would both be the kind ${kind}`),
      );
    }
  }
}

function kindOf(topic: string): string {
  return topic.replace(/^job\./, "").replaceAll(".", "-");
}

function refuse(fields: Fields, refused: Readonly<Record<string, string>>): void {
  for (const [key, what] of Object.entries(refused)) {
    if (isEmpty(fields.value(key))) continue;
    fields.report("not_carried_over", key, `${key}: ${what} have no form here`);
  }
}

function isEmpty(value: unknown): boolean {
  if (value === null || value === undefined || value === "") return true;
  if (Array.isArray(value)) return value.length === 0;
  return typeof value === "object" && Object.values(value).every(isEmpty);
}
