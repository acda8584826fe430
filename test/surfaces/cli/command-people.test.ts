import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createPolicyReader } from "../../../src/adapters/policy-files.ts";
import { createKnownPeople } from "../../../src/application/known-people.ts";
import { createStage, type Stage } from "./stage.ts";

let stage: Stage;
beforeEach(() => {
  stage = createStage();
});
afterEach(() => stage.close());

const PEOPLE = `
persons:
  ada: { hours: office, absent: [{ from: 2026-12-21, until: 2026-12-27, stand_in: bob }] }
  bob: {}
groups:
  treasury: [ada, bob]
  on-call: { rota: { shift: 1w, starts: 2026-11-02T09:00, order: [ada, bob] } }
hours:
  office: { days: { mon-fri: 09:00-17:00 } }
`;

const write = (text: string) => writeFileSync(join(stage.root, "people.yaml"), text);

/** Runs with a configuration that names people.yaml, or without one. */
function run(argv: readonly string[], configured = true) {
  const read = createPolicyReader(stage.root);
  const file = { file: join(stage.root, "people.yaml"), read };
  const now = () => Date.parse("2026-11-23T10:00Z");
  const people = createKnownPeople({ configured: configured ? file : null, read, now });
  return stage.run(["people", ...argv], { deps: { openPeople: async () => people } });
}

describe("people check", () => {
  test("says what a valid file is, the configuration's or another", async () => {
    write(PEOPLE);
    const said = /people\.yaml is valid: 2 persons, 2 groups, sha256:[0-9a-f]{64}\n$/;
    expect(await run(["check"])).toMatchObject({ exit: 0, out: expect.stringMatching(said) });
    expect(await run(["check", "people.yaml"], false)).toMatchObject({
      exit: 0,
      out: expect.stringMatching(said),
    });
  });

  test("names every fault with file, line and hint, and ends with 2", async () => {
    write("persons:\n  ada: { nmae: x }\ngroups:\n  a: [cy]\n");
    const { exit, out } = await run(["check"]);
    expect(exit).toBe(2);
    expect(out).toContain(
      "people.yaml:2: there is no key persons.ada.nmae [unknown_key]\n  There are: names, ",
    );
    expect(out).toContain("people.yaml:4: the group a names cy [unknown_person]\n");
    expect(JSON.parse((await run(["check", "--json"])).out)).toMatchObject({
      ok: false,
      snapshot: null,
      findings: [{ code: "unknown_key" }, { code: "unknown_person" }],
    });
  });

  test.each([
    [["check", "nope.yaml"], true, "nope.yaml cannot be read"],
    [["check"], false, "The configuration names no people"],
    [["show"], false, "The configuration names no people"],
    [["show"], true, "cannot be read"],
  ])("%j without such a file ends with 2", async (argv, configured, message) => {
    expect(await run(argv, configured)).toMatchObject({ exit: 2, err: expect.stringContaining(message) });
  });
});

describe("people show", () => {
  beforeEach(() => write(PEOPLE));

  test("tells who is there now, and who is on duty", async () => {
    const { exit, out } = await run(["show"]);
    expect(exit).toBe(0);
    expect(out).toBe(
      [
        "At 2026-11-23T10:00:00.000Z",
        "Persons",
        "  ada       there, working",
        "  bob       there",
        "Groups",
        "  treasury  ada, bob",
        "  on-call   bob",
        "",
      ].join("\n"),
    );
  });

  test("tells who is absent at a time, and who stands in", async () => {
    const { out } = await run(["show", "--at", "2026-12-24T09:00:00+01:00"]);
    expect(out).toContain("ada       absent until 2026-12-28T00:00:00.000Z, bob stands in");
    const json = JSON.parse((await run(["show", "--at", "2026-10-24T20:00:00Z", "--json"])).out);
    expect(json).toEqual({
      at: "2026-10-24T20:00:00.000Z",
      persons: [
        { name: "ada", absent_until: null, stand_in: null, working: false },
        { name: "bob", absent_until: null, stand_in: null, working: null },
      ],
      groups: [
        { name: "treasury", members: ["ada", "bob"] },
        { name: "on-call", members: [] },
      ],
    });
  });

  test("takes no time without its zone, and no broken file", async () => {
    expect((await run(["show", "--at", "2026-12-24T09:00"])).exit).toBe(2);
    write("persons: []\n");
    expect(await run(["show"])).toMatchObject({ exit: 2, err: expect.stringContaining("people.yaml:1") });
  });
});
