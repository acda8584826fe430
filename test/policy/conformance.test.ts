import { describe, expect, test } from "vitest";
import { ask, kinds } from "./stage.ts";

describe("the Agent Governance Toolkit's tutorial, as far as rules go", () => {
  const text = `
default: allow
rules:
  - { id: approve-large-transfer, priority: 100, match: { kind: transfer }, decision: require_approval, approvers: [treasury-ops, compliance], reason: All transfers require human approval }
  - { id: approve-account-close, priority: 100, match: { kind: close_account }, decision: require_approval, approvers: branch-manager }
  - { id: block-delete, priority: 1000, match: { kind: delete }, decision: deny, reason: Delete operations are never allowed }
`;
  test.each([
    ["require_approval asks", "transfer", "require_approval", "approve-large-transfer"],
    ["the other approval", "close_account", "require_approval", "approve-account-close"],
    ["a deny rule denies at once, with nobody to ask", "delete", "deny", "block-delete"],
    ["what no rule matches gets the default", "read", "allow", null],
  ])("%s", (_, kind, verdict, rule) => {
    const found = ask(text, { kind, params: { amount: 5_000 } });
    expect(found).toMatchObject({ verdict, rule });
    expect(found.requirements === null).toBe(verdict !== "require_approval");
  });

  test("a condition that cannot be evaluated is not silently false", () => {
    const broken = `default: allow\nrules:\n  - { id: d, when: "params.amount > 100", decision: deny }\n`;
    expect(ask(broken, { params: { amount: "much" } })).toMatchObject({ verdict: "deny", rule: "d" });
  });
});

describe("Cordum's risk tiers", () => {
  const known = kinds({
    read_ticket: { tags: ["read"] },
    update_ticket: { tags: ["internal"] },
    deploy: { tags: ["prod", "write"] },
    payment: { tags: ["payment"] },
  });
  const text = `
default: deny
rules:
  - { id: allow-read, match: { tags: read }, decision: allow }
  - id: internal-update
    match: { tags: internal }
    decision: allow_with_constraints
    sample: 5%
    constraints: { max_runtime_sec: 60, network_allowlist: [tickets.example] }
  - id: prod-write-gate
    match: { tags: prod }
    decision: require_approval
    approvers: [service-owner, on-call]
    expires: 60m
    escalate: [{ after: 15m, to: on-call }]
    reason: Production writes require human approval
  - id: payment-gate
    match: { tags: payment }
    decision: require_approval
    approvers: [finance]
    quorum: 2
    min_assurance: os
    reason: Financial operations require dual approval
`;
  test("read-only: allowed, nobody asked", () => {
    expect(ask(text, { kind: "read_ticket", tags: ["read"] }, known)).toMatchObject({
      verdict: "allow",
      requirements: null,
    });
  });

  test("an internal update: allowed with constraints, sampled", () => {
    expect(ask(text, { kind: "update_ticket", tags: ["internal"] }, known)).toMatchObject({
      verdict: "allow_with_constraints",
      constraints: { max_runtime_sec: 60, network_allowlist: ["tickets.example"] },
      sample: 0.05,
    });
  });

  test("a production write: one owner or on-call engineer, within 15 to 60 minutes", () => {
    expect(ask(text, { kind: "deploy", tags: ["prod", "write"] }, known)).toMatchObject({
      verdict: "require_approval",
      rule: "prod-write-gate",
      requirements: {
        approvers: [{ of: ["service-owner", "on-call"], quorum: 1 }],
        expires_ms: 3_600_000,
        escalate: [{ after_ms: 900_000, to: ["on-call"] }],
      },
    });
  });

  test("a payment: two people", () => {
    expect(ask(text, { kind: "payment", tags: ["payment"] }, known)).toMatchObject({
      verdict: "require_approval",
      requirements: { approvers: [{ of: ["finance"], quorum: 2 }] },
    });
  });

  test("anything else: denied", () => {
    expect(ask(text, { kind: "other" }, known)).toMatchObject({ verdict: "deny", rule: null });
  });
});
