import fc from "fast-check";
import { expect, test } from "vitest";
import { toldOf } from "../../../src/core/occasion.ts";
import type { OutboxStore } from "../../../src/daemon/outbox/ports.ts";
import { ask, DELIVERED, happen, makeOutboxWorld, type OutboxWorld, openScene } from "./scene.ts";

/** The n-th operation of a life, a write or a delivery, is where something goes wrong. */
type Trouble = { readonly at: number; readonly what: "dies" | "fails"; readonly when: "before" | "after" };

type Step =
  | { readonly do: "ask"; readonly count: number }
  | { readonly do: "approve" }
  | { readonly do: "pass"; readonly ms: number }
  | { readonly do: "restart" };

const CHANNELS = ["ops", "boss"];

/** Plays a story with a trouble in it, restarts, and lets everything come to its end; gives the operations counted. */
async function play(
  world: OutboxWorld,
  steps: readonly Step[],
  burst: number,
  trouble: Trouble,
): Promise<number> {
  let operations = 0;
  let dead = false;
  const never = () => new Promise<never>(() => {});
  const through = async <T>(operate: () => Promise<T>): Promise<T> => {
    if (dead) return never();
    operations += 1;
    const hit = operations === trouble.at;
    if (hit && trouble.what === "dies") dead = true;
    if (hit && trouble.when === "before") {
      if (dead) return never();
      throw new Error("the disk or the network said no");
    }
    const value = await operate();
    if (hit) {
      if (dead) return never();
      throw new Error("it was done, but the answer was lost");
    }
    return value;
  };
  const open = () => {
    dead = false;
    // What a later life writes and hands over is its own, the dead one's promises never come back.
    const life = { over: false };
    const store = (real: OutboxStore): OutboxStore => ({
      read: (name) => real.read(name),
      write: (name, state) => (life.over ? never() : through(() => real.write(name, state))),
    });
    const opening = openScene(world, {
      store,
      channels: CHANNELS.map((name) => ({
        name,
        burst,
        deliver: (message) =>
          life.over
            ? never()
            : through(async () => {
                world.handed.push({ channel: name, message });
                return DELIVERED;
              }),
      })),
    });
    return { life, opening };
  };

  /** A start that dies, or that the disk refuses, is started again, as a service manager does. */
  const start = async () => {
    for (;;) {
      const { life, opening } = open();
      let opened = false;
      const scene = await Promise.race([
        opening
          .catch(() => null)
          .finally(() => {
            opened = true;
          }),
        new Promise<null>((resolve) => {
          const look = () => (dead || opened ? resolve(null) : setImmediate(look));
          look();
        }),
      ]);
      if (scene !== null && !dead) return { life, scene };
      life.over = true;
    }
  };

  let { life, scene } = await start();
  let approved = 0;
  const restart = async () => {
    life.over = true;
    ({ life, scene } = await start());
  };
  for (const step of steps) {
    if (step.do === "ask") for (let n = 0; n < step.count; n += 1) ask(world);
    if (step.do === "approve" && approved < world.counter) {
      approved += 1;
      happen(world, `20261121-091403-payment-${String(approved).padStart(6, "0")}`, "approved");
    }
    if (step.do === "pass") await scene.pass(step.ms);
    await scene.settle();
    if (dead || step.do === "restart") await restart();
  }
  for (let minute = 0; minute < 5; minute += 1) {
    await scene.pass(60_000);
    if (dead) await restart();
  }
  expect(scene.outbox.list()).toMatchObject(CHANNELS.map(() => ({ state: "ready", waiting: 0 })));
  await scene.outbox.close();
  return operations;
}

/** Nothing is lost, and nothing is told under two ids. */
function check(world: OutboxWorld, from: number): void {
  const due = world.ledger.all.filter(
    ({ seq, event, revision }) => seq > from && toldOf(event, revision) !== null,
  );
  for (const channel of CHANNELS) {
    const messages = new Map<string, string>();
    for (const one of world.handed.filter((handed) => handed.channel === channel)) {
      // What it says of the request's state is what is true by then.
      const { about, title, at } = one.message;
      const text = JSON.stringify({ about, title, at });
      expect(messages.get(one.message.id) ?? text, "a repeated message is the same").toBe(text);
      messages.set(one.message.id, text);
    }
    const ranges = [...messages.keys()].map((id) => {
      const [first = "", second = ""] = id.split("-");
      const end = /^\d+$/.test(second) && second.length < 12 ? second : first;
      return { from: Number(first), to: Number(end) };
    });
    for (const { seq } of due) {
      const by = ranges.filter((range) => range.from <= seq && seq <= range.to);
      expect({ channel, seq, messages: by.length }).toEqual({ channel, seq, messages: 1 });
    }
  }
}

const STORY: readonly Step[] = [
  { do: "ask", count: 1 },
  { do: "approve" },
  { do: "ask", count: 6 },
  { do: "pass", ms: 30_000 },
  { do: "approve" },
  { do: "restart" },
  { do: "ask", count: 3 },
  { do: "pass", ms: 60_000 },
];

const WAYS = ["dies", "fails"].flatMap((what) => ["before", "after"].map((when) => ({ what, when })));

test.each(WAYS)("at every n-th operation: it $what $when it", async ({ what, when }) => {
  for (let at = 1, last = 1; at <= last; at += 1) {
    const world = makeOutboxWorld();
    last = await play(world, STORY, 3, { at, what, when } as Trouble);
    check(world, 0);
    expect(last).toBeGreaterThan(20);
  }
});

test("in any story, at any operation", async () => {
  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.record({ do: fc.constant("ask" as const), count: fc.integer({ min: 1, max: 9 }) }),
    fc.record({ do: fc.constant("approve" as const) }),
    fc.record({ do: fc.constant("pass" as const), ms: fc.integer({ min: 0, max: 90_000 }) }),
    fc.record({ do: fc.constant("restart" as const) }),
  );
  const trouble: fc.Arbitrary<Trouble> = fc.record({
    at: fc.integer({ min: 1, max: 60 }),
    what: fc.constantFrom("dies" as const, "fails" as const),
    when: fc.constantFrom("before" as const, "after" as const),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 8 }),
      fc.integer({ min: 1, max: 4 }),
      trouble,
      async (steps, burst, one) => {
        const world = makeOutboxWorld();
        await play(world, steps, burst, one);
        check(world, 0);
      },
    ),
    { numRuns: 60 },
  );
});
