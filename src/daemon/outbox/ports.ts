import type { Delivery } from "../../core/channel.ts";
import type { Occasion } from "../../core/occasion.ts";
import type { Message } from "../../document/message.ts";

/** One way of reaching people, as the configuration has it. */
export interface Channel {
  readonly name: string;
  readonly kind: string;
  readonly events: ReadonlySet<Occasion>;
  /** Whether params may be shown. */
  readonly trusted: boolean;
  /** How many messages a minute at most; what is beyond is told in one. */
  readonly burst: number;
  /** The newest digest that is due at or before a time, by its date, and when the next one is; null without digests. */
  readonly digest: ((now: number) => { readonly date: string; readonly next: number }) | null;
  /** Hands a message over. Keeps to a time of its own; a rejection counts as a passing fault. */
  deliver(message: Message, signal: AbortSignal): Promise<Delivery>;
}

/** What is remembered of a channel over restarts. */
export interface ChannelState {
  readonly format: 1;
  /** Up to this journal record everything was handed over or given up. */
  readonly seq: number;
  /** Up to this record only what is still open is told: what had been told before is not known any more. */
  readonly again_to?: number;
  /** What was about to be handed over, recorded before it was: tried again it has the same id. */
  readonly plan: Plan | null;
  readonly tries: number;
  /** Messages in a row that were refused for good. */
  readonly refused: number;
  /** Set when the channel failed for so long that it is left alone. */
  readonly off: { readonly at: string; readonly why: string } | null;
  readonly delivered: number;
  readonly told: number;
  readonly given_up: number;
  readonly last: { readonly at: string; readonly id: string; readonly what: string } | null;
  /** The date of the last digest, and up to which record it told. */
  readonly digest: { readonly date: string; readonly seq: number } | null;
}

export type Plan =
  | { readonly kind: "one" | "several"; readonly id: string; readonly to: number }
  | { readonly kind: "digest"; readonly id: string; readonly date: string; readonly to: number };

/** There was a state that says nothing any more, and where it is kept; null where that could not be. */
export interface Unreadable {
  readonly unreadable: true;
  readonly kept: string | null;
}

/** Where channels' states are kept; each method rejects when the disk does not let it. */
export interface OutboxStore {
  /** Null when there is none. */
  read(name: string): Promise<ChannelState | Unreadable | null>;
  /** Durable, and never half, once it resolves. */
  write(name: string, state: ChannelState): Promise<void>;
}
