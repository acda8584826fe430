import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ERRORS } from "../../../src/core/codes/errors.ts";
import { REFUSALS } from "../../../src/core/codes/refusals.ts";
import { Fault } from "../../../src/core/codes.ts";
import type { Status } from "../../../src/core/request.ts";
import { EXIT, exitOfCode } from "../../../src/surfaces/cli/exit-codes.ts";
import { ID, view } from "../fake-application.ts";
import { createStage, type Stage } from "./stage.ts";

let stage: Stage;
beforeEach(() => {
  stage = createStage();
});
afterEach(async () => {
  await stage.close();
  expect(stage.bugs).toEqual([]);
});

describe("exit codes", () => {
  test("are the documented ones", () => {
    expect(EXIT).toEqual({
      done: 0,
      internal: 1,
      bad_input: 2,
      rejected: 3,
      expired: 4,
      changes_requested: 5,
      failed: 6,
      outcome_unknown: 7,
      denied: 8,
      cancelled: 9,
      refused: 10,
      unreachable: 69,
      still_pending: 75,
    });
  });

  test.each<[Status, number]>([
    ["executed", 0],
    ["rejected", 3],
    ["expired", 4],
    ["changes_requested", 5],
    ["failed", 6],
    ["outcome_unknown", 7],
    ["denied", 8],
    ["cancelled", 9],
  ])("a wait that ends in %s gives %i", async (status, code) => {
    await stage.serve({ wait: async () => view({ status }) });
    expect((await stage.run(["wait", ID])).exit).toBe(code);
    expect((await stage.run(["request", "--kind", "payment", "--wait", "--json"])).exit).toBe(code);
  });

  test("every fault has one, refusals 10 except for an unknown id", () => {
    for (const code of [...Object.keys(ERRORS), ...Object.keys(REFUSALS)] as Fault["code"][]) {
      expect(Object.values(EXIT)).toContain(exitOfCode(code));
    }
    for (const code of Object.keys(REFUSALS) as Fault["code"][]) {
      expect(exitOfCode(code)).toBe(code === "not_found" ? 2 : 10);
    }
  });

  test.each([
    ["unknown_kind", 2],
    ["invalid_params", 2],
    ["key_reused", 2],
    ["storage_failed", 1],
  ] as const)(
    "a submission that is answered with %s gives %i, with sentence and hint",
    async (code, exit) => {
      await stage.serve({
        submit: async () => {
          throw new Fault(code, "What is wrong.", "What to do.");
        },
      });
      const found = await stage.run(["request", "--kind", "payment"]);
      expect(found).toEqual({ exit, out: "", err: "countersign: What is wrong.\nWhat to do.\n" });
      const json = await stage.run(["request", "--kind", "payment", "--json"]);
      expect(json).toEqual({
        exit,
        out: `${JSON.stringify({ error: { code, message: "What is wrong.", hint: "What to do." } })}\n`,
        err: "",
      });
    },
  );

  test("without a daemon every question gives 69", async () => {
    for (const argv of [
      ["request", "--kind", "a"],
      ["list"],
      ["show", ID],
      ["approve", ID],
      ["cancel", ID],
      ["halt"],
    ]) {
      const found = await stage.run(argv);
      expect(found).toMatchObject({ exit: 69, out: "" });
      expect(found.err).toMatch(
        /^countersign: No daemon is running.*\nStart it with `countersign start`\.\n$/,
      );
    }
    expect(JSON.parse((await stage.run(["request", "--kind", "a", "--wait", "--json"])).out)).toMatchObject({
      error: { code: "unreachable" },
    });
  });
});

describe("a wrong command line", () => {
  test.each([
    [["frobnicate"], /Unknown command 'frobnicate'/],
    [["lits"], /Did you mean list\?/],
    [["list", "--colour"], /Unknown option '--colour'/],
    [["list", "extra"], /Too many arguments/],
    [["list", "--status", "odd"], /Allowed choices are pending, approved/],
    [["show"], /Missing required argument 'id'/],
    [["request"], /Required option '--kind <kind>'/],
    [["request", "--kind", "a", "--param", "noequals"], /not of the form name=value/],
    [["request", "--kind", "a", "--param", "=x"], /not of the form name=value/],
    [["request", "--kind", "a", "--param", "n=1", "--param", "n=2"], /given twice/],
    [["request", "--kind", "a", "--expires", "soon"], /Expected a duration such as/],
    [["request", "--kind", "a", "--timeout", "5s"], /there is no --wait/],
    [["request", "--kind", "a", "--params", "/nowhere/x.json"], /cannot be read/],
    [["wait", ID, "--timeout", "0s"], /longer than 0s/],
    [["resolve", ID], /Exactly one of --happened and --did-not/],
    [["resolve", ID, "--happened", "--did-not"], /Exactly one of/],
    [["complete", ID], /Exactly one of --result, --failed and --unknown/],
    [["complete", ID, "--failed", "no", "--unknown", "cut off"], /Exactly one of/],
    [["audit"], /Which command of audit\?/],
    [["audit", "log", "--event", "odd"], /Allowed choices/],
    [["audit", "log", "--since", "yesterday"], /Expected 2026-11-21/],
    [["audit", "log", "--since", "2026-11-21T10:00"], /Expected 2026-11-21/],
    [[], /No command is given/],
  ])("%j gives 2, one sentence and a hint", async (argv, message) => {
    await stage.serve();
    const plain = await stage.run(argv);
    expect(plain).toMatchObject({ exit: 2, out: "" });
    expect(plain.err).toMatch(message);
    expect(plain.err.trimEnd().split("\n")).toHaveLength(2);
    const json = await stage.run([...argv, "--json"]);
    expect(json).toMatchObject({ exit: 2, err: "" });
    expect(JSON.parse(json.out)).toMatchObject({ error: { code: "usage" } });
  });

  test.each([
    ["n:={", /--param n: Line 1/],
    ["n:=9007199254740993", /outside/],
    ['n:={"a":1,"a":2}', /twice/],
  ])("--param %s is refused before it is sent", async (param, message) => {
    const application = await stage.serve();
    const found = await stage.run(["request", "--kind", "a", "--param", param]);
    expect(found.exit).toBe(2);
    expect(found.err).toMatch(message);
    expect(application.calls).toEqual([]);
  });
});

describe("global options", () => {
  test.each([
    [["--vault", "/v", "--json", "list"]],
    [["list", "--vault", "/v", "--json"]],
    [["--json", "list", "--all", "--vault=/v"]],
  ])("%j says the same", async (argv) => {
    await stage.serve();
    const seen: unknown[] = [];
    const locate = async (options: object) => {
      seen.push(options);
      return { ...stage, vault: stage.root, pins: stage.root };
    };
    const found = await stage.run(argv, { deps: { locate } });
    expect(JSON.parse(found.out)).toEqual({ requests: [view()], next: null });
    expect(seen).toEqual([{ vault: "/v", json: true }]);
  });
});

test.each([
  ["init"],
  ["start"],
  ["request"],
  ["wait"],
  ["show"],
  ["list"],
  ["approve"],
  ["reject"],
  ["request-changes"],
  ["resolve"],
  ["halt"],
  ["resume"],
  ["cancel"],
  ["claim"],
  ["complete"],
  ["audit", "log"],
  ["audit", "verify"],
  ["grant", "verify"],
])("%s %s --help shows an example", async (...argv: (string | undefined)[]) => {
  const words = argv.filter((word) => typeof word === "string" && word !== "");
  const { exit, out } = await stage.run([...(words as string[]), "--help"]);
  expect(exit).toBe(0);
  expect(out).toContain(`Example:\n  countersign ${words.join(" ")}`);
});

test("init touches Obsidian's own settings only when it is asked to", async () => {
  const asked: unknown[] = [];
  const init = async ({ obsidian }: { obsidian?: boolean }) => {
    asked.push(obsidian);
    return { vault: "/v", configuration: "/c", made: [], kept: [] };
  };
  await stage.run(["init"], { deps: { init } });
  await stage.run(["init", "--obsidian"], { deps: { init } });
  expect(asked).toEqual([false, true]);
});

test("what is no fault is left to the one catch", async () => {
  const init = async () => {
    throw new TypeError("a bug");
  };
  await expect(stage.run(["init"], { deps: { init } })).rejects.toThrow("a bug");
});
