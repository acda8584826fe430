import { afterEach, describe, expect, test } from "vitest";
import { ask, closeSystems, openSystem, tick } from "./stage.ts";

/** Cordum's tiers, by blast radius: who is asked, how many, and how long they have. */
const PEOPLE =
  "persons: { olga: {}, ivan: {}, fay: {}, finn: {} }\ngroups: { owners: [olga], on-call: [ivan], finance: [fay, finn] }\n";
const POLICY = `
default: deny
rules:
  - { id: allow-read, match: { kind: release }, decision: allow }
  - id: prod-write-gate
    match: { kind: refactor }
    decision: require_approval
    approvers: [owners, on-call]
    expires: 60m
    reason: Production writes require human approval
  - id: payment-gate
    match: { kind: payment }
    decision: require_approval
    approvers: [finance]
    quorum: 2
    expires: 4h
    reason: Financial operations require dual approval
`;

afterEach(closeSystems);

const open = () => openSystem({ policy: POLICY, people: PEOPLE });

describe("Cordum's tiers", () => {
  test("read-only: allowed, nobody asked", async () => {
    const stage = await open();
    const id = await ask(stage, "release");
    expect([await stage.status(id), stage.names("pending")]).toEqual(["approved", []]);
  });

  test("a production write: one owner or on-call engineer, within 60 minutes", async () => {
    const stage = await open();
    const id = await ask(stage, "refactor");
    const { created, expires, approvals } = await stage.application.show(id);
    expect(Date.parse(expires) - Date.parse(created)).toBe(3_600_000);
    expect(approvals?.missing).toEqual([{ of: ["owners", "on-call"], count: 1, persons: ["ivan", "olga"] }]);
    await stage.edit(id, tick("Approve as ivan"));
    expect(await stage.status(id)).toBe("approved");
  });

  test("a payment: two people, and never one of them twice", async () => {
    const stage = await open();
    const id = await ask(stage, "payment");
    await stage.edit(id, tick("Approve as fay"));
    const again = { verb: "approve", reviewer: "Fay", reason: null, via: "cli" } as const;
    await expect(stage.application.decide(id, again)).rejects.toMatchObject({ code: "already_voted" });
    expect(await stage.status(id)).toBe("pending");
    await stage.edit(id, tick("Approve as finn"));
    expect(await stage.status(id)).toBe("executed");
    expect(stage.executions[0]?.approved_by).toEqual(["fay", "finn"]);
  });

  test("anything else: denied", async () => {
    const stage = await open();
    expect(await stage.status(await ask(stage, "invoice"))).toBe("denied");
  });
});
