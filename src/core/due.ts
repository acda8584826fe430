import type { Problem } from "./codes.ts";
import type { Event } from "./event.ts";

/** The next thing due for one request. `wake_at` (ms) says when to look again if nothing else happens. */
export type Due =
  | { readonly do: "record"; readonly event: Event }
  | { readonly do: "show"; readonly came_back: boolean }
  | { readonly do: "answer"; readonly problems: readonly Problem[]; readonly wake_at: number | null }
  /** Brings the note up to date with the action as a person changed it, and takes out what was said before. */
  | { readonly do: "show_amended"; readonly wake_at: number | null }
  | { readonly do: "ask_outcome" }
  | { readonly do: "archive" }
  | { readonly do: "keep_late" }
  | { readonly do: "nothing"; readonly wake_at: number | null };

export const NOTHING: Due = { do: "nothing", wake_at: null };

/** How soon to look again while the vault's repository is in a merge. */
export const MERGE_POLL_MS = 1_000;

export function record(event: Event): Due {
  return { do: "record", event };
}
