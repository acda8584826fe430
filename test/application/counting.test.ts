import { writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createCounting } from "../../src/application/counting.ts";
import type { Event } from "../../src/core/event.ts";
import type { Ledger } from "../../src/daemon/ports.ts";
import { makeScenery, openStage, removeScenery, type Scenery, type Stage } from "../scenarios/stage.ts";

let scenery: Scenery;
let stage: Stage;

beforeEach(() => {
  scenery = makeScenery();
});

afterEach(async () => {
  await stage.close();
  expect(stage.errors).toEqual([]);
  removeScenery(scenery);
});

const policy = (over: number, decision = "require_approval", more = "") =>
  writeFileSync(
    join(scenery.root, "../policy.yaml"),
    `default: allow
limits:
  - id: payee-rate
    match: { kind: payment }
    sum: params.amount
    per: params.payee
    within: 10m
    over: ${over}
    decision: ${decision}
${more}`,
  );
const open = async (over = 500, decision?: string) => {
  policy(over, decision);
  stage = await openStage(scenery);
};
const restart = async () => {
  await stage.close();
  stage = await openStage(scenery);
};
let number = 0;
const pay = async (amount: number, payee = "ACME") => {
  number += 1;
  const params = { amount, payee, number };
  return (await stage.application.submit({ kind: "payment", params, requester: "bot" })).request;
};
/** What the policy says of a payment right now. */
const says = async (amount: number, payee?: string) => (await pay(amount, payee)).verdict?.says;
const MINUTE = 60_000;
const reject = (id: string) =>
  stage.application.decide(id, { verb: "reject", reviewer: "ada", reason: null, via: "cli" });
const rejectAll = async () => {
  for (const { id, status } of (await stage.application.list({})).requests)
    if (status === "pending") await reject(id);
};
const approve = (id: string) =>
  stage.application.decide(id, { verb: "approve", reviewer: "ada", reason: null, via: "cli" });
const rest = () => stage.pass(0);
const status = async (id: string) => (await stage.application.show(id)).status;

describe("ten payments of 99 under a limit of 500", () => {
  test("get five through; the others wait for a person, over restarts and for as long as the limit reaches", async () => {
    await open();
    const first = [];
    for (let at = 0; at < 10; at += 1) first.push(await says(99));
    expect(first).toEqual([...Array(5).fill("allow"), ...Array(5).fill("require_approval")]);
    expect(await says(5, "Other")).toBe("allow");
    await restart();
    expect(await says(1)).toBe("require_approval");
    expect(await says(1, "Other")).toBe("allow");
    await rejectAll();
    await restart();
    expect(await says(5)).toBe("allow");
    expect(await says(1)).toBe("require_approval");
    await rejectAll();
    await stage.pass(10 * MINUTE);
    await restart();
    expect(await says(500)).toBe("allow");
  });

  test("get five through when all are asked for at the same moment", async () => {
    await open();
    const all = await Promise.all(Array.from({ length: 10 }, () => says(99)));
    expect(all.filter((one) => one === "allow")).toHaveLength(5);
    // Nothing had to be taken back: each was counted before the next was judged.
    const events = [];
    for await (const { event } of stage.ledger.records(0)) events.push(event.type);
    expect(events.filter((type) => type === "allowed")).toHaveLength(5);
    expect(events).not.toContain("sent_back");
  });

  test("are denied where the limit says so, with the rule and how far it is used", async () => {
    await open(500, "deny");
    for (let at = 0; at < 5; at += 1) expect(await says(99)).toBe("allow");
    const denied = await pay(99);
    expect(denied).toMatchObject({ status: "denied", verdict: { rule: "payee-rate" } });
    expect(denied.feedback).toMatchObject({
      reason: "The limit payee-rate: 594 of 500 within 10m, 99 of it for this.",
      retryable: false,
    });
    expect(await says(5)).toBe("allow");
  });
});

describe("a limit", () => {
  test("counts what a person approved over it, and what waits for a person", async () => {
    await open();
    expect(await says(450)).toBe("allow");
    const waiting = await pay(100);
    expect(waiting.status).toBe("pending");
    expect(await says(50)).toBe("require_approval");
    await rejectAll();
    await approve((await pay(200)).id);
    await rest();
    expect(await says(1)).toBe("require_approval");
  });

  test("is held against once more right before the start, in the order of asking", async () => {
    await open();
    await stage.application.halt("ada");
    const [first, second] = [await pay(300), await pay(200)];
    expect([first.status, second.status]).toEqual(["approved", "approved"]);
    policy(400);
    await stage.pass(2_000);
    await stage.application.resume("ada");
    await rest();
    expect([await status(first.id), await status(second.id)]).toEqual(["executed", "pending"]);
    expect((await stage.application.show(second.id)).verdict).toMatchObject({ rule: "payee-rate" });
    await approve(second.id);
    await rest();
    expect(await status(second.id)).toBe("executed");
  });

  test("that is new counts what was done before it was there", async () => {
    writeFileSync(join(scenery.root, "../policy.yaml"), "default: allow\n");
    stage = await openStage(scenery);
    expect(await says(450)).toBe("allow");
    policy(500);
    await stage.pass(2_000);
    expect(await says(99)).toBe("require_approval");
    expect(await says(50, "Other")).toBe("allow");
    expect(stage.warnings).toEqual([]);
  });

  test("that is only raised or lowered is held against at once", async () => {
    await open(100);
    expect(await says(90)).toBe("allow");
    policy(200);
    await stage.pass(1_000);
    expect(await says(90)).toBe("allow");
    policy(150);
    await stage.pass(1_000);
    expect(await says(1)).toBe("require_approval");
  });

  test("counts a start long after the asking from the start on, also where a restart came between", async () => {
    await open();
    await stage.application.halt("ada");
    const early = await pay(450);
    await stage.pass(12 * MINUTE);
    expect(await says(99)).toBe("require_approval");
    await rejectAll();
    await stage.application.resume("ada");
    await rest();
    expect(await status(early.id)).toBe("executed");
    await stage.pass(9 * MINUTE);
    await restart();
    expect(await says(99)).toBe("require_approval");
    await rejectAll();
    await stage.pass(MINUTE);
    await restart();
    expect(await says(99)).toBe("allow");
  });
});

test("a start within the limit's time counts also where all else about it is further back than is read", async () => {
  await open();
  const { id } = await pay(450);
  await rest();
  const request = await stage.ledger.read(id);
  const now = scenery.clock.now();
  const at = (ms: number) => new Date(ms).toISOString();
  const started = { type: "started", at: at(now), attempt: {} } as unknown as Event;
  const old = { type: "refused", at: at(now - 86_400_000), code: "", by: null, detail: "" } as const;
  const head = 60_000;
  let read = 0;
  const counting = createCounting({
    ledger: {
      ...stage.ledger,
      open: async () => [],
      read: async () => request,
      lastBefore: async () => head - 1,
      follow: () => () => {},
      async *records(after: number) {
        for (let seq = after + 1; seq <= head; seq += 1) {
          read += 1;
          yield { seq, id, revision: 1, prev: "", hash: "", event: seq === head ? started : old };
        }
      },
    } as unknown as Ledger,
    clock: scenery.clock,
    guard: { isFrozen: () => false },
    store: { read: async () => null, write: async () => {} },
    log: { info() {}, warn() {}, error() {} },
    kind: () => null,
    onReady() {},
  });
  const policyNow = stage.policy();
  await counting.ready(policyNow);
  const question = {
    id: "new",
    kind: "payment",
    params: {},
    action_tags: [],
    editable: [],
    requester: "bot",
  };
  const used = counting.besides({ ...question, on_behalf_of: null, key: null, created: now });
  const [limit] = policyNow?.limits ?? [];
  expect(limit && used(limit, JSON.stringify(["acme"]))).toBe(450_000_000_000n);
  expect(read).toBeLessThan(30_000);
});

test("whatever is asked for, split, approved, stopped and restarted, no time has more paid without a person", async () => {
  const op = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ pay: fc.integer({ min: 1, max: 250 }), to: fc.constantFrom("A", "a ", "B") }),
    },
    { weight: 2, arbitrary: fc.record({ both: fc.integer({ min: 1, max: 250 }) }) },
    { weight: 2, arbitrary: fc.record({ pass: fc.integer({ min: 0, max: 5 * MINUTE }) }) },
    { weight: 2, arbitrary: fc.record({ approve: fc.nat({ max: 30 }) }) },
    { weight: 1, arbitrary: fc.record({ reject: fc.nat({ max: 30 }) }) },
    { weight: 1, arbitrary: fc.constant({ restart: true }) },
    { weight: 1, arbitrary: fc.record({ halt: fc.boolean() }) },
  );
  await open();
  await fc.assert(
    fc.asyncProperty(fc.array(op, { minLength: 8, maxLength: 16 }), async (ops) => {
      const asked: string[] = [];
      const decide = async (at: number, verb: "approve" | "reject") => {
        const id = asked[at % (asked.length || 1)];
        if (id === undefined || (await status(id)) !== "pending") return;
        await (verb === "approve" ? approve(id) : reject(id));
      };
      await rejectAll();
      await stage.pass(10 * MINUTE);
      for (const one of ops) {
        if ("pay" in one) asked.push((await pay(one.pay, one.to)).id);
        else if ("both" in one) {
          for (const { id } of await Promise.all([pay(one.both), pay(one.both)])) asked.push(id);
        } else if ("pass" in one) await stage.pass(one.pass);
        else if ("approve" in one) await decide(one.approve, "approve");
        else if ("reject" in one) await decide(one.reject, "reject");
        else if ("halt" in one) await stage.application[one.halt ? "halt" : "resume"]("ada");
        else await restart();
      }
      await stage.application.resume("ada");
      await rest();
      await expectWithin(500);
    }),
    { numRuns: 6 },
  );
});

/** From the journal alone: every start behind the policy's yes, by payee and day. */
async function expectWithin(limit: number): Promise<void> {
  const asked = new Map<string, { amount: number; payee: string }>();
  const allowed = new Set<string>();
  const starts: { at: number; amount: number; payee: string }[] = [];
  for await (const { id, event } of stage.ledger.records(0)) {
    if (event.type === "submitted") {
      const { amount, payee } = event.submission.fields.params as { amount: number; payee: string };
      asked.set(id, { amount, payee: payee.trim().toLowerCase() });
    }
    if (event.type === "allowed") allowed.add(id);
    if (event.type === "sent_back" || event.type === "approved") allowed.delete(id);
    const one = asked.get(id);
    if (event.type === "started" && allowed.has(id) && one) starts.push({ at: Date.parse(event.at), ...one });
  }
  for (const { at, payee } of starts) {
    const sum = starts
      .filter((one) => one.payee === payee && one.at > at - 10 * MINUTE && one.at <= at)
      .reduce((total, { amount }) => total + amount, 0);
    expect(sum).toBeLessThanOrEqual(limit);
  }
}
