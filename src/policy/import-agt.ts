import type { Finding } from "../core/codes.ts";
import { type Fields, fieldsAt, openSheet, type Sheet, shown } from "../document/fields.ts";
import { type Imported, type ImportedRule, KIND, renderImported } from "./imported.ts";
import { inOrder } from "./policy.ts";

const POLICY_KEYS = [
  "apiVersion",
  "version",
  "name",
  "description",
  "agent",
  "agents",
  "scope",
  "extends",
  "default_action",
  "rules",
  "created_at",
  "updated_at",
];
const RULE_KEYS = [
  "name",
  "description",
  "condition",
  "action",
  "approvers",
  "priority",
  "enabled",
  "stage",
  "limit",
];
const ACTIONS = ["allow", "deny", "require_approval", "warn", "log"] as const;

/**
 * A policy of the Agent Governance Toolkit (`apiVersion: governance.toolkit/v1`) in our form. That toolkit takes a
 * condition that it does not understand for false, without a word; here every such condition is a finding.
 */
export function importAgt(file: string, text: string): Imported {
  const findings: Finding[] = [];
  const sheet = openSheet(file, text, findings);
  if (sheet === null) return { text: null, findings };
  const policy = fieldsAt(sheet, [], POLICY_KEYS);
  if (policy === null) return { text: null, findings };
  refusePolicy(policy);
  const otherwise = policy.word("default_action", ["allow", "deny"]) ?? "deny";
  const disabled: string[] = [];
  const rules = (policy.maps("rules") ?? []).flatMap((given) => readRule(sheet, given, disabled) ?? []);
  if (findings.length > 0) return { text: null, findings };
  const header = [
    `Imported from ${oneLine(file)}${policy.has("name") ? `, the policy ${shown(policy.value("name"))}` : ""}`,
    "of the Agent Governance Toolkit. There the first rule that matched decided, highest priority first.",
    "action.type and tool_name are the action's kind here; all else that conditions read is read from its params.",
    ...disabled,
  ];
  const ordered = inOrder(rules.map((rule) => ({ ...rule, priority: rule.priority ?? 0 })));
  return { text: renderImported(header, otherwise, ordered), findings };
}

function refusePolicy(policy: Fields): void {
  const no = (key: string, message: string) => policy.report("not_carried_over", key, message);
  if (policy.value("apiVersion") !== "governance.toolkit/v1") {
    no("apiVersion", `apiVersion is ${shown(policy.value("apiVersion"))}, not governance.toolkit/v1`);
  }
  const agents = [policy.value("agents") ?? []].flat();
  if (agents.some((agent) => agent !== "*") || policy.value("agent") !== null) {
    no("agents", "the policy is for some agents only, and default_action with it");
  }
  if ((policy.value("scope") ?? "global") !== "global") no("scope", "the scope is not global");
  if ([policy.value("extends") ?? []].flat().length > 0) {
    no("extends", "what it extends must be imported by itself");
  }
}

function readRule(sheet: Sheet, given: Fields, disabled: string[]): ImportedRule | null {
  const fields = fieldsAt(sheet, given.path, RULE_KEYS) ?? given;
  const name = fields.text("name");
  if (!fields.has("name")) fields.report("key_missing", null, "a rule has no name");
  if (fields.value("enabled") === false) {
    disabled.push(`Left out, since it was switched off: ${shown(name)} in line ${fields.lineOf("name")}.`);
    return null;
  }
  const no = (key: string, message: string) => fields.report("not_carried_over", key, message);
  if ((fields.value("stage") ?? "pre_tool") !== "pre_tool") {
    no(
      "stage",
      `the rule is for ${shown(fields.value("stage"))}, and only what is about to be done is judged`,
    );
  }
  if (fields.value("limit") !== null) no("limit", "a rate limit has no form here");
  const action = fields.has("action") ? fields.word("action", ACTIONS) : "deny";
  if (action === "warn" || action === "log") no("action", `${action} neither allows nor denies`);
  const condition = readCondition(fields);
  const priority = fields.has("priority") ? fields.value("priority") : 0;
  if (!Number.isSafeInteger(priority))
    fields.report("wrong_value", "priority", "priority is no whole number");
  const approvers = [fields.value("approvers") ?? []].flat().map(String);
  if (approvers.length > 0 && action !== "require_approval") {
    no("approvers", `approvers of ${String(action)} would do nothing`);
  }
  if (name === null || condition === null || action === null || action === "warn" || action === "log")
    return null;
  return {
    id: idOf(name),
    line: fields.lineOf("name"),
    priority: Number(priority),
    ...condition,
    tags: null,
    decision: action,
    reason: fields.text("description"),
    approvers: approvers.length > 0 ? approvers : null,
    constraints: null,
  };
}

type Condition = Pick<ImportedRule, "kinds" | "when">;

/** The condition in our form: kinds where it is about nothing else. */
function readCondition(fields: Fields): Condition | null {
  const text = fields.value("condition");
  if (typeof text !== "string") {
    fields.report("not_carried_over", "condition", `the condition is ${shown(text)}, not a text`);
    return null;
  }
  const read = translate(text.trim());
  if ("when" in read) return read;
  fields.report(
    "not_carried_over",
    "condition",
    `the condition ${shown(text)} is not understood: ${read.because}`,
  );
  return null;
}

const PATH = "([A-Za-z_]\\w*(?:\\.[A-Za-z_]\\w*)*)";
const STRING = `(?:'([^'"]+)'|"([^'"]+)")`;
const EQUAL = new RegExp(`^${PATH}\\s*(==|!=)\\s*${STRING}$`);
const LIST = new RegExp(`^${PATH}\\s+in\\s+\\[([^\\]]*)\\]$`);
const COMPARED = new RegExp(`^${PATH}\\s*(>=|<=|>|<)\\s*(\\d+(?:\\.\\d+)?)$`);
const PLAIN = new RegExp(`^${PATH}$`);

function translate(text: string): Condition | { because: string } {
  // The toolkit splits at these words first, also inside quotes; what it makes of that is not what was meant.
  const quoted = text.match(/'[^']*'|"[^"]*"/g) ?? [];
  if (quoted.some((one) => / (or|and) /.test(one)))
    return { because: "a text in quotes holds “or” or “and”" };
  const ways = text.split(" or ").map((way) => way.split(" and ").map((part) => readPart(part.trim())));
  for (const part of ways.flat()) if ("because" in part) return part;
  const parts = ways as Part[][];
  const only = parts.length === 1 && parts[0]?.length === 1 ? parts[0][0] : undefined;
  if (only?.kinds !== undefined) return { kinds: only.kinds, when: null };
  const joined = parts.map((way) => way.map(({ when }) => when).join(" && "));
  return {
    kinds: null,
    when: joined.length === 1 ? (joined[0] ?? "") : joined.map((one) => `(${one})`).join(" || "),
  };
}

interface Part {
  readonly when: string;
  readonly kinds?: readonly string[];
}

function readPart(text: string): Part | { because: string } {
  const [, equalPath, sign, single, double] = EQUAL.exec(text) ?? [];
  if (equalPath !== undefined) return compare(equalPath, sign === "!=", [single ?? double ?? ""]);
  const [, listPath, items] = LIST.exec(text) ?? [];
  if (listPath !== undefined) {
    const values = (items ?? "")
      .split(",")
      .map((item) => item.trim())
      .filter((item) => item !== "");
    if (!values.every((item) => new RegExp(`^${STRING}$`).test(item)))
      return { because: "the list holds more than texts" };
    return compare(
      listPath,
      false,
      values.map((item) => item.slice(1, -1)),
    );
  }
  const [, comparedPath, operator, number] = COMPARED.exec(text) ?? [];
  if (comparedPath !== undefined) {
    const place = placeOf(comparedPath);
    if (typeof place === "string") return { because: place };
    if (place.has === null) return { because: "the kind is no number" };
    const value = `(${place.has} ? double(${place.path}) : 0.0)`;
    return { when: `${value} ${operator} ${number?.includes(".") ? number : `${number}.0`}` };
  }
  const [, plainPath] = PLAIN.exec(text) ?? [];
  if (plainPath === undefined) return { because: `${shown(text)} has no form that the toolkit knows either` };
  const place = placeOf(plainPath);
  if (typeof place === "string") return { because: place };
  // What counts as true in Python.
  const falsy = '[dyn(false), dyn(null), dyn(0), dyn(""), dyn([]), dyn({})]';
  return { when: place.has === null ? "true" : `(${place.has} && !(${place.path} in ${falsy}))` };
}

function compare(path: string, negated: boolean, values: readonly string[]): Part | { because: string } {
  const place = placeOf(path);
  if (typeof place === "string") return { because: place };
  const list = values.map((value) => JSON.stringify(value));
  const is = values.length === 1 ? `${place.path} == ${list[0]}` : `${place.path} in [${list.join(", ")}]`;
  if (place.has !== null) return { when: negated ? `!(${place.has} && ${is})` : `(${place.has} && ${is})` };
  const odd = values.find((value) => !KIND.test(value));
  if (odd !== undefined) return { because: `${shown(odd)} cannot be the name of a kind` };
  return negated ? { when: `!(${is})` } : { when: is, kinds: values };
}

/** Where a path of the toolkit's context is found here, and how to ask whether it is there; null for the kind. */
function placeOf(path: string): { path: string; has: string | null } | string {
  if (path === "action.type" || path === "tool_name") return { path: "action.kind", has: null };
  const parts = path.split(".");
  if (parts[0] === "action") return `${path} is no param; of the action only action.type is known`;
  if (/^agent/.test(parts[0] ?? "")) return `${path} is about the agent, which is known by its name only`;
  // The toolkit's wrapper hands over each argument as {value: …}.
  const names = parts.length === 2 && parts[1] === "value" ? [parts[0] ?? ""] : parts;
  const paths = names.map((_, at) => ["params", ...names.slice(0, at + 1)].join("."));
  return { path: paths.at(-1) ?? "", has: paths.map((one) => `has(${one})`).join(" && ") };
}

/** The rule's name as an id. */
export function idOf(name: string): string {
  return (
    name
      .replaceAll(/[^A-Za-z0-9._-]+/g, "-")
      .replace(/^[^A-Za-z0-9]+/, "")
      .slice(0, 64) || "rule"
  );
}

/** A text that ends no comment. */
export function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]/gu, " ");
}
