import type { Occasion } from "../../core/occasion.ts";
import type { Person } from "../../core/people.ts";
import type { Request } from "../../core/request.ts";
import { iso } from "../../core/timing.ts";
import {
  digestOf,
  type Item,
  type Message,
  messageOf,
  severalOf,
  testMessage,
} from "../../document/message.ts";
import type { Clock, Ledger } from "../ports.ts";
import type { Channel, Plan } from "./ports.ts";
import type { Counts, Queue } from "./queue.ts";

export interface WritingPorts {
  readonly channel: Channel;
  readonly ledger: Pick<Ledger, "read" | "open" | "head">;
  readonly clock: Clock;
  /** The vault's name in Obsidian. */
  readonly vault: string;
  /** How many times each thing happened after a record, up to another. */
  readonly countBetween: (after: number, to: number) => Promise<Counts>;
  /** See `core/audience.ts`. */
  readonly audience: (
    about: { readonly occasion: Occasion; readonly request: Request } | null,
  ) => readonly Person[] | null;
}

/** What a plan comes to, with the requests as they are by now; null where it is for nobody whose channel this is. */
export async function writeMessage(
  plan: Plan,
  planned: Queue,
  lastDigest: number,
  ports: WritingPorts,
): Promise<Message | null> {
  if (plan.kind === "digest") return writeDigest(plan, lastDigest, ports);
  const told: { item: Item; request: Request }[] = [];
  const audience = new Set<Person>();
  const counts = { ...planned.counts };
  for (const item of planned.items) {
    const request = await ports.ledger.read(item.request);
    const persons = request === null ? [] : ports.audience({ occasion: item.occasion, request });
    for (const person of persons ?? []) audience.add(person);
    if (request !== null && persons?.length !== 0) told.push({ item, request });
    else counts[item.occasion] = (counts[item.occasion] ?? 1) - 1;
  }
  const [first] = told;
  if (first === undefined) return null;
  const wording = wordingFor([...audience], ports);
  return plan.kind === "several"
    ? severalOf(plan.id, told, counts, wording)
    : messageOf(plan.id, first.item, first.request, wording);
}

async function writeDigest(plan: Plan, lastDigest: number, ports: WritingPorts): Promise<Message> {
  const { ledger, clock } = ports;
  const counts = await ports.countBetween(lastDigest, plan.to);
  const wording = wordingFor(ports.audience(null), ports);
  return digestOf(plan.id, iso(clock.now()), await ledger.open(), counts, wording);
}

export function writeTest(ports: WritingPorts): Message {
  const { channel, clock } = ports;
  const id = `test-${clock.now()}-${channel.name}`;
  return testMessage(id, iso(clock.now()), channel.name, wordingFor(ports.audience(null), ports));
}

function wordingFor(audience: readonly Person[] | null, { vault, channel }: WritingPorts) {
  // One address for each: the others are for recognising them.
  const to = (audience ?? []).flatMap(({ emails }) => emails.slice(0, 1));
  return { vault, trusted: channel.trusted, to };
}
