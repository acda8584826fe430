import { problem } from "./codes.ts";
import type { Reading } from "./look.ts";
import { isMisled, type Other, observeOther, type WholeText } from "./misled.ts";

/**
 * What has to be remembered from one look to the next. Lost with the process, but for `other`: then everything is first
 * seen again.
 */
export interface Memory {
  readonly fingerprint: string;
  /** When the person's fields last changed, in ms of the daemon's clock. */
  readonly fields_since: number;
  readonly sha256: string;
  /** When any byte last changed, in ms. */
  readonly bytes_since: number;
  /** The last digest of the request that the note was seen to show. */
  readonly shown: string | null;
  readonly said: string | null;
  /** When this statement was first seen, in ms: what `expires` is held against. */
  readonly said_since: number;
  /** That it shows, or showed, something else than what was asked for. */
  readonly other: Other | null;
  /** Since when none of the request's files has its own name, in ms; null while one has. */
  readonly unnamed_since: number | null;
  /** Since when none of its files is there, in ms; null while one is. */
  readonly away_since: number | null;
}

/** Editors and sync tools take a file away for a moment to write it; what was away for longer has to stand anew. */
const AWAY_MS = 1_000;

/** All files of a request at one look. */
interface Files {
  /** Changes when any of them does. */
  readonly sha256: string;
  /** The one that is the note, by itself: what a copy shows misleads nobody who decides in the note. */
  readonly note: { readonly reading: Reading; readonly text: WholeText };
  /** Whether one of them has the request's own name. */
  readonly named: boolean;
}

/** Carries the memory of a note on to a look (ms) that found none of its files. */
export function observeNowhere(before: Memory, now: number): Memory {
  return { ...before, away_since: Math.min(before.away_since ?? now, now) };
}

/** Carries the memory of a note on to what is seen now (ms); `other` is what is remembered of that from before. */
export function observe(
  before: Memory | null,
  other: Other | null,
  reading: Reading,
  { sha256, note, named }: Files,
  now: number,
): Memory {
  const stood = before !== null && now - (before.away_since ?? now) < AWAY_MS ? before : null;
  const sameFields = stood?.fingerprint === reading.fingerprint;
  const sameBytes = stood?.sha256 === sha256;
  const sameSaid = stood?.said === reading.said;
  return {
    fingerprint: reading.fingerprint,
    fields_since: sameFields ? Math.min(stood.fields_since, now) : now,
    sha256,
    bytes_since: sameBytes ? Math.min(stood.bytes_since, now) : now,
    shown: reading.shown ?? before?.shown ?? null,
    said: reading.said,
    said_since: sameSaid ? Math.min(stood.said_since, now) : now,
    other: observeOther(other, note.reading, note.text),
    unnamed_since: named ? null : Math.min(stood?.unnamed_since ?? now, now),
    away_since: null,
  };
}

/** What a note says, given what is remembered of it. */
export function remembering(reading: Reading, { other }: Memory): Reading {
  if (!isMisled(other, reading)) return reading;
  return { ...reading, problems: [...reading.problems, problem("approval_of_other")] };
}
