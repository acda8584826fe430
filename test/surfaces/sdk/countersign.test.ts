import { beforeEach, describe, expect, test } from "vitest";
import { Fault } from "../../../src/core/codes.ts";
import type { JsonObject } from "../../../src/core/json.ts";
import {
  type Countersign,
  connect,
  FailedError,
  OutcomeUnknownError,
  RejectedError,
  verifyGrant,
} from "../../../src/sdk.ts";
import { createCountersign } from "../../../src/surfaces/sdk/countersign.ts";
import { createLink, type Link } from "../../../src/surfaces/sdk/link.ts";
import { tokenOf } from "../http/stage.ts";
import { openForEach, reopen, stage } from "./stage.ts";

openForEach();
let countersign: Countersign;
beforeEach(async () => {
  countersign = await stage.connect();
});

const PAY = { kind: "payment", params: { amount_cents: 150_000, payee: "ACME" } };

describe("connecting", () => {
  test("says at once that there is no daemon", async () => {
    await stage.stopServing();
    await expect(stage.connect()).rejects.toMatchObject({ code: "unreachable", hint: expect.any(String) });
  });

  test("over TCP needs a token that is known", async () => {
    await expect(stage.connectOverTcp("mallory")).rejects.toMatchObject({ code: "unauthenticated" });
    await expect(connect({ url: "http://127.0.0.1:1" })).rejects.toMatchObject({ code: "usage" });
  });

  test("over TCP takes a token as a file has it, with the line's end, and no other text", async () => {
    const { port } = stage.placeOf("tcp") as { port: number };
    const url = `http://127.0.0.1:${port}`;
    const found = await connect({ url, token: `${tokenOf("billing-agent")}\n` });
    expect(await found.audit.query()).toEqual([]);
    for (const token of ["two\nlines", "ünlike", ""]) {
      await expect(connect({ url, token })).rejects.toMatchObject({ code: "usage" });
    }
  });
});

describe("a request", () => {
  test("that the daemon executes ends with its result", async () => {
    const approved = stage.decideNext("approve");
    const { request, created, token } = await countersign.request(PAY);
    expect({ created, token, status: request.status }).toEqual({
      created: true,
      token: null,
      status: "pending",
    });
    expect(await countersign.outcome(request.id)).toEqual({ receipt: "R-1" });
    await approved;
    expect(await countersign.wait(request.id)).toMatchObject({
      status: "executed",
      requester: "billing-agent",
    });
  });

  test("that is rejected ends with an error that has the reason", async () => {
    const rejected = stage.decideNext("reject", { reason: "paid last week" });
    const { request } = await countersign.request(PAY);
    await expect(countersign.outcome(request.id)).rejects.toBeInstanceOf(RejectedError);
    await rejected;
    await expect(countersign.outcome(request.id)).rejects.toMatchObject({ reason: "paid last week" });
  });

  test("that fails ends with an error of its own", async () => {
    await reopen({ handler: async () => ({ status: "failed", error: "no funds" }) });
    countersign = await stage.connect();
    const approved = stage.decideNext("approve");
    const { request } = await countersign.request(PAY);
    await expect(countersign.outcome(request.id)).rejects.toBeInstanceOf(FailedError);
    await approved;
  });

  test("with the same key is the same request", async () => {
    const first = await countersign.request({ ...PAY, key: "invoice-117" });
    const again = await countersign.request({ ...PAY, key: "invoice-117" });
    expect(again).toMatchObject({ created: false, request: { id: first.request.id } });
    await expect(
      countersign.request({ kind: "payment", params: {}, key: "invoice-117" }),
    ).rejects.toMatchObject({
      code: "key_reused",
    });
  });

  test("whose token could not be sent later is not made", async () => {
    const asked = countersign.request({ kind: "refactor", token: "from a file\n" });
    await expect(asked).rejects.toMatchObject({ name: "CountersignError", code: "usage" });
    expect(await countersign.audit.query()).toEqual([]);
  });

  test("whose params are no JSON is not made, and the param is named", async () => {
    const asked = countersign.request({ kind: "refactor", params: { cost: Number.NaN } });
    await expect(asked).rejects.toMatchObject({
      code: "invalid_json",
      message: expect.stringContaining("params.cost"),
    });
    expect(await countersign.audit.query()).toEqual([]);
  });

  test("can be withdrawn", async () => {
    const { request } = await countersign.request(PAY);
    expect(await countersign.cancel(request.id, { reason: "no longer needed" })).toMatchObject({
      status: "cancelled",
    });
  });

  test("that its caller executes can be withdrawn, claimed and completed with its token only", async () => {
    const { request, token } = await countersign.request({ kind: "refactor" });
    const { id } = request;
    const mine = token ?? "";
    await expect(countersign.cancel(id)).rejects.toMatchObject({ code: "token_invalid" });
    await stage.world.application.decide(id, { verb: "approve", reviewer: "anna", reason: null, via: "cli" });
    expect(await countersign.wait(id)).toMatchObject({ status: "approved" });
    const { grant } = await countersign.grant(id, mine);
    await expect(countersign.claim(id, { token: "x".repeat(43), grant })).rejects.toMatchObject({
      code: "token_invalid",
    });
    expect(await countersign.claim(id, { token: mine, grant })).toMatchObject({ status: "executing" });
    await expect(countersign.claim(id, { token: mine, grant })).rejects.toMatchObject({
      code: "already_started",
    });
    expect(await countersign.complete(id, { token: mine, result: 7 })).toMatchObject({
      status: "executed",
      result: 7,
    });
    // Said again, because the first answer was lost.
    expect(await countersign.complete(id, { token: mine, result: 7 })).toMatchObject({ status: "executed" });
    await expect(countersign.complete(id, { token: mine, failed: "no" })).rejects.toMatchObject({
      code: "already_final",
    });
  });
});

describe("a claim whose answer is lost", () => {
  /** A daemon whose answers to claims never arrive, whether or not it has heard them. */
  function deaf(heard: boolean): Countersign {
    const link = createLink({ socket: stage.sockets.agent }, 1_000);
    const insist: Link["insist"] = async (question, safe) => {
      const isClaim = question.path.endsWith("/claim");
      if (isClaim && !heard) throw new Fault("unreachable");
      const answer = await link.insist(question, safe).catch((error: unknown) => error);
      if (isClaim) throw new Fault("unreachable");
      if (answer instanceof Error) throw answer;
      return answer as JsonObject;
    };
    return createCountersign({ ...link, insist }, "billing-agent");
  }

  async function approved() {
    const { request, token } = await countersign.request({ kind: "refactor" });
    const { id } = request;
    await stage.world.application.decide(id, { verb: "approve", reviewer: "anna", reason: null, via: "cli" });
    const grantFor = async (one: Countersign) => (await one.grant(id, token ?? "")).grant;
    const claim = (one: Countersign, grant: string) => one.claim(id, { token: token ?? "", grant });
    return { id, grantFor, claim };
  }

  test("is the own one where it was heard", async () => {
    const { grantFor, claim } = await approved();
    const asks = deaf(true);
    expect(await claim(asks, await grantFor(asks))).toMatchObject({ status: "executing" });
  });

  test.each([true, false])("is no other process's with the same token (heard: %s)", async (heard) => {
    const { grantFor, claim } = await approved();
    const asks = deaf(heard);
    const [grant, other] = [await grantFor(asks), await grantFor(countersign)];
    expect(await claim(countersign, other)).toMatchObject({ status: "executing" });
    await expect(claim(asks, grant)).rejects.toMatchObject({ code: "already_started" });
  });
});

test("an action whose caller cannot tell what came of it is a person's to resolve, at once", async () => {
  const { request, token } = await countersign.request({ kind: "refactor" });
  const { id } = request;
  const mine = token ?? "";
  await stage.world.application.decide(id, { verb: "approve", reviewer: "anna", reason: null, via: "cli" });
  const { grant } = await countersign.grant(id, mine);
  await countersign.claim(id, { token: mine, grant });
  const outcome = countersign.outcome(id).catch((error: unknown) => error);
  const said = { token: mine, unknown: "the line went dead" };
  const told = { status: "outcome_unknown", error: "its caller cannot tell: the line went dead" };
  expect(await countersign.complete(id, said)).toMatchObject(told);
  expect(await outcome).toBeInstanceOf(OutcomeUnknownError);
  // Said again, because the first answer was lost; and what a caller then says otherwise is too late.
  expect(await countersign.complete(id, said)).toMatchObject(told);
  await expect(countersign.complete(id, { token: mine, result: 7 })).rejects.toMatchObject({
    code: "not_executing",
  });
});

describe("a wait", () => {
  test("ends with the time that it was given, and waiting goes on where it was", async () => {
    const { request } = await countersign.request(PAY);
    const waiting = countersign.wait(request.id, { timeout_ms: 1 }).catch((error: unknown) => error);
    let over = false;
    void waiting.then(() => {
      over = true;
    });
    while (!over) {
      await stage.world.pass(1);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await waiting).toMatchObject({ code: "no_answer" });
    await stage.world.application.decide(request.id, {
      verb: "reject",
      reviewer: null,
      reason: null,
      via: "cli",
    });
    expect(await countersign.wait(request.id)).toMatchObject({ status: "rejected" });
  });

  test("ends when its caller aborts it", async () => {
    const { request } = await countersign.request(PAY);
    const gone = new AbortController();
    const waiting = countersign.wait(request.id, { signal: gone.signal });
    gone.abort(new Error("enough"));
    await expect(waiting).rejects.toThrow("enough");
  });

  test("outlives the daemon", async () => {
    const { request } = await countersign.request(PAY);
    const waiting = countersign.wait(request.id);
    await stage.stopServing();
    await stage.world.application.decide(request.id, {
      verb: "reject",
      reviewer: "anna",
      reason: "no",
      via: "cli",
    });
    await stage.serveAll(stage.world.application);
    expect(await waiting).toMatchObject({ status: "rejected", decision: { reason: "no" } });
  });
});

test("what has no form as JSON is refused with a code, wherever it stands", async () => {
  const result = 1n as unknown as number;
  const said = countersign.complete("x", { token: "t", result });
  await expect(said).rejects.toMatchObject({ code: "invalid_json" });
  const since = countersign.audit.query({ since: new Date("yesterday") });
  await expect(since).rejects.toMatchObject({ code: "invalid_request" });
});

test("the audit can be asked who did what, and since when", async () => {
  const rejected = stage.decideNext("reject", { reason: "no" });
  const { request } = await countersign.request(PAY);
  await rejected;
  await stage.submit("other-agent");
  const [said] = await countersign.audit.query({ event: "rejected" });
  expect(said).toMatchObject({ id: request.id, by: "anna", reason: "no", kind: "payment" });
  const events = async (filter: Parameters<typeof countersign.audit.query>[0]) =>
    (await countersign.audit.query(filter)).map(({ seq, event }) => `${seq} ${event}`);
  expect(await events({ requester: "other-agent" })).toEqual(["4 submitted"]);
  expect(await events({ event: ["rejected", "archived"] })).toEqual(["2 rejected", "3 archived"]);
  expect(await events({ since: new Date(stage.world.clock.now() + 1) })).toEqual([]);
  expect(await events({ limit: 2 })).toEqual(["1 submitted", "2 rejected"]);
});

test("the audit can be asked who halted, resumed and accepted the clock", async () => {
  const { application, clock } = stage.world;
  expect(await countersign.audit.switches()).toEqual([]);
  await application.halt("ada");
  clock.set(clock.now() + 1_000);
  const then = new Date(clock.now());
  await application.resume("bob");
  const all = await countersign.audit.switches();
  expect(all.map(({ n, switch: what, by }) => `${n} ${what} ${by}`)).toEqual([
    "1 halted ada",
    "2 resumed bob",
  ]);
  expect(all[1]?.prev).toBe(all[0]?.hash);
  expect(await countersign.audit.switches({ since: then })).toEqual(all.slice(1));
});

describe("a grant", () => {
  const action = { kind: "refactor", params: { module: "billing" } };

  async function granted() {
    const { request, token } = await countersign.request(action);
    await stage.world.application.decide(request.id, {
      verb: "approve",
      reviewer: "anna",
      reason: null,
      via: "cli",
    });
    const early = await countersign.grant(request.id, token ?? "");
    await countersign.claim(request.id, { token: token ?? "", grant: early.grant });
    const { grant } = await countersign.grant(request.id, token ?? "");
    return {
      early: early.grant,
      grant,
      id: request.id,
      digest: request.digest,
      key: await countersign.grantKey(),
    };
  }

  // Grants are checked by the real clock here, and the stage's stands still.
  beforeEach(() => stage.world.clock.set(Date.now()));

  test("says what was approved, and by whom", async () => {
    const { grant, id, digest, key } = await granted();
    expect(await verifyGrant(grant, key, { digest })).toMatchObject({
      sub: id,
      approved_by: ["anna"],
      digest,
    });
    expect(await verifyGrant(grant, key, { action })).toMatchObject({ kind: "refactor" });
  });

  test.each([
    ["another action", { action: { ...action, params: { module: "payroll" } } }],
    ["another kind", { action: { ...action, kind: "release" } }],
    ["another digest", { digest: `sha256:${"0".repeat(64)}` }],
    ["another request", { action, id: "20261121-091403-refactor-aaaaaa" }],
  ])("for %s is refused", async (_, expected) => {
    const { grant, key } = await granted();
    await expect(verifyGrant(grant, key, expected)).rejects.toMatchObject({ code: "grant_invalid" });
  });

  test("that nobody signed here is refused", async () => {
    const { grant, key } = await granted();
    const [head, , signature] = grant.split(".");
    const claims = { iss: "countersign", sub: "x", approved_by: ["anna"], iat: 0, exp: 9e9, jti: "x" };
    const body = Buffer.from(JSON.stringify(claims)).toString("base64url");
    for (const forged of ["", "x.y.z", `${head}.${body}.${signature}`]) {
      await expect(verifyGrant(forged, key, { action })).rejects.toMatchObject({ code: "grant_invalid" });
    }
  });

  test("from before the claim is refused: it may have been taken back since", async () => {
    const { early, key } = await granted();
    await expect(verifyGrant(early, key, { action })).rejects.toMatchObject({ code: "grant_invalid" });
  });

  test("that has run out is refused", async () => {
    stage.world.clock.set(Date.now() - 3_600_000);
    const { grant, key } = await granted();
    await expect(verifyGrant(grant, key, { action })).rejects.toMatchObject({ code: "grant_expired" });
  });

  test("that is not there is refused", async () => {
    const none = undefined as unknown as string;
    await expect(verifyGrant(none, {}, { action })).rejects.toMatchObject({ code: "grant_invalid" });
  });

  test("is not checked against nothing", async () => {
    const { grant, key } = await granted();
    // What plain JavaScript can do, types or not.
    const nothing = {} as unknown as { digest: string };
    await expect(verifyGrant(grant, key, nothing)).rejects.toMatchObject({ code: "usage" });
  });
});
