import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { TRANSITIONS } from "../src/core/transitions.ts";

const README = new URL("../README.md", import.meta.url);
const [BEGIN, END] = ["<!-- diagram: begin -->", "<!-- diagram: end -->"];

/** `UPDATE_DOCS=1 npm test` draws the diagram anew; without it the test holds the README against the table. */
test("the README's diagram is the table of transitions", () => {
  const readme = readFileSync(README, "utf8");
  const [before = "", rest = ""] = readme.split(BEGIN);
  const [, after = ""] = rest.split(END);
  const wanted = `${before}${BEGIN}\n${diagram()}\n${END}${after}`;
  if (process.env.UPDATE_DOCS === "1") writeFileSync(README, wanted);
  expect(readFileSync(README, "utf8")).toBe(wanted);
});

/** Without what does not change the status: a refusal, a reason typed later, the move to `Done`. */
function diagram(): string {
  const edges = Object.entries(TRANSITIONS).flatMap(([from, row]) => {
    const targets = Map.groupBy(Object.entries(row), ([, to]) => to);
    return [...targets].flatMap(([to, events]) => {
      if (from === to) return [];
      const names = events.map(([event]) => event.replaceAll("_", " ")).join(", ");
      return [`  ${from === "none" ? "[*]" : from} --> ${to}: ${names}`];
    });
  });
  const ends = Object.entries(TRANSITIONS)
    .filter(([from, row]) => Object.values(row).every((to) => to === from))
    .map(([status]) => `  ${status} --> [*]`);
  return ["```mermaid", "stateDiagram-v2", ...edges, ...ends, "```"].join("\n");
}
