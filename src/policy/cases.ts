import type { Finding } from "../core/codes.ts";
import type { Json, JsonObject } from "../core/json.ts";
import { type Fields, fieldsAt, isMap, openSheet, type Sheet, shown } from "../document/fields.ts";
import { exact } from "./exact.ts";
import { drawn, judge } from "./judge.ts";
import { usedBy } from "./limits.ts";
import { type Policy, RISKS, type Risk, type Subject, VERDICTS, type Verdict } from "./policy.ts";

/** One thing to try a policy with, and what it should say. */
export interface Case {
  readonly name: string;
  readonly line: number;
  readonly subject: Omit<Subject, "tags">;
  /** Tags besides those that the configuration gives the kind. */
  readonly tags: readonly string[];
  /** The request's digest, where the sample matters. */
  readonly digest: string | null;
  /** What counts towards limits besides, by their ids; nothing where that is not said. */
  readonly used: Readonly<Record<string, unknown>>;
  readonly expect: Expected;
}

/** What is not said is not compared. */
interface Expected {
  readonly verdict: Verdict | null;
  /** A rule's id; null for the default. */
  readonly rule?: string | null;
  readonly risk: Risk | null;
}

export interface CaseResult {
  readonly name: string;
  readonly line: number;
  readonly ok: boolean;
  readonly expected: string;
  readonly found: string;
}

const CASE_KEYS = [
  "name",
  "kind",
  "params",
  "requester",
  "on_behalf_of",
  "key",
  "tags",
  "risk",
  "now",
  "digest",
  "used",
  "expect",
];

/** Reads a file of cases; with any finding it is not to be used. `now` is for the cases that do not say when. */
export function readCases(
  file: string,
  text: string,
  now: number,
): { cases: readonly Case[]; findings: readonly Finding[] } {
  const findings: Finding[] = [];
  const sheet = openSheet(file, text, findings);
  if (sheet === null) return { cases: [], findings };
  const root = fieldsAt(sheet, [], ["cases"]);
  const cases = (root?.maps("cases") ?? []).flatMap((fields) => readCase(sheet, fields, now) ?? []);
  // A file that tries nothing would always pass.
  if (root !== null && cases.length === 0 && findings.length === 0) {
    root.report("key_missing", null, "there are no cases", "Write a list under `cases:`.");
  }
  return { cases, findings };
}

/** What the policy says of a case, held against what it should say. */
export function runCase(policy: Policy, given: Case, configured: readonly string[]): CaseResult {
  const subject = { ...given.subject, tags: [...configured, ...given.tags] };
  const judgement = judge(policy, subject, usedBy(given.used));
  const found = given.digest === null ? judgement : drawn(judgement, given.digest);
  const { name, line, expect } = given;
  const ok =
    (expect.verdict === null || expect.verdict === found.verdict) &&
    (expect.rule === undefined || expect.rule === found.rule) &&
    (expect.risk === null || expect.risk === found.risk.level);
  const risk = (level: Risk | null) => (expect.risk === null ? "" : `, risk ${level}`);
  const rule =
    expect.rule === undefined ? "" : ` by ${expect.rule === null ? "default" : `rule ${expect.rule}`}`;
  return {
    name,
    line,
    ok,
    expected: `${expect.verdict ?? "any verdict"}${rule}${risk(expect.risk)}`,
    found: `${found.verdict} by ${found.rule === null ? "default" : `rule ${found.rule}`}${risk(found.risk.level)}`,
  };
}

function readCase(sheet: Sheet, given: Fields, now: number): Case | null {
  const fields = fieldsAt(sheet, given.path, CASE_KEYS) ?? given;
  const kind = fields.text("kind");
  if (!fields.has("kind")) fields.report("key_missing", null, "a case has no kind");
  const params = fields.has("params") ? fields.value("params") : {};
  if (!isMap(params)) {
    fields.report("wrong_value", "params", `params is ${shown(params)}`, "Expected: a map.");
    return null;
  }
  const used = readUsed(fields);
  const at = readTime(fields, now);
  const expect = readExpected(sheet, fields);
  if (kind === null || expect === null) return null;
  const risk = fields.word("risk", RISKS);
  return {
    name: fields.text("name") ?? `${kind} in line ${fields.lineOf("kind")}`,
    line: fields.lineOf("name"),
    subject: {
      kind,
      params: params as JsonObject,
      requester: fields.text("requester") ?? "agent",
      on_behalf_of: fields.text("on_behalf_of"),
      key: fields.text("key"),
      created: at,
      now: at,
      ...(risk !== null && { risk }),
    },
    tags: fields.texts("tags") ?? [],
    digest: fields.text("digest"),
    used,
    expect,
  };
}

function readUsed(fields: Fields): Readonly<Record<string, unknown>> {
  const used = fields.map("used");
  const found: Record<string, unknown> = {};
  for (const id of used?.keys ?? []) {
    const value = used?.value(id);
    if (exact(value) === null) {
      used?.report("wrong_value", id, `used.${id} is ${shown(value)}`, "Expected: a number from 0.");
    }
    found[id] = value;
  }
  return found;
}

function readTime(fields: Fields, now: number): number {
  const text = fields.text("now");
  if (text === null) return now;
  const at = parseInstant(text);
  if (at !== null) return at;
  fields.report(
    "wrong_value",
    "now",
    `now is ${shown(text)}`,
    "Expected: a time such as 2026-11-21T09:14:03Z.",
  );
  return now;
}

/** A time with its zone, in ms since 1970; null for anything else. */
function parseInstant(text: string): number | null {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)$/.test(text)) return null;
  const at = Date.parse(text);
  return Number.isNaN(at) ? null : at;
}

function readExpected(sheet: Sheet, fields: Fields): Expected | null {
  if (!fields.has("expect")) {
    fields.report("key_missing", null, "a case does not say what to expect");
    return null;
  }
  if (!isMap(fields.value("expect"))) {
    return { verdict: fields.word("expect", VERDICTS), risk: null };
  }
  const expect = fieldsAt(sheet, [...fields.path, "expect"], ["verdict", "rule", "risk"]);
  if (expect === null) return null;
  const rule: Json | undefined = expect.has("rule") ? (expect.value("rule") as Json) : undefined;
  if (rule !== undefined && rule !== null && typeof rule !== "string") {
    expect.report(
      "wrong_value",
      "rule",
      `rule is ${shown(rule)}`,
      "Expected: a rule's id, or null for the default.",
    );
    return null;
  }
  if (!expect.has("verdict") && rule === undefined && !expect.has("risk")) {
    expect.report("key_missing", null, "expect says nothing");
  }
  return {
    verdict: expect.word("verdict", VERDICTS),
    risk: expect.word("risk", RISKS),
    ...(rule !== undefined && { rule }),
  };
}
