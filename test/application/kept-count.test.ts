import { copyFileSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openCountFile } from "../../src/adapters/count-file.ts";
import { createCounting } from "../../src/application/counting.ts";
import { type CountStore, createKeptCount } from "../../src/application/kept-count.ts";
import type { Json } from "../../src/core/json.ts";
import type { Job, Ledger, Question } from "../../src/daemon/ports.ts";
import { glob } from "../../src/policy/glob.ts";
import type { Policy } from "../../src/policy/policy.ts";
import { makeScenery, openStage, removeScenery, type Scenery, type Stage } from "../scenarios/stage.ts";

const MINUTE = 60_000;
const bugs: unknown[] = [];
const log = { info() {}, warn() {}, error: (data: unknown) => void bugs.push(data) };
const NOTHING: CountStore = { read: async () => null, write: async () => {} };

let scenery: Scenery;
let stage: Stage;
/** How many records were read from the ledger since it was opened, and of those before the daemon began its work. */
let read = 0;
let readAtStart = 0;

beforeEach(async () => {
  scenery = makeScenery();
  policy();
  await open();
});

afterEach(async () => {
  await stage.close();
  expect([...stage.errors, ...bugs.splice(0)]).toEqual([]);
  removeScenery(scenery);
});

function policy(within = "10m"): void {
  const limit = `{ id: a, match: { kind: payment }, sum: params.amount, per: params.payee, within: ${within}, over: 500, decision: require_approval }`;
  const other = `{ id: b, match: { kind: payment }, sum: params.amount, within: 30m, over: 5000, decision: deny }`;
  writeFileSync(
    join(scenery.root, "../policy.yaml"),
    `default: allow\nlimits:\n  - ${limit}\n  - ${other}\n`,
  );
}

async function open(): Promise<void> {
  read = 0;
  const ledger = (inner: Ledger): Ledger =>
    new Proxy(inner, {
      get(target, name) {
        if (name !== "records") {
          const value: unknown = Reflect.get(target, name);
          return typeof value === "function" ? value.bind(target) : value;
        }
        return async function* (after: number) {
          for await (const record of target.records(after)) {
            read += 1;
            yield record;
          }
        };
      },
    });
  // What is a multiple of seven is still running when the daemon ends.
  const handler = async ({ params }: Job) =>
    Number(params.amount) % 7 === 0
      ? new Promise<never>(() => {})
      : ({ status: "executed", result: {} } as const);
  const caps = { open: null, per_hour: 1_000 };
  stage = await openStage(scenery, { through: { ledger }, handler, caps });
  readAtStart = read;
  await stage.daemon.start();
  await stage.daemon.settled();
}

let number = 0;
const pay = async (amount: number, payee = "A") => {
  number += 1;
  const params = { amount, payee, number };
  await stage.pass(1_000);
  return (await stage.application.submit({ kind: "payment", params, requester: "bot" })).request;
};
const decide = (id: string, verb: "approve" | "reject") =>
  stage.application.decide(id, { verb, reviewer: "ada", reason: null, via: "cli" });
const file = () => join(scenery.state, "counted-limits.jsonl");

/** How far each limit is used for each payee, counted from this store on. */
async function used(
  store: CountStore,
  tags: readonly string[] = [],
  now: Policy | null = stage.policy(),
): Promise<(bigint | null)[]> {
  const kind = () => ({ tags });
  const guard = { isFrozen: () => false };
  const { ledger, clock } = stage;
  const counting = createCounting({ ledger, clock, guard, store, log, kind, onReady() {} });
  await counting.ready(now);
  const found = counting.besides({ id: "new" } as Question);
  const answers = (now?.limits ?? []).flatMap((limit) =>
    ["a", "b"].map((payee) => found(limit, JSON.stringify(limit.per.length === 0 ? [] : [payee]))),
  );
  await counting.stop();
  return answers;
}

const readOnly = (store: CountStore): CountStore => ({ ...store, write: async () => {} });

describe("a count that was kept", () => {
  test("is what a start goes on from: of all that was done before, next to nothing is read again", async () => {
    for (let n = 0; n < 40; n += 1) await pay(10, n % 2 === 0 ? "A" : "B");
    await stage.close();
    const records = stage.ledger.head().seq;
    expect(records).toBeGreaterThan(150);
    await open();
    // The last record, for the clock, and once more for each of the two counts.
    expect(readAtStart).toBeLessThanOrEqual(3);
    expect(await used(readOnly(openCountFile(file())))).toEqual(await used(NOTHING));
    expect((await pay(301)).verdict?.says).toBe("require_approval");
    expect((await pay(299, "B")).verdict?.says).toBe("allow");
  });

  test("is done without where it is away, damaged, of another journal or of other limits", async () => {
    await pay(450);
    await stage.pass(0);
    await stage.close();
    const whole = readFileSync(file(), "utf8");
    const spoilt = [
      () => rmSync(file()),
      () => writeFileSync(file(), ""),
      () => writeFileSync(file(), whole.slice(0, -20)),
      () => writeFileSync(file(), whole.replace("450", "045")),
      () => writeFileSync(file(), `${whole}\n`),
    ];
    for (const spoil of spoilt) {
      spoil();
      await open();
      expect((await pay(51)).verdict?.says).toBe("require_approval");
      await stage.kill();
    }
    writeFileSync(file(), whole);
    policy("20m");
    await open();
    expect((await pay(51)).verdict?.says).toBe("require_approval");
    await stage.close();

    // The journal of before is put back, and goes on another way.
    policy();
    const base = makeScenery();
    copyFileSync(join(scenery.root, "../policy.yaml"), join(base.root, "../policy.yaml"));
    removeScenery(scenery);
    scenery = base;
    await open();
    await pay(100, "B");
    await stage.pass(0);
    await stage.close();
    writeFileSync(file(), whole);
    await open();
    expect((await pay(51)).verdict?.says).toBe("allow");
  });

  test("is done without where the configuration has other tags by now for what it counted", async () => {
    const limited = stage.policy();
    const limits = (limited?.limits ?? []).map((limit) => ({
      ...limit,
      match: { ...limit.match, tags: [glob("big")] },
    }));
    const policyNow = { ...limited, limits } as unknown as Policy;
    await stage.close();
    // Without a policy no tags are recorded with the request.
    rmSync(join(scenery.root, "../policy.yaml"));
    await open();
    await decide((await pay(450)).id, "approve");
    await stage.pass(0);
    const store = openCountFile(file());
    expect(await used(store, [], policyNow)).not.toContain(450_000_000_000n);
    expect(await store.read()).not.toBeNull();
    expect(await used(readOnly(store), ["big"], policyNow)).toContain(450_000_000_000n);
  });

  test("loses a start that a person says did not happen", async () => {
    const { id } = await pay(490);
    await stage.close();
    await open();
    await stage.pass(0);
    expect(await stage.status(id)).toBe("outcome_unknown");
    expect((await pay(11)).verdict?.says).toBe("require_approval");
    await stage.application.resolve(id, { happened: false, by: "ada", reason: null });
    expect(await used(readOnly(openCountFile(file())))).toEqual(await used(NOTHING));
    expect((await pay(480)).verdict?.says).toBe("allow");
  });

  test("is not changed by a clock that cannot be trusted", async () => {
    await pay(450);
    await stage.pass(0);
    const { ledger } = stage;
    const written: Json[] = [];
    const store: CountStore = { read: async () => null, write: async (rows) => void written.push(...rows) };
    let frozen = false;
    const guard = { isFrozen: () => frozen };
    const clock = { ...scenery.clock, now: () => scenery.clock.now() + (frozen ? 86_400_000 : 0) };
    const counting = createCounting({ ledger, clock, guard, store, log, kind: () => null, onReady() {} });
    await counting.ready(stage.policy());
    const [limit] = stage.policy()?.limits ?? [];
    const usedNow = () => limit && counting.besides({ id: "new" } as Question)(limit, '["a"]');
    const before = usedNow();
    frozen = true;
    expect(usedNow()).toBe(before);
    await counting.stop();
    expect(written).toEqual([]);
    frozen = false;
    expect(usedNow()).toBe(450_000_000_000n);
  });

  test("says the same as one that is made anew, whatever happened", async () => {
    const op = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({
          pay: fc.oneof(fc.integer({ min: 1, max: 250 }), fc.constantFrom(70, 140)),
          to: fc.constantFrom("A", "B"),
        }),
      },
      { weight: 2, arbitrary: fc.record({ pass: fc.integer({ min: 0, max: 6 * MINUTE }) }) },
      { weight: 2, arbitrary: fc.record({ decide: fc.nat({ max: 30 }), yes: fc.boolean() }) },
      { weight: 2, arbitrary: fc.record({ resolve: fc.nat({ max: 30 }), happened: fc.boolean() }) },
      { weight: 2, arbitrary: fc.record({ end: fc.constantFrom("close", "kill") }) },
      { weight: 1, arbitrary: fc.record({ halt: fc.boolean() }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(op, { minLength: 6, maxLength: 14 }), async (ops) => {
        const asked: string[] = [];
        for (const one of ops) {
          if ("pay" in one) asked.push((await pay(one.pay, one.to)).id);
          else if ("pass" in one) await stage.pass(one.pass);
          else if ("halt" in one) await stage.application[one.halt ? "halt" : "resume"]("ada");
          else if ("end" in one) {
            await stage[one.end as "close" | "kill"]();
            await open();
          } else {
            const id = asked[("decide" in one ? one.decide : one.resolve) % (asked.length || 1)];
            const status = id === undefined ? null : await stage.status(id);
            if (id === undefined) continue;
            if ("decide" in one && status === "pending") await decide(id, one.yes ? "approve" : "reject");
            if ("resolve" in one && status === "outcome_unknown") {
              await stage.application.resolve(id, { happened: one.happened, by: "ada", reason: null });
            }
          }
        }
        await stage.pass(0);
        if (existsSync(file())) {
          expect(await used(readOnly(openCountFile(file())))).toEqual(await used(NOTHING));
        }
      }),
      { numRuns: 12 },
    );
  });
});

describe("keeping a count", () => {
  const record = (seq: number) => ({ seq, hash: `hash ${seq}` });
  const ledger = { async *records() {} } as unknown as Ledger;

  test("happens now and then, the seldomer the more there is to keep, and never twice at once", async () => {
    const written: Json[][] = [];
    const turn = Promise.withResolvers<void>();
    const store: CountStore = {
      read: async () => null,
      async write(rows) {
        written.push([...rows]);
        await turn.promise;
      },
    };
    const kept = createKeptCount({ store, ledger, log });
    let size = 0;
    const now = () => ({ about: "x", rows: [size] });
    for (let seq = 1; seq <= 25_000; seq += 1) kept.counted(record(seq), () => size, now);
    expect(written).toEqual([[{ seq: 10_000, hash: "hash 10000", about: "x" }, 0]]);
    turn.resolve();
    await new Promise(setImmediate);
    size = 30_000;
    for (let seq = 25_001; seq <= 60_000; seq += 1) kept.counted(record(seq), () => size, now);
    expect(written.slice(1)).toEqual([[{ seq: 40_000, hash: "hash 40000", about: "x" }, size]]);
    await new Promise(setImmediate);
    await kept.write(now());
    await kept.write(now());
    expect(written.slice(2)).toEqual([[{ seq: 60_000, hash: "hash 60000", about: "x" }, size]]);
  });

  test("that fails is told of and stops nothing", async () => {
    const warnings: string[] = [];
    const store: CountStore = { read: async () => null, write: () => Promise.reject(new Error("full")) };
    const kept = createKeptCount({
      store,
      ledger,
      log: { ...log, warn: (_, message) => void warnings.push(message) },
    });
    kept.counted(
      record(1),
      () => 0,
      () => null,
    );
    await kept.write({ about: "x", rows: [] });
    expect(warnings).toHaveLength(1);
  });
});
