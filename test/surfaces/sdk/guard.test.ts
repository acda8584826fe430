import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import {
  type Approved,
  CancelledError,
  ChangesRequestedError,
  type Countersign,
  DeniedError,
  DoubtfulError,
  ExpiredError,
  FailedError,
  type NotDoneError,
  OutcomeUnknownError,
  RejectedError,
  verifyGrant,
} from "../../../src/sdk.ts";
import { openForEach, reopen, stage } from "./stage.ts";

openForEach();
let countersign: Countersign;
beforeEach(async () => {
  countersign = await stage.connect();
});

/** A function that remembers what it was called with. */
function recorder(result: unknown = { commit: "3f2a9c1" }) {
  const calls: [object, Approved][] = [];
  const act = async (params: object, approved: Approved) => {
    calls.push([params, approved]);
    return result;
  };
  return { calls, act };
}

function withCode(code: string): Error {
  return Object.assign(new Error(code), { code });
}

function circular(): object {
  const ring: { next?: object } = {};
  ring.next = ring;
  return ring;
}

describe("a guarded function", () => {
  test("runs once it is approved, with a grant for this very action, and its result is recorded", async () => {
    // The grant is checked by the real clock below, and the stage's stands still.
    stage.world.clock.set(Date.now());
    const { calls, act } = recorder();
    const guarded = countersign.guard("refactor", act);
    const approved = stage.decideNext("approve");
    expect(await guarded({ module: "billing" })).toEqual({ commit: "3f2a9c1" });
    const id = await approved;
    const [[params, given] = []] = calls;
    expect(params).toEqual({ module: "billing" });
    expect(given).toMatchObject({ id, reviewer: "anna", idempotency_key: id });
    const key = await countersign.grantKey();
    const action = { kind: "refactor", params: { module: "billing" } };
    expect(await verifyGrant(given?.grant ?? "", key, { action, id })).toMatchObject({
      sub: id,
      approved_by: ["anna"],
    });
    expect(await countersign.show(id)).toMatchObject({ status: "executed", result: { commit: "3f2a9c1" } });
  });

  test("does not run when it is rejected, and says why", async () => {
    const { calls, act } = recorder();
    const guarded = countersign.guard("refactor", act);
    const rejected = stage.decideNext("reject", { reason: "not on a Friday" });
    const error = await guarded({ module: "billing" }).catch((thrown: unknown) => thrown);
    await rejected;
    expect(error).toBeInstanceOf(RejectedError);
    expect(error).toMatchObject({
      name: "RejectedError",
      status: "rejected",
      reason: "not on a Friday",
      reviewer: "anna",
      message: expect.stringContaining("not on a Friday"),
    });
    expect(calls).toEqual([]);
  });

  test("does not run when changes are asked for", async () => {
    const { calls, act } = recorder();
    const asked = stage.decideNext("request_changes", { reason: "smaller" });
    await expect(countersign.guard("refactor", act)({})).rejects.toBeInstanceOf(ChangesRequestedError);
    await asked;
    expect(calls).toEqual([]);
  });

  test("does not run when nobody decides in time", async () => {
    const { calls, act } = recorder();
    const waiting = countersign
      .guard(
        "refactor",
        act,
      )({})
      .catch((error: unknown) => error);
    await stage.submitted();
    await stage.world.pass(3_600_001);
    expect(await waiting).toBeInstanceOf(ExpiredError);
    expect(calls).toEqual([]);
  });

  test("runs with what a person made of it", async () => {
    const { calls, act } = recorder();
    const approved = stage.decideNext("approve", { set: { version: "2.0.1" } });
    await countersign.guard("release", act)({ version: "2.0.0", channel: "beta" });
    await approved;
    expect(calls.map(([params]) => params)).toEqual([{ version: "2.0.1", channel: "beta" }]);
  });

  test("that fails is recorded as failed, and fails with its own error", async () => {
    const broken = new TypeError("no such module");
    const approved = stage.decideNext("approve");
    const guarded = countersign.guard("refactor", async () => {
      throw broken;
    });
    await expect(guarded({})).rejects.toBe(broken);
    expect(await countersign.show(await approved)).toMatchObject({
      status: "failed",
      error: "no such module",
    });
  });

  test.each<[string, unknown, string]>([
    ["says so", new DoubtfulError("the line went dead"), "the line went dead"],
    ["broke off", new DOMException("The operation timed out", "TimeoutError"), "The operation timed out"],
    ["lost its connection", new TypeError("fetch failed", { cause: withCode("ECONNRESET") }), "fetch failed"],
    ["ran out of time", withCode("ETIMEDOUT"), "ETIMEDOUT"],
    ["was cancelled", withCode("ERR_CANCELED"), "ERR_CANCELED"],
    [
      "killed its program",
      Object.assign(new Error("Command failed"), { signal: "SIGTERM" }),
      "Command failed",
    ],
    ["lost one of several", new AggregateError([withCode("EPIPE")], "all of them"), "all of them"],
    ["has errors of another realm", { name: "AbortError", message: "stopped" }, "stopped"],
  ])("that cannot tell what came of it, because it %s, is recorded as unknown", async (_, thrown, said) => {
    const approved = stage.decideNext("approve");
    const guarded = countersign.guard("refactor", () => Promise.reject(thrown));
    await expect(guarded({})).rejects.toBe(thrown);
    expect(await countersign.show(await approved)).toMatchObject({
      status: "outcome_unknown",
      error: `its caller cannot tell: ${said}`,
    });
  });

  test("that stumbles over another action's unknown outcome is in the same doubt", async () => {
    const first = stage.decideNext("approve");
    await countersign
      .guard("release", () => Promise.reject(new DoubtfulError("cut off")))({})
      .catch(() => {});
    const other = await first;
    const second = stage.decideNext("approve");
    const guarded = countersign.guard("refactor", () => countersign.outcome(other));
    await expect(guarded({})).rejects.toBeInstanceOf(OutcomeUnknownError);
    expect(await countersign.show(await second)).toMatchObject({ status: "outcome_unknown" });
  });

  test("that gives nothing is recorded with null", async () => {
    const approved = stage.decideNext("approve");
    expect(await countersign.guard("refactor", async () => undefined)({})).toBeUndefined();
    expect(await countersign.show(await approved)).toMatchObject({ status: "executed", result: null });
  });

  test.each<[string, unknown, unknown]>([
    ["larger than a record", "x".repeat(2_000_000), expect.stringMatching(/^"xxx[\s\S]*\n\[cut: /)],
    ["a number beyond what is exact", { id: 2 ** 60 }, '{"id":1152921504606847000}'],
    ["half a surrogate pair", "cut \ud83d", "cut \ufffd"],
    [
      "deeper than a record",
      JSON.parse(`${"[".repeat(200)}${"]".repeat(200)}`),
      expect.stringMatching(/^\[+\]+$/),
    ],
    ["a BigInt", { id: 10n }, "{ id: 10n }"],
    ["circular", circular(), expect.stringContaining("[Circular *1]")],
  ])("whose result is %s has been executed all the same", async (_, result, recorded) => {
    const approved = stage.decideNext("approve");
    expect(await countersign.guard("refactor", async () => result)({})).toBe(result);
    expect(await countersign.show(await approved)).toMatchObject({ status: "executed", result: recorded });
  });

  test.each<[string, unknown, string]>([
    [
      "half a pair where it is cut off",
      new Error(`a${"\u{1f389}".repeat(3_000)}`),
      `a${"\u{1f389}".repeat(1_999)}\ufffd`,
    ],
    ["no form as text", Object.create(null), "[Object: null prototype] {}"],
    ["no message", { status: 503 }, "{ status: 503 }"],
    ["nothing to say", new Error(" "), "It failed without saying why."],
  ])("that fails with %s is recorded as failed", async (_, thrown, recorded) => {
    const approved = stage.decideNext("approve");
    const guarded = countersign.guard("refactor", () => Promise.reject(thrown));
    await expect(guarded({})).rejects.toBe(thrown);
    expect(await countersign.show(await approved)).toMatchObject({ status: "failed", error: recorded });
  });

  test("that two ask for at the same time is decided once, runs once, and answers both", async () => {
    const { calls, act } = recorder();
    const guarded = countersign.guard("refactor", act);
    const id = stage.submitted();
    const [first, second] = [guarded({ n: 1 }), guarded({ n: 1 })];
    await id;
    // Until both have asked.
    for (let asked = 0; asked < 2; ) ({ asked } = await countersign.show(await id));
    await stage.world.application.decide(await id, {
      verb: "approve",
      reviewer: "anna",
      reason: null,
      via: "cli",
    });
    expect(await Promise.all([first, second])).toEqual([{ commit: "3f2a9c1" }, { commit: "3f2a9c1" }]);
    expect(calls).toHaveLength(1);
  });

  test("whose caller has given up before asks nothing", async () => {
    const guarded = countersign.guard({ kind: "refactor", signal: AbortSignal.abort() }, recorder().act);
    await expect(guarded({})).rejects.toThrow("aborted");
    expect(await countersign.audit.query()).toEqual([]);
  });

  test("whose time is over withdraws its request, and says so", async () => {
    const id = stage.submitted();
    const guarded = countersign.guard({ kind: "refactor", timeout_ms: 1 }, recorder().act);
    const error = await guarded({}).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "no_answer", message: expect.stringContaining("withdrawn") });
    expect(await countersign.show(await id)).toMatchObject({ status: "cancelled" });
  });

  test("whose approval is taken back before it begins does nothing, and asks no more", async () => {
    const { calls, act } = recorder();
    const onDecide = async ({ id }: { id: string }) => {
      await stage.world.application.takeBack(id, { by: "anna", reason: null });
    };
    const approved = stage.decideNext("approve");
    const guarded = countersign.guard({ kind: "refactor", onDecide }, act)({});
    const error = await guarded.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(CancelledError);
    expect(error).toMatchObject({ status: "cancelled", message: expect.stringContaining("taken back") });
    expect(calls).toEqual([]);
    expect(await countersign.show(await approved)).toMatchObject({ status: "cancelled" });
  });

  test("whose approval runs out before it begins does nothing, and says so", async () => {
    const { calls, act } = recorder();
    const onDecide = () => stage.world.pass(900_001);
    const approved = stage.decideNext("approve");
    const error = await countersign
      .guard(
        { kind: "refactor", onDecide },
        act,
      )({})
      .catch((thrown: unknown) => thrown);
    await approved;
    expect(error).toBeInstanceOf(ExpiredError);
    expect(String(error)).toContain("not started in time");
    expect(calls).toEqual([]);
  });

  test("whose caller gives up withdraws its request", async () => {
    const { calls, act } = recorder();
    const gone = new AbortController();
    const id = stage.submitted();
    const waiting = countersign.guard({ kind: "refactor", signal: gone.signal }, act)({});
    await id;
    gone.abort(new Error("the agent was stopped"));
    await expect(waiting).rejects.toThrow("the agent was stopped");
    expect(await countersign.show(await id)).toMatchObject({ status: "cancelled" });
    expect(calls).toEqual([]);
  });

  test("cannot stand for what the daemon executes", async () => {
    const { calls, act } = recorder();
    const id = stage.submitted();
    await expect(countersign.guard("payment", act)({})).rejects.toMatchObject({ code: "not_caller" });
    expect(await countersign.show(await id)).toMatchObject({ status: "cancelled" });
    expect(calls).toEqual([]);
  });

  test("works over TCP, in the name that the token proves", async () => {
    const overTcp = await stage.connectOverTcp();
    const { calls, act } = recorder();
    const approved = stage.decideNext("approve");
    await overTcp.guard("refactor", act)({});
    expect(calls).toHaveLength(1);
    expect(await countersign.show(await approved)).toMatchObject({
      requester: "billing-agent",
      status: "executed",
    });
  });
});

describe("with a token that outlives its process", () => {
  const kept = { kind: "refactor", key: () => "the only one", token: "kept-in-a-file" };

  test("goes on with what the process before it had asked for", async () => {
    const { calls, act } = recorder();
    const { request } = await countersign.request({ kind: "refactor", key: kept.key(), token: kept.token });
    const approved = stage.decideNext("approve");
    expect(await countersign.guard(kept, act)({})).toEqual({ commit: "3f2a9c1" });
    expect(await approved).toBe(request.id);
    expect(calls).toHaveLength(1);
  });

  test("does not do again what that process has done", async () => {
    const { calls, act } = recorder();
    const approved = stage.decideNext("approve");
    await countersign.guard(kept, act)({});
    await approved;
    expect(await countersign.guard(kept, act)({})).toEqual({ commit: "3f2a9c1" });
    expect(calls).toHaveLength(1);
  });

  test("does once what two of its processes do at the same time, and answers both", async () => {
    const { calls, act } = recorder();
    const other = await stage.connect();
    const approved = stage.decideNext("approve");
    const both = [countersign.guard(kept, act)({}), other.guard(kept, act)({})];
    expect(await Promise.all(both)).toEqual([{ commit: "3f2a9c1" }, { commit: "3f2a9c1" }]);
    await approved;
    expect(calls).toHaveLength(1);
  });
});

describe("onAsk", () => {
  test("that throws withdraws what was asked", async () => {
    const id = stage.submitted();
    const onAsk = () => {
      throw new Error("the chat is down");
    };
    const guarded = countersign.guard({ kind: "refactor", onAsk }, recorder().act);
    await expect(guarded({})).rejects.toThrow("the chat is down");
    expect(await countersign.show(await id)).toMatchObject({ status: "cancelled" });
  });
});

describe("onDecide", () => {
  test("is told of the decision, before anything is done", async () => {
    const order: string[] = [];
    const guarded = countersign.guard(
      {
        kind: "refactor",
        onDecide: ({ decision }) => void order.push(`${decision?.verb} by ${decision?.reviewer}`),
      },
      () => void order.push("done"),
    );
    const approved = stage.decideNext("approve");
    await guarded({});
    await approved;
    expect(order).toEqual(["approve by anna", "done"]);
  });

  test("that throws keeps it from being done", async () => {
    const { calls, act } = recorder();
    const onDecide = () => {
      throw new Error("the log is full");
    };
    const approved = stage.decideNext("approve");
    await expect(countersign.guard({ kind: "refactor", onDecide }, act)({})).rejects.toThrow(
      "the log is full",
    );
    expect(calls).toEqual([]);
    expect(await countersign.show(await approved)).toMatchObject({ status: "cancelled" });
  });
});

describe("onDeny", () => {
  test("is called instead of throwing, and what it gives is the result", async () => {
    const { calls, act } = recorder();
    const rejected = stage.decideNext("reject", { reason: "no" });
    const guarded = countersign.guard(
      { kind: "refactor", onDeny: (error: NotDoneError) => ({ instead: error.reason }) },
      act,
    );
    expect(await guarded({})).toEqual({ instead: "no" });
    await rejected;
    expect(calls).toEqual([]);
  });

  /** Asks, and lets something happen between the yes and the claim. */
  async function meanwhile(happens: (id: string) => unknown, more: { token?: string } = {}) {
    const { calls, act } = recorder();
    const denied: NotDoneError[] = [];
    const approved = stage.decideNext("approve");
    const guarded = countersign.guard(
      {
        kind: "refactor",
        ...more,
        onDecide: async ({ id }) => void (await happens(id)),
        onDeny(error) {
          denied.push(error);
          return "denied";
        },
      },
      act,
    );
    const came = await guarded({}).catch((thrown: unknown) => thrown);
    await approved;
    expect(calls).toEqual([]);
    return { came, denied };
  }

  test.each<[string, string, (id: string) => unknown]>([
    ["taken back", "cancelled", (id) => stage.world.application.takeBack(id, { by: "anna", reason: null })],
    [
      "turned into a no",
      "rejected",
      (id) =>
        stage.world.application.decide(id, { verb: "reject", reviewer: "anna", reason: "wait", via: "cli" }),
    ],
    ["left until it ran out", "expired", () => stage.world.pass(900_001)],
  ])("is called where the approval is %s before it is used", async (_, status, happens) => {
    const { came, denied } = await meanwhile(happens);
    expect(came).toBe("denied");
    expect(denied).toMatchObject([{ status }]);
  });

  test("is called where the grant runs out a moment before the approval does", async () => {
    // A grant's time is in whole seconds.
    await stage.world.pass(500);
    const { came, denied } = await meanwhile(() => stage.world.pass(899_800));
    expect(came).toBe("denied");
    expect(denied).toMatchObject([
      { status: "cancelled", message: expect.stringContaining("not used in time") },
    ]);
  });

  test("is not called where another process has tried it meanwhile, or where it only cannot begin now", async () => {
    const tried = await meanwhile(
      async (id) => {
        const { grant } = await countersign.grant(id, "kept");
        await countersign.claim(id, { token: "kept", grant });
        await countersign.complete(id, { token: "kept", failed: "no disk" });
      },
      { token: "kept" },
    );
    expect(tried.came).toBeInstanceOf(FailedError);
    const halted = await meanwhile(() => stage.world.application.halt("anna"));
    expect(halted.came).toMatchObject({ code: "halted" });
    expect([...tried.denied, ...halted.denied]).toEqual([]);
  });

  test("is not called for a no that the function itself came upon", async () => {
    const rejected = stage.decideNext("reject");
    const inner = await countersign
      .guard(
        "release",
        recorder().act,
      )({ version: "1" })
      .catch((error) => error);
    await rejected;
    const approved = stage.decideNext("approve");
    const onDeny = () => "denied";
    const guarded = countersign.guard({ kind: "refactor", onDeny }, () => Promise.reject(inner));
    await expect(guarded({})).rejects.toBe(inner);
    await approved;
  });
});

test("what the policy denies is not asked, and not done", async () => {
  await reopen({}, (root) =>
    writeFileSync(
      join(root, "../policy.yaml"),
      "default: require_approval\nrules:\n  - { id: never, match: { kind: refactor }, decision: deny, reason: Nobody refactors. }\n  - { id: fine, match: { kind: release }, decision: allow }\n",
    ),
  );
  countersign = await stage.connect();
  const { calls, act } = recorder();
  const asked: string[] = [];
  const onAsk = ({ kind }: { kind: string }) => void asked.push(kind);
  const denied = countersign.guard({ kind: "refactor", onAsk }, act)({});
  await expect(denied).rejects.toBeInstanceOf(DeniedError);
  await expect(denied).rejects.toMatchObject({ reason: "Nobody refactors.", reviewer: null });
  expect(calls).toEqual([]);
  // What it allows is done without a person, and with a grant all the same.
  await countersign.guard({ kind: "release", onAsk }, act)({ version: "1" });
  expect(asked).toEqual([]);
  expect(calls).toMatchObject([[{ version: "1" }, { reviewer: null, grant: expect.any(String) }]]);
});
