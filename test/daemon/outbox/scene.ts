import { createHash } from "node:crypto";
import type { Delivery } from "../../../src/core/channel.ts";
import type { Event } from "../../../src/core/event.ts";
import { OCCASIONS, type Occasion } from "../../../src/core/occasion.ts";
import { NOBODY, type People } from "../../../src/core/people.ts";
import type { Request, Submission } from "../../../src/core/request.ts";
import { iso } from "../../../src/core/timing.ts";
import { fold } from "../../../src/core/transitions.ts";
import { type Outbox, openOutbox } from "../../../src/daemon/outbox/outbox.ts";
import type { Channel, ChannelState, OutboxStore } from "../../../src/daemon/outbox/ports.ts";
import type { LedgerRecord } from "../../../src/daemon/ports.ts";
import type { Message } from "../../../src/document/message.ts";
import { type FakeClock, fakeClock } from "../../fake-clock.ts";
import { sampleEvent, sampleSubmission, T0 } from "../../sample.ts";

export const DELIVERED: Delivery = { ok: true, what: "taken" };
export const DOWN: Delivery = { ok: false, why: "HTTP 503", fault: "passing", after_ms: null };

/** A journal in memory; records are durable as soon as they are appended. */
class FakeLedger {
  readonly all: LedgerRecord[] = [];
  #listeners = new Set<(record: LedgerRecord) => void>();
  #events = new Map<string, Event[]>();

  append(id: string, event: Event): void {
    const events = this.#events.get(id) ?? [];
    events.push(event);
    this.#events.set(id, events);
    const seq = this.all.length + 1;
    const hash = createHash("sha256").update(`${seq} ${id}`).digest("hex");
    const record = { seq, id, revision: events.length, event, prev: "", hash };
    this.all.push(record);
    for (const listener of this.#listeners) listener(record);
  }

  read = async (id: string): Promise<Request | null> => fold(this.#events.get(id) ?? []);
  open = async (): Promise<readonly Request[]> =>
    [...this.#events.values()].flatMap((events) => fold(events) ?? []);
  head = () => ({ seq: this.all.length });
  follow = (listener: (record: LedgerRecord) => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };
  lastBefore = async (time: number): Promise<number> =>
    this.all.findLast(({ event }) => Date.parse(event.at) < time)?.seq ?? 0;
  async *records(after: number): AsyncGenerator<LedgerRecord> {
    for (const record of this.all.slice(after)) yield record;
  }
}

/** What survives the death of the daemon. */
export interface OutboxWorld {
  readonly ledger: FakeLedger;
  readonly clock: FakeClock;
  readonly disk: Map<string, string>;
  /** Everything that any channel was handed, in order, whatever came of it. */
  readonly handed: { readonly channel: string; readonly message: Message }[];
  counter: number;
}

export function makeOutboxWorld(): OutboxWorld {
  return { ledger: new FakeLedger(), clock: fakeClock(T0), disk: new Map(), handed: [], counter: 0 };
}

/** Asks for something; the next event of it follows with `happen`. */
export function ask(world: OutboxWorld, rest: Partial<Submission> = {}): string {
  world.counter += 1;
  const id = `20261121-091403-payment-${String(world.counter).padStart(6, "0")}`;
  const submission = sampleSubmission({ id }, { title: `Pay bill ${world.counter}`, ...rest });
  world.ledger.append(id, { type: "submitted", at: iso(world.clock.now()), submission });
  return id;
}

export function happen(world: OutboxWorld, id: string, type: Event["type"]): void {
  const submission = sampleSubmission({ id });
  world.ledger.append(id, { ...sampleEvent(type, submission), at: iso(world.clock.now()) } as Event);
}

export interface SceneOptions {
  readonly channels?: readonly (Partial<Channel> & { readonly name: string })[];
  /** What the n-th handing over comes to, counted from 1 over all channels. */
  readonly answer?: (n: number, channel: string, signal: AbortSignal) => Promise<Delivery> | Delivery;
  readonly people?: People;
  readonly store?: (store: OutboxStore) => OutboxStore;
}

export interface Scene {
  readonly outbox: Outbox;
  readonly troubles: (string | null)[];
  readonly logged: string[];
  /** Lets everything that is due happen, without the clock moving. */
  settle(): Promise<void>;
  /** Moves the clock on, and lets everything that becomes due happen. */
  pass(ms: number): Promise<void>;
}

export async function openScene(world: OutboxWorld, options: SceneOptions = {}): Promise<Scene> {
  const { answer = () => DELIVERED, channels = [{ name: "ops" }] } = options;
  const troubles: (string | null)[] = [];
  const logged: string[] = [];
  const memory: OutboxStore = {
    read: async (name) => {
      const text = world.disk.get(name);
      if (text === "damaged") return { unreadable: true, kept: `${name}.damaged-1` };
      return text === undefined ? null : (JSON.parse(text) as ChannelState);
    },
    write: async (name, state) => void world.disk.set(name, JSON.stringify(state)),
  };
  let n = 0;
  const say = (_: object, text: string) => void logged.push(text);
  const outbox = await openOutbox({
    channels: channels.map((one) => ({
      kind: "webhook",
      events: new Set<Occasion>(OCCASIONS),
      trusted: false,
      burst: 10,
      digest: null,
      deliver: async (message, signal) => {
        n += 1;
        world.handed.push({ channel: one.name, message });
        return answer(n, one.name, signal);
      },
      ...one,
    })),
    store: options.store?.(memory) ?? memory,
    ledger: world.ledger,
    clock: world.clock,
    log: { info: say, warn: say, error: say },
    random: () => 1,
    vault: "vault",
    people: () => options.people ?? NOBODY,
    onTrouble: (text) => void troubles.push(text),
  });
  const settle = async () => {
    // Everything here is promises: turns of the loop, not time.
    for (let turn = 0; turn < 40; turn += 1) await new Promise(setImmediate);
  };
  await settle();
  return {
    outbox,
    troubles,
    logged,
    settle,
    pass: (ms) => settle().then(() => world.clock.advance(ms, settle)),
  };
}
