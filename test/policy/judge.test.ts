import { describe, expect, test } from "vitest";
import { drawn } from "../../src/policy/judge.ts";
import { drawOf } from "../../src/policy/snapshot.ts";
import { ask, kinds, NOW, policyOf } from "./stage.ts";

const rules = (...lines: string[]) => `rules:\n${lines.map((line) => `  - ${line}`).join("\n")}\n`;

describe("which rule gives the verdict", () => {
  test.each([
    ["no rule at all: the default", "", {}, "require_approval", null],
    [
      "no rule matches: the default",
      rules("{ id: a, match: { kind: x }, decision: allow }"),
      {},
      "require_approval",
      null,
    ],
    ["a default of allow", "default: allow", {}, "allow", null],
    ["a default of deny", "default: deny", {}, "deny", null],
    [
      "a deny wins over a higher priority",
      rules("{ id: a, priority: 9, decision: allow }", "{ id: d, decision: deny }"),
      {},
      "deny",
      "d",
    ],
    [
      "of two denies the one of higher priority is named",
      rules("{ id: d, decision: deny }", "{ id: e, priority: 1, decision: deny }"),
      {},
      "deny",
      "e",
    ],
    [
      "then priority",
      rules("{ id: a, decision: allow }", "{ id: r, priority: 1, decision: require_approval }"),
      {},
      "require_approval",
      "r",
    ],
    [
      "then order",
      rules("{ id: r, decision: require_approval }", "{ id: a, decision: allow }"),
      {},
      "require_approval",
      "r",
    ],
    [
      "constraints",
      rules("{ id: c, decision: allow_with_constraints, constraints: { max_runtime_sec: 60 } }"),
      {},
      "allow_with_constraints",
      "c",
    ],
    [
      "a glob of the kind",
      rules('{ id: a, match: { kind: "*_key" }, decision: allow }'),
      { kind: "api_key" },
      "allow",
      "a",
    ],
    [
      "a requester",
      rules("{ id: a, match: { requester: [ci, 'bot-?'] }, decision: allow }"),
      { requester: "bot-7" },
      "allow",
      "a",
    ],
    [
      "any of the tags",
      rules("{ id: a, match: { tags: [x, y] }, decision: allow }"),
      { tags: ["y"] },
      "allow",
      "a",
    ],
    [
      "none of the tags",
      rules("{ id: a, match: { tags: [x, y] }, decision: allow }"),
      { tags: ["z"] },
      "require_approval",
      null,
    ],
    [
      "all keys of match must fit",
      rules("{ id: a, match: { tags: x, kind: payment }, decision: allow }"),
      { tags: ["x"], kind: "other" },
      "require_approval",
      null,
    ],
    [
      "an expression",
      rules('{ id: a, when: "params.n < 5", decision: allow }'),
      { params: { n: 4 } },
      "allow",
      "a",
    ],
    [
      "an expression over time",
      rules("{ id: a, when: 'now < timestamp(\"2026-11-21T09:15:00Z\")', decision: allow }"),
      {},
      "allow",
      "a",
    ],
    [
      "an expression over the requester",
      rules(
        "{ id: a, when: \"requester == 'billing-agent' && request.on_behalf_of == null\", decision: allow }",
      ),
      {},
      "allow",
      "a",
    ],
  ])("%s", (_, text, given, verdict, rule) => {
    expect(ask(text, given)).toMatchObject({ verdict, rule });
  });
});

describe("a doubt", () => {
  const unsure = 'when: "params.missing > 1"';
  test.each([
    [
      "in a deny denies",
      rules(`{ id: d, ${unsure}, decision: deny }`, "{ id: a, decision: allow }"),
      "deny",
      "d",
    ],
    [
      "in an approval asks for it",
      rules(`{ id: r, ${unsure}, decision: require_approval }`, "{ id: a, decision: allow }"),
      "require_approval",
      "r",
    ],
    ["in an allow does not allow", rules(`{ id: a, ${unsure}, decision: allow }`), "require_approval", null],
    [
      "in an allow leaves it to a later one",
      rules(`{ id: a, ${unsure}, decision: allow }`, "{ id: b, decision: allow }"),
      "allow",
      "b",
    ],
    [
      "in what would have been held to constraints asks a person",
      rules(
        `{ id: c, ${unsure}, decision: allow_with_constraints, constraints: { max_runtime_sec: 1 } }`,
        "{ id: b, decision: allow }",
      ),
      "require_approval",
      "c",
    ],
    [
      "in what would have been sampled asks a person",
      rules(`{ id: s, ${unsure}, decision: allow, sample: 1% }`, "{ id: b, decision: allow }"),
      "require_approval",
      "s",
    ],
    [
      "does not turn a default of deny into an approval",
      `default: deny\n${rules(`{ id: r, ${unsure}, decision: require_approval }`)}`,
      "deny",
      null,
    ],
  ])("%s", (_, text, verdict, rule) => {
    expect(ask(text)).toMatchObject({ verdict, rule });
  });

  test("between two approvals asks for both, so that leaving a field out never makes it easier", () => {
    const found = ask(
      rules(
        '{ id: small, priority: 5, when: "params.amount < 100", decision: require_approval, approvers: clerk, checklist: [a], expires: 2h }',
        "{ id: any, decision: require_approval, approvers: treasury, quorum: 2, min_assurance: os, checklist: [a, b], expires: 1h }",
      ),
    );
    expect(found).toMatchObject({
      verdict: "require_approval",
      rule: "small",
      joined: ["any"],
      requirements: {
        approvers: [
          { of: ["clerk"], quorum: 1 },
          { of: ["treasury"], quorum: 2 },
        ],
        min_assurance: "os",
        checklist: ["a", "b"],
        expires_ms: 3_600_000,
      },
    });
  });

  test("in a risk factor counts as the risk, and leaves what depends on the risk in doubt", () => {
    const text = `
risk:
  - { level: high, factor: Large, when: "params.amount > 100" }
rules:
  - { id: low, match: { risk: low }, decision: allow }
  - { id: word, when: "action.risk == 'low'", decision: allow }
  - { id: high, match: { risk: high }, decision: deny }
`;
    expect(ask(text, { params: { amount: 5 } })).toMatchObject({
      verdict: "allow",
      rule: "low",
      risk: { level: "low" },
    });
    expect(ask(text, { params: { amount: 500 } })).toMatchObject({
      verdict: "deny",
      risk: { level: "high", factors: ["Large"], doubt: false },
    });
    const unsure = ask(text);
    expect(unsure).toMatchObject({ verdict: "deny", rule: "high", risk: { level: "high", doubt: true } });
    expect(unsure.trace.map(({ matched }) => matched)).toEqual(["doubt", "doubt", "doubt"]);
  });

  test("is what params beyond all measure are, for rules that look into them", () => {
    const params = { list: Array.from({ length: 6_000 }, (_, at) => at) };
    expect(ask(rules('{ id: a, when: "params.list[0] == 0", decision: allow }'), { params })).toMatchObject({
      verdict: "require_approval",
      trace: [{ matched: "doubt" }],
    });
  });
});

describe("what a judgement tells", () => {
  test("every rule, and why it does not match", () => {
    const found = ask(
      rules(
        "{ id: kind, match: { kind: x }, decision: allow }",
        "{ id: requester, match: { requester: x }, decision: allow }",
        "{ id: tags, match: { tags: x }, decision: allow }",
        "{ id: risk, match: { risk: h* }, decision: allow }",
        "{ id: when, when: \"requester == 'x'\", decision: allow }",
        '{ id: doubt, when: "params.x", decision: allow }',
        "{ id: yes, decision: allow, reason: Because. }",
      ).concat("risk:\n  - { level: high, factor: F, match: { kind: y } }\n"),
    );
    expect(found.reason).toBe("Because.");
    expect(found.trace.map(({ rule, matched, because }) => [rule, matched, because])).toEqual([
      ["kind", false, "the kind is another"],
      ["requester", false, "the requester is another"],
      ["tags", false, "none of the tags is there"],
      ["risk", false, "the risk is another"],
      ["when", false, "when is false"],
      ["doubt", "doubt", "No such key: x"],
      ["yes", true, null],
    ]);
  });

  test("all that an approval needs", () => {
    const text = `
rules:
  - id: all
    decision: require_approval
    reason: Payments need two.
    approvers: [{ of: treasury, quorum: 1 }, { of: [compliance, anna], quorum: 2 }]
    expires: 1h
    execute_by: 10m
    settle: 0s
    cool_off: 30s
    escalate: [{ after: 15m, to: lead }, { after: 30m, to: [on-call] }]
    editable: amount_cents
    min_assurance: signed
    checklist: [Looked at the invoice]
    tags: [finance]
    max_attempts: 3
    constraints: { max_runtime_sec: 60, network_allowlist: [bank.example] }
`;
    const { requirements, constraints } = ask(text);
    expect(constraints).toEqual({ max_runtime_sec: 60, network_allowlist: ["bank.example"] });
    expect(requirements).toEqual({
      approvers: [
        { of: ["treasury"], quorum: 1 },
        { of: ["compliance", "anna"], quorum: 2 },
      ],
      expires_ms: 3_600_000,
      execute_by_ms: 600_000,
      settle_ms: 0,
      cool_off_ms: 30_000,
      escalate: [
        { after_ms: 900_000, to: ["lead"] },
        { after_ms: 1_800_000, to: ["on-call"] },
      ],
      editable: ["amount_cents"],
      min_assurance: "signed",
      checklist: ["Looked at the invoice"],
      tags: ["finance"],
      max_attempts: 3,
    });
  });

  test("numbers are what the schema says they are", () => {
    const known = kinds({
      payment: { params: { type: "object", properties: { n: { type: "number" }, i: { type: "integer" } } } },
    });
    const text = rules('{ id: a, when: "params.n * 1.5 > 1.0 && params.i * 2 == 4", decision: allow }');
    expect(ask(text, { params: { n: 2, i: 2 } }, known).rule).toBe("a");
  });
});

describe("a sample", () => {
  const text = rules("{ id: a, decision: allow, sample: 25%, approvers: anna }");
  const digests = Array.from({ length: 2_000 }, (_, at) => `sha256:${at}`);

  test("sends its share to a person, the same ones every time", () => {
    const before = ask(text);
    expect(before).toMatchObject({ verdict: "allow", sample: 0.25 });
    const chosen = digests.filter((digest) => drawn(before, digest).verdict === "require_approval");
    expect(chosen.length).toBeGreaterThan(420);
    expect(chosen.length).toBeLessThan(580);
    expect(chosen).toEqual(digests.filter((digest) => drawOf(digest) < 0.25));
    expect(drawn(before, chosen[0] ?? "").requirements?.approvers).toEqual([{ of: ["anna"], quorum: 1 }]);
  });

  test("changes nothing but an allow", () => {
    const denied = ask("default: deny");
    expect(drawn(denied, "sha256:1")).toBe(denied);
  });
});

test("the snapshot is bound to the exact text", () => {
  const one = policyOf("default: allow").snapshot;
  expect(one).toMatch(/^sha256:[0-9a-f]{64}$/);
  expect(policyOf("default: allow").snapshot).toBe(one);
  expect(policyOf("default: allow ").snapshot).not.toBe(one);
  expect(NOW).toBeGreaterThan(0);
});
