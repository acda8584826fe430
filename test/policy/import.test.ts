import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/core/json.ts";
import { importAgt } from "../../src/policy/import-agt.ts";
import { importCordum } from "../../src/policy/import-cordum.ts";
import { judge } from "../../src/policy/judge.ts";
import type { Subject } from "../../src/policy/policy.ts";
import { policyOf, subject } from "./stage.ts";

const verdict = (text: string | null, given: Partial<Subject>) => {
  const { verdict: found, rule } = judge(policyOf(text ?? "missing: true"), subject(given));
  return [found, rule];
};

describe("a policy of the Agent Governance Toolkit", () => {
  const agt = (rules: string, more = "default_action: allow") =>
    importAgt("agt.yaml", `apiVersion: governance.toolkit/v1\nname: p\n${more}\nrules:\n${rules}`);
  const one = (condition: string, action = "require_approval") =>
    agt(`- name: r\n  condition: ${JSON.stringify(condition)}\n  action: ${action}\n`);

  test("the tutorial's comes over whole", () => {
    const { text, findings } = agt(`- name: approve-large-transfer
  condition: "action.type == 'transfer'"
  action: require_approval
  approvers: ["treasury-ops", "compliance"]
  description: "All transfers require human approval"
  priority: 100
- name: approve-account-close
  condition: "action.type == 'close_account'"
  action: require_approval
  approvers: ["branch-manager"]
  description: "Account closures need branch manager sign-off"
  priority: 100
- name: block-delete
  condition: "action.type == 'delete'"
  action: deny
  description: "Delete operations are never allowed"
  priority: 1000
`);
    expect(findings).toEqual([]);
    expect(text).toMatchInlineSnapshot(`
      "# Imported from agt.yaml, the policy "p"
      # of the Agent Governance Toolkit. There the first rule that matched decided, highest priority first.
      # action.type and tool_name are the action's kind here; all else that conditions read is read from its params.
      default: allow
      rules:
        # line 17
        - id: "block-delete"
          priority: 1000
          match: {"kind":["delete"]}
          decision: "deny"
          reason: "Delete operations are never allowed"
        # line 5
        - id: "approve-large-transfer"
          priority: 100
          match: {"kind":["transfer"]}
          decision: "require_approval"
          reason: "All transfers require human approval"
          approvers: ["treasury-ops","compliance"]
        # line 11
        - id: "approve-account-close"
          priority: 100
          match: {"kind":["close_account"]}
          decision: "require_approval"
          reason: "Account closures need branch manager sign-off"
          approvers: ["branch-manager"]
      "
    `);
    expect(verdict(text, { kind: "transfer" })).toEqual(["require_approval", "approve-large-transfer"]);
    expect(verdict(text, { kind: "close_account" })).toEqual(["require_approval", "approve-account-close"]);
    expect(verdict(text, { kind: "delete" })).toEqual(["deny", "block-delete"]);
    expect(verdict(text, { kind: "read" })).toEqual(["allow", null]);
  });

  /** Condition, params, and whether the toolkit takes it for true. */
  test.each<[string, JsonObject, boolean]>([
    ["action.type == 'payment'", {}, true],
    ["action.type != 'payment'", {}, false],
    ["action.type in ['drop', 'payment']", {}, true],
    ["tool_name == 'payment'", {}, true],
    ["data.contains_pii", { data: { contains_pii: true } }, true],
    ["data.contains_pii", { data: { contains_pii: "" } }, false],
    ["data.contains_pii", { data: { contains_pii: 0 } }, false],
    ["data.contains_pii", { data: { contains_pii: [] } }, false],
    ["data.contains_pii", { data: { contains_pii: "no" } }, true],
    ["data.contains_pii", { data: 5 }, false],
    ["data.contains_pii", {}, false],
    ["user.role in ['admin', 'operator']", { user: { role: "admin" } }, true],
    ["user.role in ['admin', 'operator']", {}, false],
    ["user.role != 'admin'", {}, true],
    ["user.role != 'admin'", { user: { role: 5 } }, true],
    ["user.role == 'admin'", { user: { role: null } }, false],
    ["amount.value > 1000", { amount: 1_001 }, true],
    ["amount.value > 1000", { amount: 1_000 }, false],
    ["amount >= 10.5", { amount: 10.5 }, true],
    ["amount >= 10", { amount: "11" }, true],
    ["amount < 10", {}, true],
    ["amount > 5 and user.role == 'x' or action.type == 'y'", { amount: 6, user: { role: "x" } }, true],
    ["amount > 5 and user.role == 'x' or action.type == 'y'", { amount: 6 }, false],
    ["amount > 5 and user.role == 'x' or action.type == 'payment'", {}, true],
  ])("%s of %j", (condition, params, matches) => {
    const { text, findings } = one(condition);
    expect(findings).toEqual([]);
    expect(verdict(text, { params })).toEqual(matches ? ["require_approval", "r"] : ["allow", null]);
  });

  test("a deny leaves alone what an earlier rule would have taken", () => {
    const { text } = agt(`- name: ok
  condition: "user.role == 'admin'"
  action: allow
  priority: 10
- name: no
  condition: "action.type == 'payment'"
  action: deny
  priority: 5
`);
    expect(verdict(text, { params: { user: { role: "admin" } } })).toEqual(["allow", "ok"]);
    expect(verdict(text, { params: {} })).toEqual(["deny", "no"]);
  });

  test("what is switched off is named", () => {
    const { text } = agt("- name: off\n  enabled: false\n  condition: x\n");
    expect(text).toContain('Left out, since it was switched off: "off" in line 5.');
  });

  test.each([
    ["parentheses", "(action.type == 'x')"],
    ["CEL's own and", "action.type == 'x' && amount > 5"],
    ["a negation", "not data.contains_pii"],
    ["more behind the end", "action.type == 'x' always"],
    ["a comparison of two paths", "amount > limit"],
    ["a negative number", "amount > -5"],
    ["another field of the action", "action.amount > 5"],
    ["something about the agent", "agent.trust > 5"],
    ["or inside quotes", "user.name == 'this or that'"],
    ["a list of numbers", "amount in [1, 2]"],
    ["a kind that cannot be one", "action.type == 'Close Account'"],
    ["a function", "len(items) > 5"],
    ["nothing", ""],
  ])("a condition with %s is an error with its line", (_, condition) => {
    const { text, findings } = one(condition);
    expect(text).toBeNull();
    expect(findings).toEqual([expect.objectContaining({ code: "not_carried_over", line: 6 })]);
  });

  test.each([
    ["another version", importAgt("a", "apiVersion: governance.toolkit/v2\nname: x"), 1],
    ["a policy for some agents", importAgt("a", "apiVersion: governance.toolkit/v1\nagents: [a]"), 2],
    ["a scope", importAgt("a", "apiVersion: governance.toolkit/v1\nscope: tenant"), 2],
    ["what it extends", importAgt("a", "apiVersion: governance.toolkit/v1\nextends: [b.yaml]"), 2],
    ["a stage", agt("- { name: r, condition: x, action: deny, stage: post_tool }"), 5],
    ["a rate limit", agt("- { name: r, condition: x, action: deny, limit: 100/hour }"), 5],
    ["a warning", agt("- { name: r, condition: x, action: warn }"), 5],
    ["a condition that is a map", agt("- { name: r, condition: { field: a }, action: deny }"), 5],
    ["approvers of a deny", agt("- { name: r, condition: x, action: deny, approvers: [a] }"), 5],
  ])("%s is an error with its line", (_, { text, findings }, line) => {
    expect(text).toBeNull();
    expect(findings).toEqual([expect.objectContaining({ code: "not_carried_over", line })]);
  });

  test("an unknown key is an error too", () => {
    expect(agt("- { name: r, condition: x, action: deny, severity: 5 }").findings).toEqual([
      expect.objectContaining({ code: "unknown_key", line: 5 }),
    ]);
  });
});

describe("a policy of Cordum", () => {
  test("the guide's comes over whole", () => {
    const { text, findings } = importCordum(
      "approval-policy.yaml",
      `version: v1
rules:
  - id: allow-read
    match:
      topics: ["job.*.read", "job.*.list", "job.*.get"]
      risk_tags: []
    decision: allow

  - id: prod-write-gate
    match:
      risk_tags: ["prod", "write"]
      topics: ["job.deploy.*", "job.db.*", "job.config.*"]
    decision: require_approval
    reason: "Production writes require human approval"

  - id: payment-gate
    match:
      risk_tags: ["payment"]
    decision: require_approval
    reason: "Financial operations require dual approval"

  - id: egress-bounded
    match:
      risk_tags: ["egress"]
    decision: allow_with_constraints
    constraints:
      max_runtime_sec: 60
      network_allowlist: ["api.github.com", "api.slack.com"]
`,
    );
    expect(findings).toEqual([]);
    expect(text).toMatchInlineSnapshot(`
      "# Imported from approval-policy.yaml, a policy of Cordum. There the first rule that matched decided.
      # A topic is a kind here: without \`job.\` in front, and with - for every dot. Risk tags are tags of the action.
      default: deny
      rules:
        # line 3
        - id: "allow-read"
          match: {"kind":["*-read","*-list","*-get"]}
          decision: "allow"
        # line 9
        - id: "prod-write-gate"
          match: {"kind":["deploy-*","db-*","config-*"],"tags":["prod","write"]}
          decision: "require_approval"
          reason: "Production writes require human approval"
        # line 16
        - id: "payment-gate"
          match: {"tags":["payment"]}
          decision: "require_approval"
          reason: "Financial operations require dual approval"
        # line 22
        - id: "egress-bounded"
          match: {"tags":["egress"]}
          decision: "allow_with_constraints"
          constraints: {"max_runtime_sec":60,"network_allowlist":["api.github.com","api.slack.com"]}
      "
    `);
    expect(verdict(text, { kind: "tickets-read" })).toEqual(["allow", "allow-read"]);
    expect(verdict(text, { kind: "deploy-web", tags: ["write"] })).toEqual([
      "require_approval",
      "prod-write-gate",
    ]);
    expect(verdict(text, { kind: "mail-send", tags: ["prod"] })).toEqual(["deny", null]);
    expect(verdict(text, { kind: "x", tags: ["payment"] })).toEqual(["require_approval", "payment-gate"]);
    expect(verdict(text, { kind: "x", tags: ["egress"] })).toEqual([
      "allow_with_constraints",
      "egress-bounded",
    ]);
  });

  test("the first that matches decides, a later deny or not", () => {
    const { text } = importCordum(
      "c.yaml",
      `version: v1
default_decision: allow
rules:
  - { id: ok, match: { topics: ["job.db.read*"], risk_tags: [Internal] }, decision: permit }
  - { id: no, match: { topics: ["job.db.*"] }, decision: block }
`,
    );
    expect(verdict(text, { kind: "db-read_all", tags: ["internal"] })).toEqual(["allow", "ok"]);
    expect(verdict(text, { kind: "db-read_all" })).toEqual(["deny", "no"]);
    expect(verdict(text, { kind: "other" })).toEqual(["allow", null]);
  });

  const rule = (keys: string) =>
    importCordum("c.yaml", `version: v1\nrules:\n  - { id: r, decision: allow, ${keys} }\n`);

  test.each([
    ["another version", importCordum("c", "version: v2"), 1],
    ["tenants", importCordum("c", "version: v1\ntenants: { default: { allow_topics: [x] } }"), 2],
    ["scanned inputs", importCordum("c", "version: v1\ninput_rules: [{ id: x }]"), 2],
    ["a default that is no word of its", importCordum("c", "version: v1\ndefault_decision: ask"), 2],
    ["labels", rule("match: { labels: { a: b } }"), 3],
    ["actors", rule("match: { actor_ids: [x] }"), 3],
    ["a topic with brackets", rule("match: { topics: ['job.[ab]'] }"), 3],
    ["topics that would be one kind", rule("match: { topics: [job.a.b, job.a-b] }"), 3],
    ["a rate", rule("velocity: { max_requests: 1 }"), 3],
    ["remediations", rule("remediations: [{ id: x }]"), 3],
    ["constraints of an allow", rule("constraints: { max_runtime_sec: 1 }"), 3],
    [
      "a constraint that is unknown here",
      importCordum(
        "c",
        "version: v1\nrules:\n  - { id: r, decision: require_approval, constraints: { max_cost: 1 } }",
      ),
      3,
    ],
    ["throttling", importCordum("c", "version: v1\nrules:\n  - { id: r, decision: throttle }"), 3],
  ])("%s is an error with its line", (_, { text, findings }, line) => {
    expect(text).toBeNull();
    expect(findings).toEqual([expect.objectContaining({ code: "not_carried_over", line })]);
  });
});
