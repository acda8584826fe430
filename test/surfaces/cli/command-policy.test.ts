import { symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createPolicyReader } from "../../../src/adapters/policy-files.ts";
import { createPolicies, type PolicyKind } from "../../../src/application/policies.ts";
import type { Event } from "../../../src/core/event.ts";
import type { PeopleForRules } from "../../../src/policy/policy.ts";
import type { AuditRecord } from "../../../src/surfaces/cli/context.ts";
import { peopleOf } from "../../policy/stage.ts";
import { createStage, type Stage } from "./stage.ts";

let stage: Stage;
beforeEach(() => {
  stage = createStage();
});
afterEach(() => stage.close());

const PAYMENT: PolicyKind = {
  params: { type: "object", properties: { amount: { type: "number" } } },
  tags: ["money"],
  expires_ms: 3_600_000,
  check: ({ amount }) =>
    amount === undefined || typeof amount === "number" ? [] : ["params.amount must be number"],
};

const POLICY = `extends: base.yaml
rules:
  - { id: large, when: "params.amount >= 500", decision: require_approval, approvers: treasury, reason: Large. }
  - { id: small, decision: allow, sample: 50% }
`;

function write(files: Record<string, string>): void {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(stage.root, name), text);
}

/** Runs in the stage's folder, with or without a configuration. */
function run(
  argv: readonly string[],
  given: {
    kinds?: boolean;
    people?: PeopleForRules;
    services?: ReadonlySet<string>;
    records?: readonly AuditRecord[];
  } = {},
) {
  const kinds = given.kinds === false ? null : new Map([["payment", PAYMENT]]);
  const policies = createPolicies({
    read: createPolicyReader(stage.root),
    kinds,
    people: given.people ?? null,
    services: given.services ?? null,
    now: () => 0,
  });
  return stage.run(["policy", ...argv], {
    deps: {
      openPolicies: async () => policies,
      async *readAudit() {
        yield* given.records ?? [];
      },
    },
  });
}

describe("policy check", () => {
  test("knows the configuration's services", async () => {
    const rule =
      "{ id: a, decision: require_approval, approvers: [{ of: fraud-check, quorum: 1, kind: service }], reason: Because. }";
    write({ "policy.yaml": `rules:\n  - ${rule}\n` });
    const known = await run(["check", "policy.yaml"], { services: new Set(["fraud-check"]) });
    expect(known.exit).toBe(0);
    const unknown = await run(["check", "policy.yaml"], { services: new Set(["other"]) });
    expect(unknown.exit).toBe(2);
    expect(unknown.out).toContain("a names the service fraud-check [unknown_service]");
  });

  test("says what a valid policy is", async () => {
    write({ "policy.yaml": POLICY.replace("approvers: treasury, ", ""), "base.yaml": "default: deny" });
    const { exit, out } = await run(["check", "policy.yaml"]);
    expect(exit).toBe(0);
    expect(out).toMatch(/^policy\.yaml is valid: 2 rules, sha256:[0-9a-f]{64}\n$/);
    expect((await run(["check", "policy.yaml"], { kinds: false })).out).toContain("no configuration");
  });

  test("names every fault with file, line and hint, and ends with 2", async () => {
    write({ "policy.yaml": POLICY, "base.yaml": "default: no\nrulez: []" });
    const { exit, out } = await run(["check", "policy.yaml"]);
    expect(exit).toBe(2);
    expect(out).toContain("base.yaml:1: default is");
    expect(out).toContain("base.yaml:2: there is no key rulez [unknown_key]\n  There are: extends, ");
    const json = JSON.parse((await run(["check", "policy.yaml", "--json"])).out);
    expect(json).toMatchObject({
      ok: false,
      snapshot: null,
      findings: [{ code: "wrong_value", line: 1 }, {}],
    });
  });

  test("holds names against the people that are known", async () => {
    write({ "policy.yaml": POLICY, "base.yaml": "default: deny" });
    const { exit, out } = await run(["check", "policy.yaml"], { people: peopleOf({ compliance: ["anna"] }) });
    expect(exit).toBe(2);
    expect(out).toContain("policy.yaml:3: large names treasury [unknown_person]");
    const known = peopleOf({ treasury: ["anna"] });
    expect((await run(["check", "policy.yaml"], { people: known })).exit).toBe(0);
  });

  test("a file that is not there is told in one sentence", async () => {
    expect(await run(["check", "nope.yaml"])).toMatchObject({
      exit: 2,
      err: expect.stringMatching(/^countersign: nope\.yaml cannot be read: it is not there\.\n/),
    });
  });

  test("gives the same snapshot under another path", async () => {
    write({ "policy.yaml": POLICY, "base.yaml": "" });
    symlinkSync(stage.root, join(stage.root, "again"));
    const one = JSON.parse((await run(["check", "policy.yaml", "--json"])).out);
    const two = JSON.parse((await run(["check", "again/policy.yaml", "--json"])).out);
    expect(two.snapshot).toBe(one.snapshot);
    expect(one.files).toEqual(["base.yaml", "policy.yaml"]);
  });

  test.each([
    ["not UTF-8", Buffer.from([0x64, 0xff]), "it is not UTF-8 text"],
    ["too large", Buffer.alloc(1024 * 1024 + 1, "#"), "it is larger than 1 MiB"],
  ])("a file that is %s is not read", async (_, bytes, because) => {
    writeFileSync(join(stage.root, "policy.yaml"), bytes);
    expect((await run(["check", "policy.yaml"])).err).toContain(because);
  });
});

describe("policy explain", () => {
  beforeEach(() => write({ "policy.yaml": POLICY, "base.yaml": "" }));

  test("tells verdict, needs and every rule", async () => {
    const { exit, out } = await run([
      "explain",
      "policy.yaml",
      "--kind",
      "payment",
      "--param",
      "amount:=500",
    ]);
    expect(exit).toBe(0);
    expect(out).toContain("require_approval by rule large\n  reason       Large.\n");
    expect(out).toContain("  approvers    1 of treasury\n");
    expect(out).toContain("  yes    large (require_approval)\n  yes    small (allow)\n");
  });

  test("draws the sample where the digest is given", async () => {
    const ask = async (digest: string) =>
      JSON.parse(
        (
          await run([
            "explain",
            "policy.yaml",
            "--kind",
            "payment",
            "--param",
            "amount:=5",
            "--digest",
            digest,
            "--json",
          ])
        ).out,
      ).verdict;
    const verdicts = await Promise.all(["a", "b", "c", "d", "e", "f"].map(ask));
    expect(new Set(verdicts)).toEqual(new Set(["allow", "require_approval"]));
  });

  test.each([
    [["--kind", "refund"], "unknown_kind"],
    [["--kind", "payment", "--param", "amount=x"], "invalid_params"],
  ])("%j is refused as it would be when asked for", async (argv, code) => {
    const { exit, out } = await run(["explain", "policy.yaml", ...argv, "--json"]);
    expect(exit).toBe(2);
    expect(JSON.parse(out).error.code).toBe(code);
  });

  test("a policy that is not valid explains nothing", async () => {
    write({ "policy.yaml": "rules: 5" });
    const { exit, out } = await run(["explain", "policy.yaml", "--kind", "payment", "--json"]);
    expect(exit).toBe(2);
    expect(JSON.parse(out).error).toMatchObject({
      code: "policy_invalid",
      message: expect.stringMatching(/^policy\.yaml:1: /),
    });
  });
});

describe("policy test", () => {
  beforeEach(() => write({ "policy.yaml": POLICY, "base.yaml": "" }));
  const cases = (...lines: string[]) =>
    write({ "cases.yaml": `cases:\n${lines.map((line) => `  - { kind: payment, ${line} }`).join("\n")}\n` });

  test("passes when all is as expected", async () => {
    cases(
      "params: { amount: 500 }, expect: { verdict: require_approval, rule: large, risk: low }",
      "params: { amount: 5 }, expect: allow",
    );
    expect(await run(["test", "policy.yaml", "cases.yaml"])).toMatchObject({
      exit: 0,
      out: "2 of 2 cases as expected.\n",
    });
  });

  test("ends with 6 and says what was found instead", async () => {
    cases("name: big, params: { amount: 500 }, expect: deny", "params: { amount: x }, expect: allow");
    const { exit, out } = await run(["test", "policy.yaml", "cases.yaml"]);
    expect(exit).toBe(6);
    expect(out).toBe(
      [
        "FAILED  cases.yaml:2  big",
        "  expected  deny",
        "  found     require_approval by rule large",
        "FAILED  cases.yaml:3  payment in line 3",
        "  expected  allow",
        "  found     refused before any rule: params.amount must be number",
        "0 of 2 cases as expected.",
        "",
      ].join("\n"),
    );
  });

  test.each([
    ["another rule", "{ rule: small }", "any verdict by rule small"],
    ["the default", "{ rule: null }", "any verdict by default"],
    ["another risk", "{ risk: high }", "any verdict, risk high"],
  ])("compares %s where it is named", async (_, expected, told) => {
    cases(`params: { amount: 500 }, expect: ${expected}`);
    const { exit, out } = await run(["test", "policy.yaml", "cases.yaml"]);
    expect(exit).toBe(6);
    expect(out).toContain(`  expected  ${told}\n`);
  });

  test.each([
    ["no cases", "cases: []", "key_missing"],
    ["an unknown key", "cases:\n  - { kind: payment, expects: allow }", "unknown_key"],
    ["nothing to expect", "cases:\n  - { kind: payment }", "key_missing"],
    ["an unknown verdict", "cases:\n  - { kind: payment, expect: maybe }", "wrong_value"],
    [
      "a time without zone",
      "cases:\n  - { kind: payment, now: '2026-11-21T09:14:03', expect: allow }",
      "wrong_value",
    ],
  ])("a file with %s is no test", async (_, text) => {
    write({ "cases.yaml": text });
    const { exit, out } = await run(["test", "policy.yaml", "cases.yaml", "--json"]);
    expect(exit).toBe(2);
    expect(JSON.parse(out).error).toMatchObject({
      code: "policy_invalid",
      message: expect.stringContaining("cases.yaml:"),
    });
  });

  test("says what today's rules would have said of what was recorded", async () => {
    const submitted = (id: string, amount: number) =>
      ({
        seq: 0,
        id,
        revision: 1,
        prev: "",
        hash: "",
        event: {
          type: "submitted",
          at: "2026-11-21T09:14:03Z",
          submission: {
            digest: "sha256:a",
            fields: {
              id,
              kind: "payment",
              params: { amount },
              requester: "bot",
              on_behalf_of: null,
              key: null,
              created: "2026-11-21T09:14:03Z",
            },
          },
        } as unknown as Event,
      }) satisfies AuditRecord;
    const cancelled = {
      ...submitted("one", 5),
      event: { type: "cancelled", at: "", by: "bot", reason: null } as Event,
    };
    const { exit, out, err } = await run(["test", "policy.yaml", "--recorded"], {
      records: [submitted("one", 500), cancelled, submitted("two", 700)],
    });
    expect(exit).toBe(0);
    expect(out).toBe(
      "one  payment  bot  require_approval by rule large\ntwo  payment  bot  require_approval by rule large\n",
    );
    expect(err).toBe("require_approval: 2\n");
  });

  test.each([[["policy.yaml"]], [["policy.yaml", "cases.yaml", "--recorded"]]])(
    "%j is no way to ask",
    async (argv) => {
      expect((await run(["test", ...argv])).exit).toBe(2);
    },
  );
});

describe("policy import and starter", () => {
  test("print a policy that is valid", async () => {
    write({
      "agt.yaml": "apiVersion: governance.toolkit/v1\nrules:\n- { name: a, condition: x, action: deny }",
    });
    const imported = await run(["import", "--from", "agt", "agt.yaml"]);
    expect(imported).toMatchObject({ exit: 0, err: "" });
    const starter = await run(["starter"]);
    write({ "imported.yaml": imported.out, "starter.yaml": starter.out });
    expect((await run(["check", "imported.yaml"])).exit).toBe(0);
    expect((await run(["check", "starter.yaml"])).exit).toBe(0);
  });

  test("an import that would lose something prints nothing but that, and ends with 2", async () => {
    write({ "c.yaml": "version: v1\ntenants: { a: { allow_topics: [x] } }" });
    const { exit, out, err } = await run(["import", "--from", "cordum", "c.yaml"]);
    expect({ exit, out }).toEqual({ exit: 2, out: "" });
    expect(err).toContain("c.yaml:2: tenants");
    expect(err).toContain("[not_carried_over]");
  });
});

describe("a limit", () => {
  const LIMITED = `default: allow
limits: [{ id: day, sum: params.amount, per: requester, within: 1d, over: 500, decision: require_approval }]
`;

  test("is explained with what counts besides, which is nothing unless it is said", async () => {
    write({ "limited.yaml": LIMITED });
    const argv = [
      "explain",
      "limited.yaml",
      "--kind",
      "payment",
      "--param",
      "amount:=99",
      "--requester",
      "bot",
    ];
    expect((await run(argv)).out).toContain("below  day: 99 of 500 within 1d, 99 of it for this.");
    const { exit, out } = await run([...argv, "--used", "day=450"]);
    expect(exit).toBe(0);
    expect(out).toContain("require_approval by rule day");
    expect(out).toContain("over   day: 549 of 500 within 1d, 99 of it for this. (require_approval)");
    expect(await run([...argv, "--used", "day=-1"])).toMatchObject({ exit: 2 });
  });

  test("is tried out with what a case says is used", async () => {
    const given = (used: string, expected: string) =>
      `  - { kind: payment, params: { amount: 99 }, ${used} expect: ${expected} }`;
    const cases = [
      "cases:",
      given("", "allow"),
      given("used: { day: 401 },", "allow"),
      given("used: { day: 402 },", "{ verdict: require_approval, rule: day }"),
    ];
    write({ "limited.yaml": LIMITED, "cases.yaml": cases.join("\n") });
    expect((await run(["test", "limited.yaml", "cases.yaml"])).out).toContain("3 of 3 cases as expected");
    write({ "cases.yaml": `cases:\n${given("used: { day: much },", "allow")}` });
    expect(await run(["test", "limited.yaml", "cases.yaml"])).toMatchObject({ exit: 2 });
  });

  test("would have counted what was recorded before", async () => {
    write({ "limited.yaml": LIMITED });
    const record = (id: string, type: string, more: object) =>
      ({
        seq: 0,
        id,
        revision: 1,
        prev: "",
        hash: "",
        event: { type, at: "", ...more },
      }) as unknown as AuditRecord;
    const asked = (id: string, amount: number, created: string) =>
      record(id, "submitted", {
        submission: {
          digest: "sha256:a",
          fields: {
            id,
            kind: "payment",
            params: { amount },
            requester: "bot",
            on_behalf_of: null,
            key: null,
            created,
          },
        },
      });
    const started = (id: string, at: string) => record(id, "started", { at });
    const { out } = await run(["test", "limited.yaml", "--recorded", "--json"], {
      records: [
        asked("r1", 300, "2026-11-21T09:00:00Z"),
        started("r1", "2026-11-21T09:00:00Z"),
        asked("r2", 300, "2026-11-21T10:00:00Z"),
        record("r2", "rejected", {}),
        asked("r3", 200, "2026-11-21T11:00:00Z"),
        asked("r4", 1, "2026-11-21T11:00:00Z"),
        record("r3", "expired", {}),
        asked("r5", 500, "2026-11-22T09:00:00Z"),
      ],
    });
    const verdicts = out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line).verdict);
    expect(verdicts).toEqual(["allow", "require_approval", "allow", "require_approval", "require_approval"]);
  });
});
