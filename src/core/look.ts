import type { Problem } from "./codes.ts";
import type { JsonObject } from "./json.ts";
import type { Verb } from "./request.ts";

/** One person's approval in a note. */
export interface Ballot {
  /** The name as it is written there; null where there is none. */
  readonly reviewer: string | null;
  /** Where it stands: the name of a property, `box`, `own_box` where that has the name on it, or `folder`. */
  readonly via: string;
}

/** What a person's note says at one look. Data only: whether it acts, and when, is for `reconcile` to say. */
export interface Reading {
  /** The one clear statement in the note; null when there is none, or when it is unclear. */
  readonly verb: Verb | null;
  /** Where it stands: the name of a property, `box`, or `folder`. */
  readonly via: string | null;
  /** Whether a no stands in it, whosever it is and whatever else is said. */
  readonly objects: boolean;
  /** Changes when something else is said, or by somebody else: what `expires` is held against is since when this stands. */
  readonly said: string | null;
  /** Every approval that stands in the note; empty where `verb` is another. */
  readonly approvals: readonly Ballot[];
  /** Whether anything of it is not recorded yet. */
  readonly unrecorded: boolean;
  /** The names whose box is there without a tick; also in an unclear note, since taking back needs no clarity. */
  readonly unticked: readonly string[];
  /** Whether it lies in a folder that is a statement by itself. */
  readonly dropped: boolean;
  /** Whether neither `decision` nor `status` holds a word, clear or not, nor is everybody's box ticked. */
  readonly wordless: boolean;
  /** To whom the reviewer passes the decision on. */
  readonly delegate_to: string | null;
  /** What became of an unknown outcome, by the person's tick. */
  readonly resolution: "happened" | "did_not" | null;
  readonly reviewer: string | null;
  readonly reason: string | null;
  /** The params as the note has them, where the note differs from what was asked in nothing but editable ones. */
  readonly proposal: JsonObject | null;
  /** The request's digest, where the note shows it. */
  readonly shown: string | null;
  /** Whether the note shows the action as it was before a person changed it. */
  readonly outdated: boolean;
  readonly problems: readonly Problem[];
  /** Whether the only unclear thing is a word that is the beginning of a valid one: somebody is still typing. */
  readonly half_typed: boolean;
  /** Changes with any change of the person's own fields and boxes, and with nothing else. */
  readonly fingerprint: string;
  /** The daemon's callout that stands in the note now; empty when there is none. */
  readonly answer: string;
  /** Whether the note does not tell yet how often it was asked for, who has approved, or who may. */
  readonly stale: boolean;
  /** Whether the note shows the two boxes of an unknown outcome. */
  readonly asks_outcome: boolean;
}

/** Where a request's note is at one look. */
export type Look =
  /** `sha256` (hex) is of the note's bytes; where it has copies, of the list of all their paths and SHA-256. */
  | { readonly at: "folder"; readonly reading: Reading; readonly sha256: string }
  /** In no decision folder; `confirmed` once a full rescan has found it nowhere in them. */
  | { readonly at: "nowhere"; readonly confirmed: boolean };
