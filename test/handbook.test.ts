import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { ERRORS } from "../src/core/codes/errors.ts";
import { FINDINGS } from "../src/core/codes/findings.ts";
import { PROBLEMS } from "../src/core/codes/problems.ts";
import { REFUSALS } from "../src/core/codes/refusals.ts";
import { STATUSES } from "../src/core/request.ts";
import * as people from "../src/people/keys.ts";
import { loadPeople } from "../src/people/load.ts";
import {
  APPROVAL_KEYS,
  CONSTRAINT_KEYS,
  FACTOR_KEYS,
  FILE_KEYS,
  LIMIT_KEYS,
  MATCH_KEYS,
  RULE_KEYS,
} from "../src/policy/keys.ts";
import { loadPolicy } from "../src/policy/load.ts";

const HANDBOOK = new URL("../vault/Handbook.md", import.meta.url);

/** `UPDATE_DOCS=1 npm test` writes the tables anew; without it the test holds the handbook against the code. */
test.each([
  ["a row for every code, with the same words", "codes", tables],
  ["a row for every key of a policy, with the same words", "policy keys", policyTables],
  ["a row for every key of the people's file, with the same words", "people keys", peopleTables],
])("the handbook has %s", (_, name, render) => {
  const [begin, end] = [`<!-- ${name}: begin -->`, `<!-- ${name}: end -->`];
  const handbook = readFileSync(HANDBOOK, "utf8");
  const [before = "", rest = ""] = handbook.split(begin);
  const [, after = ""] = rest.split(end);
  const wanted = `${before}${begin}\n${render()}\n${end}${after}`;
  if (process.env.UPDATE_DOCS === "1") writeFileSync(HANDBOOK, wanted);
  expect(readFileSync(HANDBOOK, "utf8")).toBe(wanted);
});

test("the handbook explains every status", () => {
  const handbook = readFileSync(HANDBOOK, "utf8");
  for (const status of STATUSES) expect(handbook).toContain(`| \`${status}\` |`);
});

function tables(): string {
  const groups: [string, Record<string, { means: string; hint: string }>][] = [
    ["In a note", PROBLEMS],
    ["When something is asked that cannot be", REFUSALS],
    ["In a policy, or in `people.yaml`", FINDINGS],
    ["For whoever runs Countersign", ERRORS],
  ];
  return groups
    .map(([heading, codes]) => {
      const rows = Object.entries(codes).map(
        ([code, { means, hint }]) => `| \`${code}\` | ${means} | ${hint} |`,
      );
      return `### ${heading}\n\n| code | meaning | what to do |\n| --- | --- | --- |\n${rows.join("\n")}\n`;
    })
    .join("\n");
}

type Keys = Readonly<Record<string, readonly [string, string]>>;

function policyTables(): string {
  return keyTables([
    ["The file", FILE_KEYS],
    ["A risk factor", FACTOR_KEYS],
    ["`match`", MATCH_KEYS],
    ["A rule", RULE_KEYS],
    ["`constraints`", CONSTRAINT_KEYS],
    ["A rule that asks a person", APPROVAL_KEYS],
    ["A limit", LIMIT_KEYS],
  ]);
}

function peopleTables(): string {
  return keyTables([
    ["The file of people", people.FILE_KEYS],
    ["A person", people.PERSON_KEYS],
    ["An absence", people.ABSENCE_KEYS],
    ["A rota", people.ROTA_KEYS],
    ["Hours", people.HOURS_KEYS],
  ]);
}

function keyTables(groups: readonly (readonly [heading: string, keys: Keys])[]): string {
  return groups
    .map(([heading, keys]) => {
      const rows = Object.entries(keys).map(([key, [takes, says]]) => `| \`${key}\` | ${takes} | ${says} |`);
      return `### ${heading}\n\n| key | takes | says |\n| --- | --- | --- |\n${rows.join("\n")}\n`;
    })
    .join("\n");
}

test("the handbook's policy is valid", () => {
  const [, section = ""] = readFileSync(HANDBOOK, "utf8").split("## Policy files");
  const text = /```yaml\n([\s\S]*?)```/.exec(section)?.[1] ?? "missing: true";
  const read = (name: string) => ({ id: name, name, text });
  expect(loadPolicy("policy.yaml", read, { kinds: null, people: null }).findings).toEqual([]);
});

test("the handbook's people are valid, and on duty as it says", () => {
  const [, section = ""] = readFileSync(HANDBOOK, "utf8").split("## People");
  const text = /```yaml\n([\s\S]*?)```/.exec(section)?.[1] ?? "missing: true";
  const { people: found, findings } = loadPeople("people.yaml", text);
  expect(findings).toEqual([]);
  expect(found?.find("Countess")).toBe("ada");
  expect(found?.members("on-call", Date.parse("2026-11-09T08:00Z"))).toEqual(["cy"]);
});
