import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Problem, problem, stopsAll } from "../../src/core/codes.ts";
import { type Copy, judge } from "../../src/core/copies.ts";
import type { Reading } from "../../src/core/look.ts";
import type { Verb } from "../../src/core/request.ts";

interface Said {
  readonly own: boolean;
  readonly verb: Verb | null;
  readonly unclear?: boolean;
}

const UNCLEAR = [problem("frontmatter_invalid", 3)];

function reading(verb: Verb | null, problems: readonly Problem[] = []): Reading {
  return {
    verb: problems.length > 0 ? null : verb,
    via: verb === null ? null : "box",
    objects: verb !== null && verb !== "approve",
    said: verb,
    approvals: verb === "approve" ? [{ reviewer: null, via: "decision" }] : [],
    unrecorded: verb !== null,
    unticked: [],
    dropped: false,
    wordless: false,
    delegate_to: null,
    resolution: null,
    reviewer: null,
    reason: null,
    proposal: null,
    shown: null,
    outdated: false,
    problems,
    half_typed: false,
    fingerprint: `${verb}`,
    answer: "",
    asks_outcome: false,
    stale: false,
  };
}

function judged(said: readonly Said[]) {
  const copies = said.map(({ own, verb, unclear }, i): Copy => {
    return { file: `Pending_Approval/${i}.md`, own, reading: reading(verb, unclear ? UNCLEAR : []) };
  });
  const { reading: one, note } = judge(copies);
  return { verb: one.verb, codes: one.problems.map(({ code }) => code), note };
}

const own = (verb: Verb | null) => ({ own: true, verb });
const copy = (verb: Verb | null) => ({ own: false, verb });

describe("a request's files, judged together", () => {
  test.each<[string, Said[], Verb | null, string[]]>([
    ["a note alone says what it says", [own("approve")], "approve", []],
    ["a renamed note is the note", [copy("approve")], "approve", []],
    ["equal statements are one", [own("approve"), copy("approve")], "approve", []],
    ["a silent copy holds nothing up", [own("approve"), copy(null)], "approve", []],
    ["contrary statements decide nothing", [own("approve"), copy("reject")], null, ["copies_disagree"]],
    [
      "so do two noes of different kinds",
      [own("reject"), copy("request_changes")],
      null,
      ["copies_disagree"],
    ],
    ["an approval in a copy alone is asked about", [own(null), copy("approve")], null, ["copy_decides"]],
    ["a rejection counts wherever it is", [own(null), copy("reject")], "reject", []],
    ["two notes in two folders must both say yes", [own("approve"), own(null)], null, ["copy_decides"]],
    ["two renamed notes must both say yes", [copy("approve"), copy(null)], null, ["copy_decides"]],
  ])("%s", (_, said, verb, codes) => {
    expect(judged(said)).toMatchObject({ verb, codes });
  });

  test("an unclear copy holds an approval up, not a rejection", () => {
    const unclear = { own: false, verb: null, unclear: true };
    expect(judged([own("approve"), unclear])).toMatchObject({ verb: null, codes: ["frontmatter_invalid"] });
    expect(judged([own("reject"), unclear])).toMatchObject({ verb: "reject" });
  });

  test("the note is the one of the request's name that says something", () => {
    expect(judged([copy("approve"), own(null), own("approve")]).note).toBe(2);
    expect(judged([copy(null), own(null)]).note).toBe(1);
    expect(judged([copy(null), copy(null)]).note).toBe(0);
  });

  const said = fc.record({
    own: fc.boolean(),
    verb: fc.constantFrom<Verb | null>(null, "approve", "reject", "request_changes"),
    unclear: fc.boolean(),
  });

  test("are an approval only when every file that speaks says so, and none is unclear", () => {
    fc.assert(
      fc.property(fc.array(said, { minLength: 1, maxLength: 4 }), (files) => {
        const { verb } = judged(files);
        const spoken = files.filter((file) => !file.unclear && file.verb !== null);
        if (verb === "approve") {
          expect(spoken.every((file) => file.verb === "approve")).toBe(true);
          expect(files.some(({ unclear }) => unclear)).toBe(false);
        }
        if (verb === "reject") expect(spoken.every((file) => file.verb === "reject")).toBe(true);
        if (verb !== null) expect(spoken.length).toBeGreaterThan(0);
      }),
    );
  });

  test("whatever keeps a statement from counting is told", () => {
    fc.assert(
      fc.property(fc.array(said, { minLength: 2, maxLength: 4 }), (files) => {
        const copies = files.map((file, i) => ({
          file: `${i}`,
          own: file.own,
          reading: reading(file.verb, file.unclear ? UNCLEAR : []),
        }));
        const { reading: one } = judge(copies);
        const anything = copies.some((each) => each.reading.verb !== null);
        if (anything && one.verb === null) expect(one.problems.some(stopsAll)).toBe(true);
      }),
    );
  });
});
