import { formatDuration } from "./duration.ts";

/**
 * The clock on the wall against one that only ever goes forward, also while the machine sleeps. What differs by more than
 * a moment was set by somebody, and then no deadline can be trusted. All times are in ms.
 */
export interface ClockReading {
  /** Since 1970. */
  readonly wall: number;
  /** Since the machine was started. */
  readonly steady: number;
}

/** What the clocks are held against. */
export interface ClockReference {
  /** How far apart they were when all was well. */
  readonly offset: number;
  /** Only that the wall's clock was at least there is known: from the journal's last record. */
  readonly at_least: boolean;
}

/** Corrections by a time server are smaller than this; expiries and undo windows are longer. */
const STEP_MS = 120_000;

/** How far the wall's clock is ahead (behind, where negative) of what it should be; null where that is a trifle. */
export function clockFault(
  { offset, at_least }: ClockReference,
  { wall, steady }: ClockReading,
): number | null {
  const apart = wall - steady - offset;
  if (at_least && apart > 0) return null;
  return Math.abs(apart) > STEP_MS ? apart : null;
}

export function referenceAt({ wall, steady }: ClockReading): ClockReference {
  return { offset: wall - steady, at_least: false };
}

/** The clock that has just been started with: null for `last` (ms) where nothing was ever recorded. */
export function referenceSince(last: number | null, now: ClockReading): ClockReference {
  const floor = last === null ? null : { offset: last - now.steady, at_least: true };
  return floor !== null && clockFault(floor, now) !== null ? floor : referenceAt(now);
}

/** What is wrong, for people; `apart` is null where it cannot be told any more by how much. */
export function tellClockFault(apart: number | null): string {
  const by = apart === null ? null : formatDuration(Math.round(Math.abs(apart) / 1_000) * 1_000);
  const what =
    apart === null ? "was set before the last restart" : `is ${by} ${apart > 0 ? "ahead" : "behind"}`;
  return (
    `The computer's clock ${what}: nothing is approved, started or expired, and only a no counts, until ` +
    `${apart === null ? "" : "the clock is right again or "}somebody runs \`countersign clock accept\`.`
  );
}
