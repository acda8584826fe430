import type { Occasion } from "./occasion.ts";

/** How a channel fares, as it is told to the outside. */
export interface ChannelView {
  readonly name: string;
  readonly kind: string;
  readonly events: readonly Occasion[];
  readonly trusted: boolean;
  /** `ready` when nothing waits, `off` when it was switched off after failing for long. */
  readonly state: "ready" | "sending" | "retrying" | "off";
  /** How many things are still to be told. */
  readonly waiting: number;
  /** How often the message that is under way was tried, and when it is tried again. */
  readonly tries: number;
  readonly next_try: string | null;
  /** Why it is off, or why the last try failed. */
  readonly why: string | null;
  /** Messages, since the channel's first start; several things may have been told in one. */
  readonly delivered: number;
  readonly told: number;
  readonly given_up: number;
  readonly last: { readonly at: string; readonly id: string; readonly what: string } | null;
}

/** What can be asked about the channels. */
export interface Channels {
  list(): readonly ChannelView[];
  /** Sends a sample message now. Gives unknown_channel. */
  test(name: string): Promise<Delivery>;
  /** Switches a channel on again. Gives unknown_channel. */
  enable(name: string): Promise<ChannelView>;
}

/** What came of handing a message over. */
export type Delivery =
  | { readonly ok: true; readonly what: string }
  | {
      readonly ok: false;
      readonly why: string;
      /**
       * What is at fault: the `message`, which would be refused again; the `channel`, which would refuse every message;
       * or something that may be over soon.
       */
      readonly fault: "message" | "channel" | "passing";
      /** How long the other side asks to be left alone, in ms. */
      readonly after_ms: number | null;
    };
