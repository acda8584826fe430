import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openWhole, type Whole } from "./whole.ts";

/** What the guide's webhook interface answers: step 3.2, field by field and code by code. */
let stage: Whole;
beforeEach(async () => {
  stage = await openWhole();
});
afterEach(async () => {
  await stage.close();
  expect(stage.bugs).toEqual([]);
});

const ISO = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?\+00:00$/);
const as = "anna";

test("GET /approval/pending lists what waits", async () => {
  const id = await stage.submit();
  const decided = await stage.submit();
  await stage.ask(`POST /approval/${decided}/reject`, { as, body: {} });
  expect(await stage.ask("GET /approval/pending", { as })).toMatchObject({ status: 200 });
  expect((await stage.ask("GET /approval/pending", { as })).body).toEqual({
    pending_count: 1,
    requests: [
      {
        request_id: id,
        title: "transfers 150000 cents to ACME",
        description: "transfers 150000 cents to ACME",
        created_at: ISO,
        expires_at: ISO,
      },
    ],
  });
});

describe("GET /approval/<id>", () => {
  test("shows one request", async () => {
    const id = await stage.submit();
    expect(await stage.ask(`GET /approval/${id}`, { as })).toMatchObject({
      status: 200,
      body: {
        request_id: id,
        title: "transfers 150000 cents to ACME",
        description: "transfers 150000 cents to ACME",
        proposed_action: { kind: "payment", params: { amount_cents: 150_000, payee: "ACME", invoice: 1 } },
        status: "pending",
        created_at: ISO,
        expires_at: ISO,
      },
    });
  });

  test("says 404 where there is none", async () => {
    const { status, body } = await stage.ask("GET /approval/abc-123", { as });
    expect([status, body]).toEqual([404, { error: "Request not found" }]);
  });

  test("knows the four statuses", async () => {
    const [waiting, approved, rejected, late] = [
      await stage.submit(),
      await stage.submit(),
      await stage.submit(),
      await stage.submit(),
    ];
    await stage.ask(`POST /approval/${approved}/approve`, { as, body: {} });
    await stage.ask(`POST /approval/${rejected}/reject`, { as, body: {} });
    const statusOf = async (id: string) =>
      ((await stage.ask(`GET /approval/${id}`, { as })).body as { status: string }).status;
    expect([await statusOf(waiting), await statusOf(approved), await statusOf(rejected)]).toEqual([
      "pending",
      "approved",
      "rejected",
    ]);
    await stage.world.pass(3_600_001);
    expect(await statusOf(late)).toBe("expired");
  });
});

describe("POST /approval/<id>/approve", () => {
  test("approves, and the reviewer who is named is a claim beside the token's", async () => {
    const id = await stage.submit();
    const { status, body } = await stage.ask(`POST /approval/${id}/approve`, {
      as,
      body: { reviewer: "bob" },
    });
    expect([status, body]).toEqual([
      200,
      { status: "approved", request_id: id, reviewer: "bob", approved_at: ISO },
    ]);
    const { decision } = await stage.world.application.show(id);
    expect(decision).toMatchObject({ verb: "approve", reviewer: "anna", claimed: "bob", assurance: "edit" });
    await stage.world.daemon.settled();
    expect(stage.world.executions).toHaveLength(1);
  });

  test("without a reviewer, on the socket, is by unknown", async () => {
    const id = await stage.submit();
    const { body } = await stage.ask(`POST /approval/${id}/approve`, { socket: "reviewer", body: {} });
    expect(body).toMatchObject({ status: "approved", reviewer: "unknown" });
    expect((await stage.world.application.show(id)).decision).toMatchObject({ reviewer: "unnamed" });
  });

  test("of a request that is not there, over or late says 400 and why", async () => {
    const late = await stage.submit();
    const over = await stage.submit();
    await stage.ask(`POST /approval/${over}/reject`, { as, body: {} });
    await stage.world.pass(3_600_001);
    for (const id of ["abc-123", over, late]) {
      const { status, body } = await stage.ask(`POST /approval/${id}/approve`, {
        as,
        body: { reviewer: "bob" },
      });
      expect([status, body]).toEqual([400, { error: expect.any(String) }]);
    }
    expect((await stage.ask("POST /approval/abc-123/approve", { as, body: {} })).body).toEqual({
      error: "Request abc-123 not found",
    });
    expect(stage.world.executions).toEqual([]);
  });

  test("with another digest than the request's is a conflict", async () => {
    const id = await stage.submit();
    const body = { digest: `sha256:${"0".repeat(64)}` };
    expect(await stage.ask(`POST /approval/${id}/approve`, { as, body })).toMatchObject({ status: 409 });
    expect(await stage.world.status(id)).toBe("pending");
  });
});

describe("POST /approval/<id>/reject", () => {
  test("rejects with a reason", async () => {
    const id = await stage.submit();
    const body = { reviewer: "bob", reason: "Not ready" };
    const found = await stage.ask(`POST /approval/${id}/reject`, { as, body });
    expect([found.status, found.body]).toEqual([
      200,
      { status: "rejected", request_id: id, reviewer: "bob", reason: "Not ready", rejected_at: ISO },
    ]);
    expect((await stage.world.application.show(id)).decision).toMatchObject({ reason: "Not ready" });
  });

  test("without a reason says so", async () => {
    const id = await stage.submit();
    const { body } = await stage.ask(`POST /approval/${id}/reject`, { as, body: {} });
    expect(body).toMatchObject({ reviewer: "anna", reason: "No reason provided" });
  });
});

test("one approval of two leaves it pending, and says so; who may not approve is told", async () => {
  await stage.close();
  stage = await openWhole({}, {}, (root) => {
    const policy = `rules:
  - id: two
    match: { kind: payment }
    decision: require_approval
    approvers: [anna, ben]
    quorum: 2
`;
    writeFileSync(join(root, "../policy.yaml"), policy);
    writeFileSync(join(root, "../people.yaml"), "persons:\n  anna: {}\n  ben: {}\n  olga: {}\n");
  });
  const id = await stage.submit();
  const path = `/approval/${id}/approve`;
  const first = await stage.ask(`POST ${path}`, { as, body: { reviewer: "ben" } });
  expect(first).toMatchObject({ status: 200, body: { status: "pending", reviewer: "ben" } });
  // The name in the body is a claim, so that one token never is two persons.
  expect(await stage.ask(`POST ${path}`, { as, body: { reviewer: "ben" } })).toMatchObject({ status: 400 });
  expect(await stage.world.status(id)).toBe("pending");
  const other = await stage.ask(`POST ${path}`, { socket: "reviewer", body: { reviewer: "olga" } });
  expect(other).toMatchObject({ status: 403, body: { error: expect.stringContaining("olga") } });
  const second = await stage.ask(`POST ${path}`, { socket: "reviewer", body: { reviewer: "ben" } });
  expect(second).toMatchObject({ status: 200, body: { status: "approved" } });
});

test.each([
  ["an agent", "billing-agent", 403],
  ["nobody", "mallory", 401],
])("%s decides nothing", async (_, who, status) => {
  const id = await stage.submit();
  expect((await stage.ask(`POST /approval/${id}/approve`, { as: who, body: {} })).status).toBe(status);
  expect((await stage.ask(`POST /approval/${id}/approve`, { socket: "agent", body: {} })).status).toBe(403);
  expect(await stage.world.status(id)).toBe("pending");
});
