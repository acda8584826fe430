import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Fault } from "../../../src/core/codes.ts";
import { ID, view } from "../fake-application.ts";
import { createStage, type Stage } from "./stage.ts";

let stage: Stage;
beforeEach(() => {
  stage = createStage();
});
afterEach(() => stage.close());

function errorWith(code: string) {
  return { error: expect.objectContaining({ code, message: expect.any(String), hint: expect.any(String) }) };
}

const TOKEN = { authorization: "Bearer t0ken" };

describe("the agents' socket", () => {
  test("submits: 201 for a new request, 200 for a known key", async () => {
    let created = true;
    const application = await stage.serve({
      submit: async () => ({ request: view(), created, joined: false, own: true, token: "t" }),
    });
    const body = {
      kind: "payment",
      params: { a: 1 },
      key: "k",
      expires_in_ms: 5,
      title: "T",
      requester: "r",
    };
    expect(await stage.ask("POST /v1/requests", { body })).toMatchObject({
      status: 201,
      body: { request: { id: ID, status: "pending" }, created: true, joined: false, own: true, token: "t" },
    });
    created = false;
    expect((await stage.ask("POST /v1/requests", { body: { kind: "payment" } })).status).toBe(200);
    expect(application.calls).toEqual([
      ["submit", body],
      ["submit", { kind: "payment", params: {} }],
    ]);
  });

  test("reads, cancels, fetches the grant, claims and completes", async () => {
    const application = await stage.serve();
    expect((await stage.ask("GET /v1/requests?status=pending")).body).toEqual({
      requests: [view()],
      next: null,
    });
    await stage.ask("GET /v1/requests?all=true");
    await stage.ask(`GET /v1/requests/${ID}`);
    await stage.ask(`POST /v1/requests/${ID}/cancel`, { body: { by: "me", reason: null } });
    expect((await stage.ask(`GET /v1/requests/${ID}/grant`, { headers: TOKEN })).body).toMatchObject({
      grant: "the.signed.grant",
    });
    await stage.ask(`POST /v1/requests/${ID}/claim`, { headers: TOKEN, body: { grant: "g" } });
    await stage.ask(`POST /v1/requests/${ID}/complete`, { headers: TOKEN, body: { result: null } });
    await stage.ask(`POST /v1/requests/${ID}/complete`, { headers: TOKEN, body: { failed: "no" } });
    await stage.ask(`POST /v1/requests/${ID}/complete`, { headers: TOKEN, body: { unknown: "cut off" } });
    expect((await stage.ask("GET /v1/health")).body).toMatchObject({ version: "0.1.0", halted: false });
    expect((await stage.ask("GET /v1/grant-key")).body).toMatchObject({ crv: "Ed25519" });
    expect(application.calls).toEqual([
      ["list", { status: "pending" }],
      ["list", { all: true }],
      ["show", ID],
      ["checkToken", ID, null],
      ["cancel", ID, { by: "me", reason: null }],
      ["grant", ID, "t0ken"],
      ["claim", ID, { token: "t0ken", grant: "g" }],
      ["complete", ID, { token: "t0ken", outcome: { result: null } }],
      ["complete", ID, { token: "t0ken", outcome: { failed: "no" } }],
      ["complete", ID, { token: "t0ken", outcome: { unknown: "cut off" } }],
    ]);
  });

  test.each([
    {},
    { result: 1, failed: "no" },
    { result: null, unknown: "cut off" },
    { failed: "no", unknown: "cut off" },
    { unknown: "" },
  ])("cannot complete with %j", async (body) => {
    const application = await stage.serve();
    expect(await stage.ask(`POST /v1/requests/${ID}/complete`, { headers: TOKEN, body })).toMatchObject({
      status: 400,
      body: { error: { code: "invalid_request" } },
    });
    expect(application.calls).toEqual([]);
  });

  test.each([
    [`POST /v1/requests/${ID}/decide`, { verb: "approve", reviewer: "me", reason: null }],
    [`POST /v1/requests/${ID}/resolve`, { happened: true, by: "me", reason: null }],
    ["POST /v1/halt", { by: "me" }],
    ["POST /v1/resume", { by: "me" }],
  ])("cannot %s", async (line, body) => {
    const application = await stage.serve();
    expect(await stage.ask(line, { body })).toMatchObject({ status: 403, body: errorWith("not_allowed") });
    expect(application.calls).toEqual([]);
  });
});

describe("the reviewers' socket", () => {
  test("decides, resolves, halts and resumes", async () => {
    const application = await stage.serve();
    const socket = "reviewer";
    const digest = view().digest;
    await stage.ask(`POST /v1/requests/${ID}/decide`, {
      socket,
      body: { verb: "approve", reviewer: "anna", digest },
    });
    await stage.ask(`POST /v1/requests/${ID}/decide`, {
      socket,
      body: { verb: "reject", reason: "no", via: "cli" },
    });
    await stage.ask(`POST /v1/requests/${ID}/decide`, {
      socket,
      body: { verb: "approve", set: { amount_cents: 5 } },
    });
    await stage.ask(`POST /v1/requests/${ID}/resolve`, { socket, body: { happened: false, by: "anna" } });
    await stage.ask("POST /v1/halt", { socket, body: { by: "anna" } });
    await stage.ask("POST /v1/resume", { socket, body: { by: "anna" } });
    expect((await stage.ask(`GET /v1/requests/${ID}`, { socket })).status).toBe(200);
    expect(application.calls).toEqual([
      ["decide", ID, { verb: "approve", reviewer: "anna", reason: null, digest, via: "http" }],
      ["decide", ID, { verb: "reject", reviewer: null, reason: "no", via: "cli" }],
      [
        "decide",
        ID,
        { verb: "approve", reviewer: null, reason: null, via: "http", set: { amount_cents: 5 } },
      ],
      ["resolve", ID, { happened: false, by: "anna", reason: null }],
      ["halt", "anna"],
      ["resume", "anna"],
      ["show", ID],
    ]);
  });

  test("does not submit", async () => {
    await stage.serve();
    const found = await stage.ask("POST /v1/requests", { socket: "reviewer", body: { kind: "payment" } });
    expect(found).toMatchObject({ status: 403, body: errorWith("not_allowed") });
  });
});

describe("what the application says", () => {
  test.each([
    ["not_found", 404, `GET /v1/requests/${ID}`, undefined],
    ["not_pending", 409, `POST /v1/requests/${ID}/decide`, { verb: "approve" }],
    ["digest_mismatch", 409, `POST /v1/requests/${ID}/decide`, { verb: "approve" }],
    ["invalid_params", 422, "POST /v1/requests", { kind: "a" }],
    ["key_reused", 409, "POST /v1/requests", { kind: "a" }],
    ["storage_failed", 503, `GET /v1/requests/${ID}`, undefined],
  ] as const)("a fault %s is answered with %i", async (code, status, line, body) => {
    const fail = async () => {
      throw new Fault(code, "What happened.", "What to do.");
    };
    await stage.serve({ show: fail, decide: fail, submit: fail });
    const socket = line.includes("decide") ? "reviewer" : "agent";
    expect(await stage.ask(line, { socket, body })).toMatchObject({
      status,
      body: { error: { code, message: "What happened.", hint: "What to do." } },
    });
    expect(stage.bugs).toEqual([]);
  });

  test("anything else is a bug: reported, and not told to the client", async () => {
    const bug = new TypeError("secret detail");
    await stage.serve({
      show: async () => {
        throw bug;
      },
    });
    const found = await stage.ask(`GET /v1/requests/${ID}`);
    expect(found).toMatchObject({ status: 500, body: errorWith("internal") });
    expect(JSON.stringify(found.body)).not.toContain("secret detail");
    expect(stage.bugs).toEqual([bug]);
  });
});
