import type { Occasion } from "../../core/occasion.ts";
import type { RunSettings } from "./program.ts";
import type { Value } from "./reference.ts";

/** A channel of `notify:`, checked, with every default filled in. Its secrets are only named. */
export interface ChannelSettings {
  readonly name: string;
  readonly events: ReadonlySet<Occasion>;
  /** Whether params may be shown. */
  readonly trusted: boolean;
  /** How many messages a minute at most. */
  readonly burst: number;
  readonly digest: DailyTime | null;
  readonly out: Out;
}

export interface DailyTime {
  readonly hour: number;
  readonly minute: number;
  /** As in the time zone database. */
  readonly zone: string;
}

/** How a channel is reached, by its kind. */
export type Out =
  | (Web & { readonly kind: "slack" | "teams" | "discord" })
  | (Web & { readonly kind: "ntfy"; readonly topic: Value; readonly token: Value | null })
  | (Web & { readonly kind: "webhook"; readonly secret: Value })
  | Mail
  | { readonly kind: "desktop" }
  | { readonly kind: "command"; readonly run: RunSettings; readonly timeout_ms: number };

interface Web {
  readonly url: Value;
  /** Whether it may lead to this machine and to private networks. */
  readonly allow_private: boolean;
}

export interface Mail {
  readonly kind: "smtp";
  readonly host: string;
  readonly port: number;
  readonly tls: "starttls" | "implicit" | "none";
  /** The file of certificates that are trusted instead of the system's. */
  readonly ca: string | null;
  readonly user: string | null;
  readonly password: Value | null;
  readonly from: string;
  /** None where it goes to the persons who name the channel. */
  readonly to: readonly string[];
}
