import { afterEach, describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/core/json.ts";
import { webhookService } from "../../src/handlers/service.ts";
import { type Answering, openReceiver } from "../outgoing/receiver.ts";
import { ask, closeSystems, openSystem, recorded, rest } from "./stage.ts";

/** The table "Key Behaviors" of that toolkit's tutorial on approval workflows, row by row, and what surrounds it. */
const POLICY = `
default: allow
rules:
  - id: approve-large-transfer
    priority: 100
    match: { kind: payment }
    decision: require_approval
    approvers: [{ of: handler, quorum: 1, kind: service }]
    expires: 5m
    reason: All transfers require human approval
  - { id: block-delete, priority: 1000, match: { kind: invoice }, decision: deny, reason: Delete operations are never allowed }
`;

const says =
  (approved: boolean, reason: string) =>
  ({ id = null, digest = null }: JsonObject) => ({
    id,
    digest,
    approved,
    approver: "treasury-ops@company.com",
    reason,
  });

afterEach(closeSystems);

describe("Key Behaviors", () => {
  test("no handler configured: nothing is executed, and the policy is not even taken", async () => {
    await expect(openSystem({ policy: POLICY })).rejects.toMatchObject({ code: "policy_invalid" });
  });

  test("handler approves: the action executes normally", async () => {
    const stage = await openSystem({ policy: POLICY, handler: says(true, "Within daily limit") });
    const id = await ask(stage, "payment");
    expect(await stage.status(id)).toBe("executed");
    expect(stage.executions).toHaveLength(1);
  });

  test("handler rejects: the requester is told, with the reason", async () => {
    const stage = await openSystem({ policy: POLICY, handler: says(false, "Unknown action type") });
    const id = await ask(stage, "payment");
    const { status, decision } = await stage.application.show(id);
    expect([status, decision?.reason]).toEqual(["rejected", "Unknown action type"]);
    expect(stage.executions).toEqual([]);
  });

  test("handler times out: denied after the time-out", async () => {
    const stage = await openSystem({
      policy: POLICY,
      handler: () => Promise.reject(new Error("no answer in time")),
    });
    const id = await ask(stage, "payment");
    await stage.pass(300_000);
    await rest(stage);
    expect(await stage.status(id)).toBe("expired");
    expect(stage.executions).toEqual([]);
  });

  test("handler throws an error: no approval, and the error is in the record", async () => {
    const stage = await openSystem({
      policy: POLICY,
      handler: () => Promise.reject(new Error("it crashed")),
    });
    const id = await ask(stage, "payment");
    const { status, history } = await stage.application.show(id);
    expect(status).toBe("pending");
    expect(history.at(-1)).toMatchObject({ event: "refused", detail: "service_failed: it crashed" });
    expect(stage.executions).toEqual([]);
  });

  test("deny rule matches: denied immediately, the approval handler never called", async () => {
    let called = 0;
    const handler = (question: JsonObject) => {
      called += 1;
      return says(true, "yes")(question);
    };
    const stage = await openSystem({ policy: POLICY, handler });
    const id = await ask(stage, "invoice");
    expect([await stage.status(id), called]).toEqual(["denied", 0]);
    expect(stage.names("pending")).toEqual([]);
  });
});

describe("the protocol", () => {
  test("conditional approval: the handler sees the action and decides by it", async () => {
    const handler = (question: JsonObject) => {
      const { amount_cents } = question.context as JsonObject;
      const isSmall = Number(amount_cents) < 100_000;
      return says(isSmall, isSmall ? "Auto-approved" : "requires manual review")(question);
    };
    const stage = await openSystem({ policy: POLICY, handler });
    const small = await ask(stage, "payment", { amount_cents: 99_999 });
    const large = await ask(stage, "payment", { amount_cents: 100_000 });
    expect([await stage.status(small), await stage.status(large)]).toEqual(["executed", "rejected"]);
  });

  test("every approval decision is logged with the approver's identity, the action, the outcome and the reason", async () => {
    const stage = await openSystem({ policy: POLICY, handler: says(true, "Within daily limit") });
    const id = await ask(stage, "payment");
    const decided = (await recorded(stage)).find(({ type }) => type === "approved");
    expect(decided).toMatchObject({
      type: "approved",
      decision: {
        verb: "approve",
        reviewer: "service:handler",
        reason: "Within daily limit",
        via: "service",
      },
    });
    expect((await stage.application.show(id)).verdict).toMatchObject({ rule: "approve-large-transfer" });
  });

  test("what no rule matches gets the default", async () => {
    const stage = await openSystem({ policy: POLICY, handler: says(false, "never asked") });
    const id = await ask(stage, "refactor");
    expect(await stage.status(id)).toBe("approved");
  });
});

describe("the webhook approval handler", () => {
  const closing: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
  });

  /** A real receiver, asked as that toolkit's `WebhookApproval` asks: one signed POST, answered in its response. */
  async function behind(answering: Answering) {
    const receiver = await openReceiver(answering);
    closing.push(receiver.close);
    const text = (value: string) => () => ({ ok: true, text: value }) as const;
    const address = { url: text(receiver.url), secret: text("s3cret"), allow_private: true };
    const ports = { take: <T>(post: () => Promise<T>) => post(), now: Date.now };
    const service = webhookService("agt", address, 10_000, ports);
    return { receiver, stage: await openSystem({ policy: POLICY, service }) };
  }

  const answer =
    (change: (question: JsonObject) => object): Answering =>
    (response, _, { body }) =>
      void response.end(JSON.stringify({ approved: true, ...change(JSON.parse(body)) }));

  test("is sent the toolkit's body, and its yes counts", async () => {
    const { receiver, stage } = await behind(answer(({ id, digest }) => ({ id, digest, reason: "ok" })));
    const id = await ask(stage, "payment");
    expect(await stage.status(id)).toBe("executed");
    expect(JSON.parse(receiver.received[0]?.body ?? "")).toMatchObject({
      type: "approval_request",
      rule_name: "approve-large-transfer",
      agent_id: "agent",
      action: "payment",
      context: { payee: "ACME" },
      id,
    });
  });

  test.each<[string, Answering]>([
    ["another request's id", answer(({ digest }) => ({ id: "other", digest }))],
    ["another digest", answer(({ id }) => ({ id, digest: "sha256:00" }))],
    ["neither", answer(() => ({}))],
    ["the other dialect", answer(({ id, digest }) => ({ id, digest, approved: "yes", decision: "approve" }))],
    ["an error", (response) => void response.writeHead(502).end()],
  ])("that answers with %s has approved nothing", async (_, answering) => {
    const { stage } = await behind(answering);
    const id = await ask(stage, "payment");
    const { status, history } = await stage.application.show(id);
    expect([status, history.at(-1)?.detail]).toEqual(["pending", expect.stringMatching(/^service_failed: /)]);
    expect(stage.executions).toEqual([]);
  });
});
