import { audienceOf } from "../../core/audience.ts";
import type { Channels } from "../../core/channel.ts";
import { Fault } from "../../core/codes.ts";
import { toldOf } from "../../core/occasion.ts";
import type { People } from "../../core/people.ts";
import { isFinal } from "../../core/request.ts";
import type { Item } from "../../document/message.ts";
import { inline, visibleLine } from "../../document/visible.ts";
import type { Clock, Ledger, LedgerRecord, Log } from "../ports.ts";
import type { Channel, OutboxStore } from "./ports.ts";
import type { Counts } from "./queue.ts";
import { type Open, Sender } from "./sender.ts";

export interface OutboxPorts {
  readonly channels: readonly Channel[];
  readonly store: OutboxStore;
  readonly ledger: Pick<Ledger, "read" | "open" | "head" | "lastBefore" | "records" | "follow">;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  readonly vault: string;
  /** As they are now. */
  readonly people: () => People;
  /** What the reviewer's dashboard is to say, in a sentence; null when all is well. */
  readonly onTrouble: (text: string | null) => void;
}

export interface Outbox extends Channels {
  /** Calls off what is under way; what was not handed over is for the next start. */
  close(): Promise<void>;
}

/** As much of what was said as is kept until it is told. */
const SAID_LIMIT = 400;
/** After so many records of the past, others get their turn. */
const SLICE = 100;

/**
 * Tells people what happens: follows the journal, and hands to each channel what it is to tell, beginning where the last
 * run ended. It is never in the way: nothing waits for it, and a record costs a look into a table. To be opened before
 * anything new can be recorded.
 */
export async function openOutbox(ports: OutboxPorts): Promise<Outbox> {
  const { ledger, channels, log } = ports;
  const head = ledger.head().seq;
  /** Records that came before the earlier ones were read; null from then on. */
  let early: LedgerRecord[] | null = [];
  const senders: Sender[] = [];
  /** Set where the past could not be read: what came since then must not be told before it, so nothing is. */
  let unread = false;
  const stop = ledger.follow((record) => {
    if (unread || channels.length === 0) return;
    if (early !== null) early.push(record);
    else take(record);
  });
  let open: Promise<Open> | null = null;
  for (const channel of channels) {
    const audience = (about: Parameters<typeof audienceOf>[1]) =>
      audienceOf(channel.name, about, ports.people(), works);
    const rest = {
      channel,
      findOpen: () => (open ??= findOpen()),
      countBetween,
      audience,
      onState: tellTrouble,
    };
    senders.push(await Sender.open({ ...ports, ...rest }, head));
  }
  if (senders.some(({ lost }) => lost !== null)) tellTrouble();
  let closing = false;
  const loading = load().catch((error: unknown) => {
    log.error({ err: error }, "what was still to be told could not be read from the journal");
    unread = true;
    early = null;
    tellTrouble();
  });

  /** For a channel that does not know any more what it has told. */
  async function findOpen(): Promise<Open> {
    const open = (await ledger.open()).filter((request) => !isFinal(request));
    const oldest = Math.min(...open.map(({ submission }) => Date.parse(submission.fields.created)));
    const ids = new Set(open.map(({ submission }) => submission.fields.id));
    // A journal that cannot be read is told of where it is read.
    return { ids, before: await ledger.lastBefore(oldest).catch(() => 0) };
  }

  function works(name: string): boolean {
    const found = senders.find(({ channel }) => channel.name === name);
    return found !== undefined && found.off === null;
  }

  /** Nothing is sent before all of what came before is known, so that it goes out in order. */
  async function load(): Promise<void> {
    const after = Math.min(...senders.map(({ seq }) => seq));
    if (after < head) {
      for await (const record of ledger.records(after)) {
        if (closing) return;
        if (record.seq <= head) take(record);
        else break;
        if (record.seq % SLICE === 0) await new Promise(setImmediate);
      }
    }
    for (const record of early ?? []) take(record);
    early = null;
    for (const sender of senders) sender.start();
  }

  function take({ seq, hash, id, revision, event }: LedgerRecord): void {
    const told = toldOf(event, revision);
    if (told === null) return;
    const { occasion, headline, by = null, inner = false } = told;
    const said = told.said == null ? null : visibleLine(told.said, SAID_LIMIT);
    const item: Item = { seq, hash, at: event.at, request: id, occasion, headline, by, said, inner };
    for (const sender of senders) sender.hear(item);
  }

  async function countBetween(after: number, to: number): Promise<Counts> {
    const counts: Counts = {};
    if (after >= to) return counts;
    for await (const { seq, revision, event } of ledger.records(after)) {
      if (seq > to || closing) break;
      const told = toldOf(event, revision);
      if (told !== null) counts[told.occasion] = (counts[told.occasion] ?? 0) + 1;
      if (seq % SLICE === 0) await new Promise(setImmediate);
    }
    return counts;
  }

  function tellTrouble(): void {
    const off = senders.filter((sender) => sender.off !== null);
    const texts = off.map((sender) => {
      const why = inline(sender.off?.why ?? "");
      const { name } = sender.channel;
      return `Messages to \`${name}\` wait: it kept failing and is switched off (${why}). \`countersign notify enable ${name}\` tries again.`;
    });
    for (const { channel, lost } of senders) {
      if (lost === null) continue;
      const kept = lost.kept === null ? "" : `; the damaged file is kept as ${inline(lost.kept)}`;
      texts.push(
        `What \`${channel.name}\` has told was lost with a damaged file, so it tells of everything that is open again${kept}.`,
      );
    }
    if (unread) texts.push("Messages wait for the next start: the journal could not be read for them.");
    ports.onTrouble(texts.length === 0 ? null : texts.join(" "));
  }

  function named(name: string): Sender {
    const found = senders.find(({ channel }) => channel.name === name);
    if (found !== undefined) return found;
    const known = senders.map(({ channel }) => channel.name).join(", ");
    const hint = known === "" ? "`notify:` in countersign.yaml has none." : `There are ${known}.`;
    throw new Fault("unknown_channel", `There is no channel ${visibleLine(name, 60)}.`, hint);
  }

  return {
    list: () => senders.map((sender) => sender.view()),
    test: async (name) => named(name).test(),
    async enable(name) {
      const sender = named(name);
      await sender.enable();
      return sender.view();
    },
    async close() {
      closing = true;
      stop();
      await Promise.all(senders.map((sender) => sender.close()));
      await loading;
    },
  };
}
