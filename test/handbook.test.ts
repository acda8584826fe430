import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { ERRORS, FINDINGS, PROBLEMS, REFUSALS } from "../src/core/codes.ts";
import { STATUSES } from "../src/core/request.ts";

const HANDBOOK = new URL("../vault/Handbook.md", import.meta.url);
const [BEGIN, END] = ["<!-- codes: begin -->", "<!-- codes: end -->"];

/** `UPDATE_DOCS=1 npm test` writes the table anew; without it the test holds the handbook against the code. */
test("the handbook has a row for every code, with the same words", () => {
  const handbook = readFileSync(HANDBOOK, "utf8");
  const [before = "", rest = ""] = handbook.split(BEGIN);
  const [, after = ""] = rest.split(END);
  const wanted = `${before}${BEGIN}\n${tables()}\n${END}${after}`;
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
    ["In a policy", FINDINGS],
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
