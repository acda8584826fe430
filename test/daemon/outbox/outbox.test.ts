import { describe, expect, test } from "vitest";
import type { Delivery } from "../../../src/core/channel.ts";
import { NOBODY, type People, type Person } from "../../../src/core/people.ts";
import type { Roster } from "../../../src/core/roster.ts";
import type { ChannelState, OutboxStore } from "../../../src/daemon/outbox/ports.ts";
import { ask, DELIVERED, DOWN, happen, makeOutboxWorld, type OutboxWorld, openScene } from "./scene.ts";

const MINUTE = 60_000;
const titles = (world: OutboxWorld) => world.handed.map(({ message }) => message.title);
const ids = (world: OutboxWorld) => world.handed.map(({ message }) => message.id);

describe("what is told", () => {
  test("is everything that happens, in order, each with an id of its own", async () => {
    const world = makeOutboxWorld();
    const scene = await openScene(world);
    const id = ask(world);
    happen(world, id, "approved");
    happen(world, id, "started");
    happen(world, id, "failed");
    await scene.settle();
    expect(titles(world)).toEqual([
      "Waits for your decision: Pay bill 1",
      "Approved: Pay bill 1",
      "Failed: Pay bill 1",
    ]);
    expect(new Set(ids(world)).size).toBe(3);
    expect(ids(world)[0]).toMatch(/^1-[0-9a-f]{12}-ops$/);
    expect(scene.outbox.list()).toMatchObject([{ state: "ready", waiting: 0, delivered: 3, told: 3 }]);
  });

  test("is nothing of what was before the channel was there", async () => {
    const world = makeOutboxWorld();
    ask(world);
    await openScene(world);
    expect(world.handed).toEqual([]);
  });

  test("is only what the channel is for", async () => {
    const world = makeOutboxWorld();
    const scene = await openScene(world, {
      channels: [
        { name: "ops", events: new Set(["failed"]) },
        { name: "boss", events: new Set(["created"]) },
      ],
    });
    const id = ask(world);
    for (const type of ["approved", "started", "failed"] as const) happen(world, id, type);
    await scene.settle();
    expect(world.handed.map(({ channel, message }) => [channel, message.about])).toEqual(
      expect.arrayContaining([
        ["boss", "created"],
        ["ops", "failed"],
      ]),
    );
    expect(world.handed).toHaveLength(2);
  });

  test("waits for what the reviewer may still type behind a no", async () => {
    const world = makeOutboxWorld();
    const scene = await openScene(world);
    const id = ask(world);
    const rejected = { type: "rejected", settled: false } as const;
    happen(world, id, "rejected");
    await scene.settle();
    expect(titles(world).at(-1)).toBe("Rejected: Pay bill 1");
    const other = ask(world);
    const decision = {
      verb: "reject",
      reviewer: "ada",
      reason: null,
      digest: "",
      assurance: "edit",
    } as const;
    const at = "2026-11-21T09:15:00.000Z";
    const more = { seen_at: at, via: "note", note_sha256: null };
    world.ledger.append(other, { ...rejected, at, decision: { ...decision, ...more } });
    await scene.settle();
    expect(world.handed).toHaveLength(3);
    happen(world, other, "settled");
    await scene.settle();
    expect(world.handed.at(-1)?.message.facts).toContainEqual({ label: "Reason", text: "too much" });
  });
});

describe("a channel that persons name as theirs", () => {
  const person = (name: string, ...notify: string[]): Person => ({
    ...{
      name,
      notify,
      emails: [`${name}@example.com`, `${name}@old.example.com`],
      names: [],
      git: [],
      keys: [],
    },
    ...{ hours: null, absent: [], may_receive: false },
  });
  const people = (...persons: Person[]): People => ({ ...NOBODY, persons });
  const rosterOf = (...owners: string[]): Roster => ({
    groups: [{ of: owners, quorum: 1, owners }],
    seats: owners.map((owner) => ({ owner, held_by: [owner] })),
    excluded: [],
  });
  const recipients = (world: OutboxWorld) =>
    world.handed.map(({ channel, message }) => [channel, message.title, message.to]);

  test("asks only those who may answer, and tells them what happened", async () => {
    const world = makeOutboxWorld();
    const scene = await openScene(world, {
      people: people(person("ada", "mail"), person("grace", "mail"), person("alan", "chat")),
      channels: [{ name: "mail" }, { name: "chat" }],
    });
    const id = ask(world, { roster: rosterOf("ada") });
    await scene.settle();
    for (const type of ["approved", "started", "failed"] as const) happen(world, id, type);
    await scene.settle();
    const both = ["ada@example.com", "grace@example.com"];
    expect(recipients(world).filter(([channel]) => channel === "mail")).toEqual([
      ["mail", "Waits for your decision: Pay bill 1", ["ada@example.com"]],
      ["mail", "Approved: Pay bill 1", both],
      ["mail", "Failed: Pay bill 1", both],
    ]);
    expect(recipients(world).filter(([channel]) => channel === "chat")).toHaveLength(2);
    expect(scene.outbox.list()).toMatchObject([{ delivered: 3 }, { delivered: 2, waiting: 0 }]);
  });

  test("in a flood counts only what is for them", async () => {
    const world = makeOutboxWorld();
    const scene = await openScene(world, {
      people: people(person("ada", "mail")),
      channels: [{ name: "mail", burst: 1 }],
    });
    for (let n = 0; n < 10; n += 1) ask(world, { roster: rosterOf(n % 2 === 0 ? "ada" : "grace") });
    await scene.pass(MINUTE);
    expect(recipients(world)).toEqual([
      ["mail", "Waits for your decision: Pay bill 1", ["ada@example.com"]],
      ["mail", "4 messages: 4 created", ["ada@example.com"]],
    ]);
  });

  test("is taken by the next one while it is switched off", async () => {
    const world = makeOutboxWorld();
    const scene = await openScene(world, {
      people: people(person("ada", "chat", "mail")),
      channels: [{ name: "chat" }, { name: "mail" }],
      answer: (_, channel) => (channel === "chat" ? { ...DOWN, fault: "channel" } : DELIVERED),
    });
    ask(world);
    await scene.pass(MINUTE);
    expect(scene.outbox.list()).toMatchObject([{ name: "chat", state: "off" }, { delivered: 0 }]);
    ask(world);
    await scene.settle();
    expect(recipients(world).at(-1)).toEqual([
      "mail",
      "Waits for your decision: Pay bill 2",
      ["ada@example.com"],
    ]);
  });
});

describe("a flood", () => {
  test("of a thousand requests becomes a few messages that count them all", async () => {
    const world = makeOutboxWorld();
    const scene = await openScene(world);
    for (let n = 0; n < 1_000; n += 1) ask(world);
    await scene.pass(5 * MINUTE);
    expect(world.handed.length).toBeLessThanOrEqual(12);
    expect(world.handed.at(-1)?.message.title).toMatch(/messages: \d+ created/);
    expect(world.handed.at(-1)?.message.lines.at(-1)).toMatch(/^\d+ more…$/);
    expect(scene.outbox.list()).toMatchObject([{ waiting: 0, told: 1_000 }]);
  });

  test("that comes one by one is held to so many messages a minute", async () => {
    const world = makeOutboxWorld();
    const scene = await openScene(world, { channels: [{ name: "ops", burst: 3 }] });
    for (let n = 0; n < 120; n += 1) {
      ask(world);
      await scene.pass(1_000);
    }
    await scene.pass(MINUTE);
    // Two minutes of one a second, and what was left over.
    expect(world.handed.length).toBeLessThanOrEqual(10);
    expect(scene.outbox.list()).toMatchObject([{ waiting: 0, told: 120 }]);
  });

  test("lists first what needs somebody most", async () => {
    const world = makeOutboxWorld();
    const held = Promise.withResolvers<Delivery>();
    const scene = await openScene(world, {
      answer: (n) => (n === 1 ? held.promise : DELIVERED),
      channels: [{ name: "ops", burst: 2 }],
    });
    ask(world);
    await scene.settle();
    for (let n = 0; n < 15; n += 1) ask(world);
    const id = ask(world);
    for (const type of ["approved", "started", "outcome_lost"] as const) happen(world, id, type);
    held.resolve(DELIVERED);
    await scene.settle();
    const last = world.handed.at(-1)?.message;
    expect(last?.title).toBe("18 messages: 16 created, 1 decided, 1 unknown");
    expect(last?.lines[0]).toBe(`Did it happen?: Pay bill 17 (${id})`);
    expect(last?.lines).toHaveLength(11);
    expect(last?.lines.at(-1)).toBe("8 more…");
  });
});

describe("a channel that fails", () => {
  test("is tried again with growing pauses, always with the same message id", async () => {
    const world = makeOutboxWorld();
    const scene = await openScene(world, { answer: (n) => (n < 4 ? DOWN : DELIVERED) });
    ask(world);
    const at: number[] = [];
    await scene.settle();
    for (let second = 0; second < 60; second += 1) {
      at.push(world.handed.length);
      await scene.pass(1_000);
    }
    expect(world.handed).toHaveLength(4);
    expect(new Set(ids(world)).size).toBe(1);
    expect([at.indexOf(2), at.indexOf(3), at.indexOf(4)]).toEqual([5, 15, 35]);
    expect(scene.outbox.list()).toMatchObject([{ state: "ready", delivered: 1, tries: 0 }]);
  });

  test("is left alone for as long as it asks", async () => {
    const world = makeOutboxWorld();
    const scene = await openScene(world, {
      answer: (n) => (n === 1 ? { ...DOWN, after_ms: 20 * MINUTE } : DELIVERED),
    });
    ask(world);
    await scene.pass(19 * MINUTE);
    expect(world.handed).toHaveLength(1);
    expect(scene.outbox.list()).toMatchObject([{ state: "retrying", tries: 1, why: "HTTP 503" }]);
    await scene.pass(2 * MINUTE);
    expect(world.handed).toHaveLength(2);
  });

  test("for long is switched off, loudly, and loses nothing", async () => {
    const world = makeOutboxWorld();
    let up = false;
    const scene = await openScene(world, { answer: () => (up ? DELIVERED : DOWN) });
    ask(world);
    await scene.pass(12 * 60 * MINUTE);
    expect(scene.outbox.list()).toMatchObject([{ state: "off", waiting: 1, why: "HTTP 503" }]);
    expect(scene.troubles.at(-1)).toContain("countersign notify enable ops");
    expect(scene.logged).toContain("a channel keeps failing and is switched off");
    const tried = world.handed.length;
    expect(tried).toBe(13);
    for (let n = 0; n < 30; n += 1) ask(world);
    await scene.pass(24 * 60 * MINUTE);
    expect(world.handed).toHaveLength(tried);
    expect(scene.outbox.list()).toMatchObject([{ state: "off", waiting: 31 }]);

    up = true;
    await scene.outbox.enable("ops");
    await scene.settle();
    expect(scene.troubles.at(-1)).toBeNull();
    expect(world.handed.at(-2)?.message.id).toBe(world.handed[0]?.message.id);
    expect(titles(world).at(-1)).toBe("30 messages: 30 created");
    expect(scene.outbox.list()).toMatchObject([{ state: "ready", waiting: 0, told: 31 }]);
  });

  test("is tried again by the next start", async () => {
    const world = makeOutboxWorld();
    const scene = await openScene(world, { answer: () => ({ ...DOWN, fault: "channel" }) });
    ask(world);
    await scene.pass(MINUTE);
    expect(scene.outbox.list()).toMatchObject([{ state: "off" }]);
    // A wrong address is not tried as often as a receiver that is down.
    expect(world.handed).toHaveLength(3);
    await scene.outbox.close();
    const next = await openScene(world);
    expect(next.outbox.list()).toMatchObject([{ state: "ready", delivered: 1 }]);
    expect(new Set(ids(world)).size).toBe(1);
  });

  test("over one message goes on with the next, and is switched off when it refuses them all", async () => {
    const world = makeOutboxWorld();
    const refuse: Delivery = { ok: false, why: "HTTP 400", fault: "message", after_ms: null };
    const scene = await openScene(world, { answer: (n) => (n === 2 ? DELIVERED : refuse) });
    ask(world);
    await scene.settle();
    ask(world);
    await scene.settle();
    expect(scene.outbox.list()).toMatchObject([{ state: "ready", delivered: 1, given_up: 1 }]);
    for (let n = 0; n < 8; n += 1) {
      ask(world);
      await scene.settle();
    }
    expect(scene.outbox.list()).toMatchObject([{ state: "off", given_up: 6, waiting: 3 }]);
  });

  test("by never ending costs nobody else anything, and is given up on", async () => {
    const world = makeOutboxWorld();
    const scene = await openScene(world, {
      channels: [{ name: "hangs" }, { name: "works" }],
      answer: (_, channel) => (channel === "hangs" ? new Promise<Delivery>(() => {}) : DELIVERED),
    });
    for (let n = 0; n < 5; n += 1) ask(world);
    await scene.settle();
    expect(world.handed.filter(({ channel }) => channel === "works")).toHaveLength(5);
    expect(world.handed.filter(({ channel }) => channel === "hangs")).toHaveLength(1);
    await scene.pass(2 * MINUTE);
    expect(scene.outbox.list()[0]).toMatchObject({ state: "retrying", why: "it did not end in time" });
  });
});

describe("an end of the daemon", () => {
  test("calls off what is under way, and the next start sends it with the same id", async () => {
    const world = makeOutboxWorld();
    const scene = await openScene(world, { answer: () => new Promise<Delivery>(() => {}) });
    ask(world);
    await scene.settle();
    await scene.outbox.close();
    await openScene(world);
    expect(world.handed).toHaveLength(2);
    expect(new Set(ids(world)).size).toBe(1);
  });

  test("between delivery and recording repeats the same messages in one, with the same id", async () => {
    const world = makeOutboxWorld();
    const scene = await openScene(world, {
      channels: [{ name: "ops", burst: 1 }],
      answer: (n) => (n === 1 ? DELIVERED : new Promise<Delivery>(() => {})),
    });
    for (let n = 0; n < 8; n += 1) ask(world);
    await scene.pass(MINUTE);
    const first = world.handed.at(-1)?.message;
    expect(first?.title).toBe("7 messages: 7 created");
    await scene.outbox.close();
    // More comes before the next life has told what the last one was about to tell.
    for (let n = 0; n < 3; n += 1) ask(world);
    const next = await openScene(world, { channels: [{ name: "ops", burst: 1 }] });
    expect(world.handed[2]?.message).toEqual(first);
    await next.pass(MINUTE);
    expect(world.handed[3]?.message.title).toBe("3 messages: 3 created");
  });

  test("after everything was recorded repeats nothing", async () => {
    const world = makeOutboxWorld();
    const scene = await openScene(world);
    ask(world);
    await scene.settle();
    await scene.outbox.close();
    await openScene(world);
    expect(world.handed).toHaveLength(1);
  });

  test("during the reading of the past loses nothing that comes meanwhile", async () => {
    const world = makeOutboxWorld();
    const first = await openScene(world);
    await first.outbox.close();
    for (let n = 0; n < 500; n += 1) ask(world);
    const opening = openScene(world);
    await Promise.resolve();
    const late = ask(world);
    const scene = await opening;
    await scene.pass(3 * MINUTE);
    expect(scene.outbox.list()).toMatchObject([{ told: 501, waiting: 0 }]);
    expect(late).toContain("000501");
  });
});

describe("a disk that is full", () => {
  const full = (isFull: () => boolean) => (store: OutboxStore) => ({
    ...store,
    write: (name: string, state: ChannelState) =>
      isFull() ? Promise.reject(new Error("ENOSPC")) : store.write(name, state),
  });

  test("holds up what could not be recorded before it was sent", async () => {
    const world = makeOutboxWorld();
    let isFull = false;
    const scene = await openScene(world, { store: full(() => isFull) });
    isFull = true;
    ask(world);
    await scene.pass(MINUTE);
    expect(world.handed).toEqual([]);
    isFull = false;
    await scene.pass(MINUTE);
    expect(world.handed).toHaveLength(1);
  });

  test("costs no repetition where there is room again before the end", async () => {
    const world = makeOutboxWorld();
    let isFull = false;
    const answer = () => {
      isFull = true;
      return DELIVERED;
    };
    const scene = await openScene(world, { store: full(() => isFull), answer });
    ask(world);
    await scene.settle();
    isFull = false;
    await scene.pass(MINUTE);
    await scene.outbox.close();
    await openScene(world);
    expect(world.handed).toHaveLength(1);
  });
});

describe("a journal", () => {
  test("that cannot be read keeps messages for the next start, and says so", async () => {
    const world = makeOutboxWorld();
    await (await openScene(world)).outbox.close();
    ask(world);
    const { records } = world.ledger;
    // biome-ignore lint/correctness/useYield: what breaks gives nothing
    world.ledger.records = async function* () {
      throw new Error("damaged");
    };
    const scene = await openScene(world);
    ask(world);
    await scene.settle();
    expect(world.handed).toEqual([]);
    expect(scene.troubles.at(-1)).toContain("next start");
    await scene.outbox.close();
    world.ledger.records = records;
    await openScene(world);
    expect(titles(world)).toEqual([
      "Waits for your decision: Pay bill 1",
      "Waits for your decision: Pay bill 2",
    ]);
  });

  test("that was put back to an earlier state does not keep a channel silent", async () => {
    const world = makeOutboxWorld();
    const scene = await openScene(world);
    for (let n = 0; n < 5; n += 1) ask(world);
    await scene.settle();
    await scene.outbox.close();
    world.ledger.all.length = 2;
    const next = await openScene(world);
    ask(world);
    await next.settle();
    expect(world.handed).toHaveLength(6);
  });
});

describe("a channel whose state was damaged", () => {
  test("says so, and tells again of what is open, and of nothing that is over", async () => {
    const world = makeOutboxWorld();
    const scene = await openScene(world);
    const over = ask(world);
    await scene.pass(MINUTE);
    const [first, second] = [ask(world), ask(world)];
    happen(world, over, "rejected");
    happen(world, over, "archived");
    await scene.settle();
    await scene.outbox.close();
    happen(world, second, "reminded");
    const before = world.handed.map(({ message }) => message.id);
    world.handed.length = 0;
    world.disk.set("ops", "damaged");
    const next = await openScene(world);
    expect(titles(world)).toEqual([
      `Waits for your decision: Pay bill 2`,
      `Waits for your decision: Pay bill 3`,
      `Still waits, and not for long any more: Pay bill 3`,
    ]);
    // Whoever has them already knows them by their ids.
    expect(before).toEqual(expect.arrayContaining(world.handed.slice(0, 2).map(({ message }) => message.id)));
    expect(next.logged).toContainEqual(expect.stringContaining("state was damaged"));
    expect(next.troubles.at(-1)).toContain("ops.damaged-1");
    happen(world, first, "rejected");
    await next.settle();
    expect(world.handed).toHaveLength(4);
    await next.outbox.close();
    await openScene(world);
    expect(world.handed).toHaveLength(4);
  });

  test("tells of what is open also where the daemon ends before it has", async () => {
    const world = makeOutboxWorld();
    const first = await openScene(world);
    const over = ask(world);
    ask(world);
    await first.settle();
    await first.outbox.close();
    happen(world, over, "rejected");
    world.handed.length = 0;
    world.disk.set("ops", "damaged");
    await (await openScene(world, { answer: () => DOWN })).outbox.close();
    world.handed.length = 0;
    await openScene(world);
    expect(titles(world)).toEqual(["Waits for your decision: Pay bill 2"]);
  });

  test("and that has nothing to tell goes on from here", async () => {
    const world = makeOutboxWorld();
    happen(world, ask(world), "rejected");
    world.disk.set("ops", "damaged");
    const scene = await openScene(world);
    expect(world.handed).toEqual([]);
    expect(scene.troubles).toEqual([expect.stringContaining("`ops`")]);
    ask(world);
    await scene.settle();
    expect(world.handed).toHaveLength(1);
  });
});

describe("a digest", () => {
  const daily = (now: number) => {
    const day = 24 * 60 * MINUTE;
    const last = Math.floor(now / day) * day;
    return { date: new Date(last).toISOString().slice(0, 10), next: last + day };
  };

  test("comes once a day, with what waits and what happened since the last", async () => {
    const world = makeOutboxWorld();
    const scene = await openScene(world, {
      channels: [{ name: "ops", events: new Set(["failed"]), digest: daily }],
    });
    ask(world);
    happen(world, ask(world), "approved");
    await scene.pass(24 * 60 * MINUTE);
    expect(titles(world)).toEqual(["Approvals: 1 waiting"]);
    expect(ids(world)).toEqual(["digest-2026-11-22-ops"]);
    expect(world.handed[0]?.message.facts).toEqual([
      { label: "Since the last digest", text: "2 created, 1 decided" },
    ]);
    await scene.pass(24 * 60 * MINUTE);
    expect(world.handed[1]?.message.facts[0]?.text).toBe("nothing happened");
  });

  test("that was due while nobody ran comes once, late", async () => {
    const world = makeOutboxWorld();
    const channels = [{ name: "ops", digest: daily }];
    await (await openScene(world, { channels })).outbox.close();
    world.clock.set(world.clock.now() + 72 * 60 * MINUTE);
    const scene = await openScene(world, { channels });
    await scene.pass(60 * MINUTE);
    expect(ids(world)).toEqual(["digest-2026-11-24-ops"]);
  });
});

test("a test message says what came of it, and is no part of what is counted", async () => {
  const world = makeOutboxWorld();
  const scene = await openScene(world, { answer: () => DOWN });
  expect(await scene.outbox.test("ops")).toEqual(DOWN);
  expect(scene.outbox.list()).toMatchObject([{ state: "ready", delivered: 0, given_up: 0 }]);
  await expect(scene.outbox.test("boss")).rejects.toMatchObject({ code: "unknown_channel" });
});
