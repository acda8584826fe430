import type { Version } from "./amendment.ts";
import type { Problem } from "./codes.ts";
import type { Look } from "./look.ts";
import type { Memory } from "./memory.ts";
import type { People } from "./people.ts";
import type { Limits } from "./timing.ts";
import type { Verdict } from "./verdict.ts";

/** Everything besides the journal that can matter for what is due. */
export interface World {
  /** The daemon's clock, in ms since the epoch. */
  readonly now: number;
  readonly look: Look;
  readonly memory: Memory | null;
  readonly people: People;
  /** Whether this process is executing the request at this moment. */
  readonly running: boolean;
  /** Whether the request was submitted by this process and its note has not been written yet. */
  readonly fresh: boolean;
  readonly halted: boolean;
  /** Whether the clock cannot be trusted: then only a no counts, and nothing is decided by time. */
  readonly frozen: boolean;
  /** Whether the vault's repository is in the middle of a merge or rebase. */
  readonly merging: boolean;
  /** How this kind is executed; null when the configuration does not have it any more. */
  readonly executor: "daemon" | "caller" | null;
  /** How long an approved request may wait for its start, by the configuration. */
  readonly limits: Limits;
  /** How long a typed statement must stand unchanged before it acts, in ms; the same for ticks. */
  readonly settle_ms: number;
  readonly settle_ticks_ms: number;
  /** What the note's proposal makes of the action, or what is wrong with it; null where none is proposed. */
  readonly proposed: Version | Problem | null;
  /** What the policy, as it is now, says of the request; only where it is approved and not started. */
  readonly verdict: Verdict | null;
  /** What the request becomes where that asks for a decision of its own. */
  readonly renewed: { readonly digest: string; readonly expires: string } | null;
}
