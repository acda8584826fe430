import { afterEach, expect, test } from "vitest";
import type { Ledger } from "../../../src/daemon/ports.ts";
import { openWhole, type Whole } from "./whole.ts";

const REQUESTS = 50;
/** On each of them. */
const WAITERS = 6;

let whole: Whole;
afterEach(() => whole.close());

/** A whole daemon with requests that wait, what it asks of its ledger, and who waits for them over HTTP. */
async function scene(waiters: number) {
  let asked = 0;
  let heard = () => {};
  const through = (ledger: Ledger): Ledger =>
    new Proxy(ledger, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== "function") return value;
        return (...input: unknown[]) => {
          asked += 1;
          heard();
          return value.apply(target, input);
        };
      },
    });
  whole = await openWhole({ through: { ledger: through } });
  const ids: string[] = [];
  for (let at = 0; at < REQUESTS; at += 1) {
    ids.push(await whole.submit());
    // Ids have the second in them, and here no more chance than letters of the alphabet.
    await whole.world.pass(1_000);
  }

  const answers: Promise<string>[] = [];
  const before = asked;
  const all = new Promise<void>((resolve) => {
    heard = () => asked === before + REQUESTS * waiters && resolve();
  });
  for (const id of ids) {
    for (let one = 0; one < waiters; one += 1) {
      const answer = whole.ask(`GET /v1/requests/${id}/wait`);
      answers.push(answer.then(({ body }) => (body as { status: string }).status));
    }
  }
  // Each looks once at the request that it is about.
  if (waiters > 0) await all;

  return {
    ids,
    answers,
    /** What the daemon does in so long: how often its clock wakes it, and what it asks of the ledger. */
    async during(ms: number): Promise<{ woken: number; asked: number }> {
      const from = asked;
      let woken = 0;
      await whole.world.clock.advance(ms, async () => {
        woken += 1;
        await whole.world.daemon.settled();
      });
      await whole.world.pass(0);
      return { woken, asked: asked - from };
    },
  };
}

/** Timers of Node's own, which no test moves. */
const realTimers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;

test("whoever waits costs nothing until something happens: no timer fires, nothing is looked up", async () => {
  const alone = await (await scene(0)).during(59_000);
  await whole.close();
  const timers = realTimers();
  const { ids, answers, during } = await scene(WAITERS);
  expect(realTimers() - timers).toBeLessThan(REQUESTS);
  expect(await during(59_000)).toEqual(alone);

  // What happens wakes those alone who wait for it.
  const [id = ""] = ids;
  const said = { verb: "reject", reviewer: "anna", reason: null, via: "cli" } as const;
  await whole.world.application.decide(id, said);
  expect(await Promise.all(answers.slice(0, WAITERS))).toEqual(Array(WAITERS).fill("rejected"));

  // And whoever has waited a minute is told once that there is nothing new.
  const { woken } = await during(1_001);
  const rest = (REQUESTS - 1) * WAITERS;
  expect(woken).toBeGreaterThanOrEqual(rest);
  expect(woken).toBeLessThan(rest + 50);
  expect(new Set(await Promise.all(answers.slice(WAITERS)))).toEqual(new Set(["pending"]));
});
