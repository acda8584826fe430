import type { ChannelView, Delivery } from "../../core/channel.ts";
import { OCCASIONS } from "../../core/occasion.ts";
import type { RequestId } from "../../core/request.ts";
import { iso } from "../../core/timing.ts";
import type { Item } from "../../document/message.ts";
import { visibleLine } from "../../document/visible.ts";
import type { Log } from "../ports.ts";
import { handOver } from "./handing-over.ts";
import type { Channel, ChannelState, OutboxStore, Plan, Unreadable } from "./ports.ts";
import { Queue } from "./queue.ts";
import { type WritingPorts, writeMessage, writeTest } from "./writing.ts";

export interface SenderPorts extends WritingPorts {
  readonly store: OutboxStore;
  readonly log: Log;
  /** From 0 to below 1, so that channels that fail together are not all tried together. */
  readonly random: () => number;
  readonly findOpen: () => Promise<Open>;
  /** Something changed in how the channel fares. */
  readonly onState: () => void;
}

/** What is still open, and the last record from before the oldest of it. */
export interface Open {
  readonly ids: ReadonlySet<RequestId>;
  readonly before: number;
}

const FIRST_RETRY_MS = 5_000;
const LAST_RETRY_MS = 900_000;
/** What another side may ask for; longer would be a channel that is off without saying so. */
const LONGEST_WAIT_MS = 6 * 3_600_000;
/** About an hour and a quarter of trying. */
const TRIES_UNTIL_OFF = 13;
/** A wrong address or password does not become right by being tried. */
const WRONG_UNTIL_OFF = 3;
/** Messages refused for good, one after the other. */
const REFUSED_UNTIL_OFF = 5;
const MINUTE_MS = 60_000;

/** One channel's way out: one message at a time, in order, each recorded before and after it is handed over. */
export class Sender {
  readonly #ports: SenderPorts;
  /** Set where its state could not be read: what it had told is not known, and where the damaged state is kept. */
  readonly lost: Unreadable | null;
  /** Null where it tells of everything. */
  readonly #open: Open | null;
  #state: ChannelState;
  /** Whether the state in memory is ahead of the one on disk. */
  #dirty = false;
  /** What the plan is about, and what comes after it. */
  #planned = new Queue();
  #queue = new Queue();
  #why: string | null = null;
  #sentAt: number[] = [];
  #nextTry: number | null = null;
  #running: Promise<void> | null = null;
  #again = false;
  #cancel: (() => void) | null = null;
  #abort = new AbortController();
  #stopped = true;

  private constructor(
    ports: SenderPorts,
    state: ChannelState,
    { lost, open }: { lost: Unreadable | null; open: Open | null },
  ) {
    this.#ports = ports;
    this.#open = open;
    this.lost = lost;
    this.#state = state;
  }

  /**
   * A channel that is new tells of nothing that was before it; one whose state was lost tells again of all that is open. A
   * restart switches one on again.
   */
  static async open(ports: SenderPorts, head: number): Promise<Sender> {
    const { channel, clock, store, log } = ports;
    const found = await store.read(channel.name);
    const lost = found !== null && "unreadable" in found ? found : null;
    const saved = found !== null && "unreadable" in found ? null : found;
    const isBehind = saved !== null && (saved.again_to ?? 0) > saved.seq;
    const open = lost !== null || isBehind ? await ports.findOpen() : null;
    const first = lost === null ? head : Math.min(open?.before ?? head, head);
    const digest = channel.digest === null ? null : { date: channel.digest(clock.now()).date, seq: head };
    const state: ChannelState = {
      ...(saved ?? FRESH),
      // A journal that was put back may end before what was told last.
      seq: Math.min(saved?.seq ?? first, head),
      ...(lost !== null && { again_to: head }),
      plan: (saved?.plan?.to ?? 0) > head ? null : (saved?.plan ?? null),
      digest: channel.digest === null ? null : (saved?.digest ?? digest),
      off: null,
      tries: 0,
      refused: 0,
    };
    if (lost !== null) {
      const said =
        "a channel's state was damaged: what it has told is not known, and what is open is told again";
      log.error({ channel: channel.name, file: lost.kept }, said);
    }
    if (saved?.off) log.info({ channel: channel.name }, "a channel that was switched off is tried again");
    await store.write(channel.name, state);
    return new Sender(ports, state, { lost, open });
  }

  get channel(): Channel {
    return this.#ports.channel;
  }

  /** Up to which record nothing is to be told any more. */
  get seq(): number {
    return this.#state.seq;
  }

  get off(): ChannelState["off"] {
    return this.#state.off;
  }

  /** Takes what is to be told; never waits. */
  hear(item: Item): void {
    if (item.seq <= this.#state.seq || !this.channel.events.has(item.occasion)) return;
    const { plan, again_to = 0 } = this.#state;
    if (item.seq <= again_to && this.#open?.ids.has(item.request) === false) return;
    if (plan !== null && plan.kind !== "digest" && item.seq <= plan.to) this.#planned.push(item);
    else this.#queue.push(item);
    this.#wake();
  }

  /** Begins to send, once all that was to be told before is heard. */
  start(): void {
    this.#stopped = false;
    this.#wake();
  }

  view(): ChannelView {
    const { name, kind, events, trusted } = this.channel;
    const { plan, off, tries, delivered, told, given_up, last } = this.#state;
    const waiting = this.#planned.size + this.#queue.size;
    // What is not on the disk yet would be sent again.
    const busy = plan === null && waiting === 0 && !this.#dirty ? "ready" : "sending";
    return {
      name,
      kind,
      events: OCCASIONS.filter((one) => events.has(one)),
      trusted,
      state: off !== null ? "off" : tries > 0 ? "retrying" : busy,
      waiting,
      tries,
      next_try: off === null && this.#nextTry !== null ? iso(this.#nextTry) : null,
      why: off?.why ?? (tries > 0 ? this.#why : null),
      delivered,
      told,
      given_up,
      last,
    };
  }

  /** Switches it on again, and tries at once. */
  async enable(): Promise<void> {
    this.#state = { ...this.#state, off: null, tries: 0, refused: 0 };
    this.#nextTry = null;
    this.#sentAt = [];
    await this.#save();
    this.#ports.onState();
    this.#wake();
  }

  /** Sends a sample message now, past everything that waits. */
  test(): Promise<Delivery> {
    return handOver(writeTest(this.#ports), this.#ports, this.#abort.signal);
  }

  /** Calls off what is under way; its plan says at the next start what it was. */
  async close(): Promise<void> {
    this.#stopped = true;
    this.#abort.abort();
    this.#cancel?.();
    await this.#running;
  }

  #wake(): void {
    if (this.#stopped) return;
    if (this.#running !== null) {
      this.#again = true;
      return;
    }
    this.#again = false;
    this.#cancel?.();
    this.#cancel = null;
    this.#running = this.#run()
      .catch((error: unknown) => {
        const { log, channel, clock } = this.#ports;
        log.warn({ err: error, channel: channel.name }, "a channel's state could not be kept; it waits");
        this.#nextTry = clock.now() + FIRST_RETRY_MS;
        return FIRST_RETRY_MS;
      })
      .then((wait) => {
        this.#running = null;
        if (this.#again) this.#wake();
        else if (wait !== null && !this.#stopped) this.#wakeIn(wait);
      });
  }

  #wakeIn(ms: number): void {
    this.#cancel?.();
    this.#cancel = this.#ports.clock.after(Math.min(ms, LONGEST_WAIT_MS), () => this.#wake());
  }

  /** Sends until nothing is to be sent now; gives how long to wait then, or null. */
  async #run(): Promise<number | null> {
    while (!this.#stopped) {
      const now = this.#ports.clock.now();
      if (this.#nextTry !== null && this.#nextTry > now) return this.#nextTry - now;
      if (this.#dirty) await this.#save();
      if (this.#state.off !== null) return null;
      if (this.#state.plan === null) {
        const rest = this.#restBeforeNext(now);
        if (rest > 0) return rest;
        const plan = this.#choose(now);
        if (plan === null) return this.#untilDigest(now);
        await this.#keep({ plan });
      }
      await this.#send();
    }
    return null;
  }

  /** How long until another message may go out. */
  #restBeforeNext(now: number): number {
    // A clock that was set back must not hold it up.
    this.#sentAt = this.#sentAt.filter((at) => at > now - MINUTE_MS && at <= now);
    const [oldest] = this.#sentAt;
    return this.#queue.size > 0 && oldest !== undefined && this.#sentAt.length >= this.channel.burst
      ? oldest + MINUTE_MS - now
      : 0;
  }

  /** What is sent next: the digest when it is due, one thing, or, where that would be too many, all at once. */
  #choose(now: number): Plan | null {
    const { name, burst } = this.channel;
    const { digest } = this.#state;
    const date = this.channel.digest?.(now).date;
    if (date !== undefined && digest !== null && date > digest.date) {
      return { kind: "digest", id: `digest-${date}-${name}`, date, to: this.#ports.ledger.head().seq };
    }
    const [first] = this.#queue.items;
    if (first === undefined) return null;
    const mark = first.hash.slice(0, 12);
    if (this.#sentAt.length + this.#queue.size <= burst) {
      this.#planned = new Queue();
      this.#queue.shift();
      this.#planned.push(first);
      return { kind: "one", id: `${first.seq}-${mark}-${name}`, to: first.seq };
    }
    this.#planned = this.#queue;
    this.#queue = new Queue();
    const to = this.#planned.last;
    return { kind: "several", id: `${first.seq}-${to}-${mark}-${name}`, to };
  }

  #untilDigest(now: number): number | null {
    return this.channel.digest === null ? null : Math.max(0, this.channel.digest(now).next - now);
  }

  async #send(): Promise<void> {
    const { plan } = this.#state;
    if (plan === null) return;
    const lastDigest = this.#state.digest?.seq ?? plan.to;
    const message = await writeMessage(plan, this.#planned, lastDigest, this.#ports);
    // Nothing is left of it that the configuration still wants told, or nobody whom it is for.
    if (message === null) return this.#settle(plan, {});
    const delivery = await handOver(message, this.#ports, this.#abort.signal);
    // What was called off at the end of this process is tried again by the next.
    if (this.#stopped && !delivery.ok) return;
    const at = iso(this.#ports.clock.now());
    if (delivery.ok) {
      this.#sentAt.push(this.#ports.clock.now());
      const { delivered, told } = this.#state;
      const count = plan.kind === "digest" ? 1 : this.#planned.size;
      const what = visibleLine(delivery.what, 200);
      const last = { at, id: plan.id, what };
      return this.#settle(plan, { delivered: delivered + 1, told: told + count, refused: 0, last });
    }
    await this.#failed(plan, delivery, at);
  }

  async #failed(plan: Plan, delivery: Extract<Delivery, { ok: false }>, at: string): Promise<void> {
    const { log, channel, clock, random } = this.#ports;
    const why = visibleLine(delivery.why, 300);
    this.#why = why;
    if (delivery.fault === "message") {
      const refused = this.#state.refused + 1;
      const count = plan.kind === "digest" ? 1 : this.#planned.size;
      log.warn({ channel: channel.name, message: plan.id, why }, "a message was refused and is given up");
      const off = refused >= REFUSED_UNTIL_OFF ? this.#offBecause(why, at) : null;
      const given_up = this.#state.given_up + count;
      return this.#settle(plan, { refused, given_up, off, last: { at, id: plan.id, what: why } });
    }
    const tries = this.#state.tries + 1;
    const limit = delivery.fault === "channel" ? WRONG_UNTIL_OFF : TRIES_UNTIL_OFF;
    const backOff = Math.min(FIRST_RETRY_MS * 2 ** (tries - 1), LAST_RETRY_MS);
    const asked = Math.min(delivery.after_ms ?? 0, LONGEST_WAIT_MS);
    this.#nextTry = clock.now() + Math.max(backOff * (0.5 + random() / 2), asked);
    if (tries === 1)
      log.warn({ channel: channel.name, message: plan.id, why }, "a message is tried again later");
    await this.#keep({ tries, off: tries >= limit ? this.#offBecause(why, at) : null });
    this.#ports.onState();
  }

  #offBecause(why: string, at: string): ChannelState["off"] {
    const { log, channel } = this.#ports;
    log.error({ channel: channel.name, why }, "a channel keeps failing and is switched off");
    return { at, why };
  }

  async #settle(plan: Plan, change: Partial<ChannelState>): Promise<void> {
    this.#nextTry = null;
    const seq = plan.kind === "digest" ? this.#state.seq : plan.to;
    const digest = plan.kind === "digest" ? { date: plan.date, seq: plan.to } : this.#state.digest;
    if (plan.kind !== "digest") this.#planned = new Queue();
    await this.#keep({ ...change, seq, digest, plan: null, tries: 0 });
    this.#ports.onState();
  }

  async #keep(change: Partial<ChannelState>): Promise<void> {
    this.#state = { ...this.#state, ...change };
    await this.#save();
  }

  async #save(): Promise<void> {
    this.#dirty = true;
    await this.#ports.store.write(this.channel.name, this.#state);
    this.#dirty = false;
  }
}

const FRESH: Omit<ChannelState, "seq" | "digest"> = {
  format: 1,
  plan: null,
  tries: 0,
  refused: 0,
  off: null,
  delivered: 0,
  told: 0,
  given_up: 0,
  last: null,
};
