import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ID, view } from "../fake-application.ts";
import { createStage, type Question, type Stage, tokenOf } from "./stage.ts";

let stage: Stage;
beforeEach(() => {
  stage = createStage();
});
afterEach(async () => {
  await stage.close();
  expect(stage.bugs).toEqual([]);
});

const refused = (code: string) => ({ error: expect.objectContaining({ code }) });

const _asAgent = { authorization: `Bearer ${tokenOf("billing-agent")}` };

describe("over TCP", () => {
  test.each<[string, string, Question, number, string]>([
    ["an agent that halts", "POST /v1/halt", { as: "billing-agent", body: {} }, 403, "not_allowed"],
    ["a reviewer that asks", "POST /v1/requests", { as: "anna", body: { kind: "a" } }, 403, "not_allowed"],
    [
      "an operator that decides",
      `POST /v1/requests/${ID}/decide`,
      { as: "olga", body: {} },
      403,
      "not_allowed",
    ],
    ["a reader that halts", "POST /v1/halt", { as: "wallboard", body: {} }, 403, "not_allowed"],
    [
      "an agent in another's name",
      "POST /v1/requests",
      { as: "billing-agent", body: { kind: "a", requester: "other-agent" } },
      403,
      "not_allowed",
    ],
    [
      "an agent that withdraws in another's name",
      `POST /v1/requests/${ID}/cancel`,
      { as: "billing-agent", body: { by: "other-agent" } },
      403,
      "not_allowed",
    ],
  ])("%s is refused", async (_, line, question, status, code) => {
    const application = await stage.serve();
    expect(await stage.ask(line, question)).toMatchObject({ status, body: refused(code) });
    expect(application.calls.filter(([name]) => name !== "show")).toEqual([]);
  });

  test.each([
    ["GET", `/v1/requests/${ID}`],
    ["GET", `/v1/requests/${ID}/wait`],
    ["GET", `/v1/requests/${ID}/grant`],
    ["POST", `/v1/requests/${ID}/cancel`],
    ["POST", `/v1/requests/${ID}/claim`],
    ["POST", `/v1/requests/${ID}/complete`],
    ["GET", `/approval/${ID}`],
    ["GET", `/api/v1/approvals/${ID}`],
    ["GET", `/api/v1/jobs/${ID}/decisions`],
  ])("%s %s: another's request is not there", async (method, path) => {
    const application = await stage.serve();
    const body = method === "POST" ? { body: {} } : {};
    const { status } = await stage.ask(`${method} ${path}`, { as: "other-agent", ...body });
    expect(status).toBe(404);
    expect(application.calls).toEqual([["show", ID]]);
  });

  test("who asks is whom the token names", async () => {
    const application = await stage.serve();
    await stage.ask("POST /v1/requests", { as: "billing-agent", body: { kind: "a" } });
    await stage.ask("POST /v1/requests", {
      as: "billing-agent",
      body: { kind: "a", requester: "billing-agent" },
    });
    await stage.ask(`POST /v1/requests/${ID}/cancel`, { as: "billing-agent", body: { reason: "late" } });
    await stage.ask("GET /v1/requests?requester=anybody", { as: "billing-agent" });
    await stage.ask("GET /v1/requests?requester=anybody", { as: "wallboard" });
    const submitted = ["submit", { kind: "a", params: {}, requester: "billing-agent" }];
    expect(application.calls.filter(([name]) => name !== "show")).toEqual([
      submitted,
      submitted,
      ["cancel", ID, { by: "billing-agent", reason: "late" }],
      ["list", { requester: "billing-agent" }],
      ["list", { requester: "anybody" }],
    ]);
  });

  test("who decides is whom the token names; another name is kept as a claim", async () => {
    const application = await stage.serve();
    const decide = (body: object) => stage.ask(`POST /v1/requests/${ID}/decide`, { as: "anna", body });
    await decide({ verb: "approve", digest: view().digest });
    await decide({ verb: "reject", reviewer: "the treasurer", via: "cli" });
    await stage.ask(`POST /v1/requests/${ID}/delegate`, { as: "anna", body: { to: "cleo" } });
    await stage.ask(`POST /v1/requests/${ID}/resolve`, { as: "anna", body: { happened: true } });
    await stage.ask("POST /v1/halt", { as: "olga", body: {} });
    expect(application.calls).toEqual([
      ["decide", ID, { verb: "approve", reviewer: "anna", reason: null, via: "http", digest: view().digest }],
      [
        "decide",
        ID,
        { verb: "reject", reviewer: "anna", claimed: "the treasurer", reason: null, via: "http" },
      ],
      ["delegate", ID, { from: "anna", to: "cleo", reason: null, via: "http" }],
      ["resolve", ID, { happened: true, by: "anna", reason: null }],
      ["halt", "olga"],
    ]);
  });

  test("a name of the operator's is taken, and so are this machine's own", async () => {
    await stage.serve();
    const { port } = stage.placeOf("tcp") as { port: number };
    for (const host of [
      "approvals.example.com",
      "Approvals.Example.Com",
      `localhost:${port}`,
      `[::1]:${port}`,
    ]) {
      expect(await stage.ask("GET /v1/health", { as: "wallboard", headers: { host } })).toMatchObject({
        status: 200,
      });
    }
  });

  test("the requester's token has a header of its own", async () => {
    const application = await stage.serve();
    const body = { grant: "g" };
    const claim = (headers: Record<string, string>) =>
      stage.ask(`POST /v1/requests/${ID}/claim`, { as: "billing-agent", body, headers });
    expect(await claim({})).toMatchObject({ status: 403, body: refused("token_invalid") });
    expect(await claim({ "requester-token": "t0ken" })).toMatchObject({ status: 200 });
    expect(application.calls.at(-1)).toEqual(["claim", ID, { token: "t0ken", grant: "g" }]);
  });
});

describe("an idempotency key", () => {
  test.each([
    ["as most send it", "invoice-117"],
    ["in quotes, as the header's draft has it", '"invoice-117"'],
  ])("in the header, %s", async (_, value) => {
    const application = await stage.serve();
    await stage.ask("POST /v1/requests", { body: { kind: "a" }, headers: { "idempotency-key": value } });
    expect(application.calls).toEqual([["submit", { kind: "a", params: {}, key: "invoice-117" }]]);
  });

  test("that differs from the body's is refused", async () => {
    await stage.serve();
    const question = { body: { kind: "a", key: "one" }, headers: { "idempotency-key": "other" } };
    expect(await stage.ask("POST /v1/requests", question)).toMatchObject({ status: 400 });
  });
});
