import type { Request, Submission } from "./request.ts";

/**
 * Words about time, with one meaning each.
 *
 * - expires: decide by; an approval first seen later does not count
 * - opens: when an approved request may start at the earliest
 * - closes: when it may start no more; then it ends as expired, approved or not
 * - lapses: the same for a `caller` action: when its grant runs out unclaimed
 */
export interface Window {
  /** ISO 8601; null where it may start at once. */
  readonly opens: string | null;
  readonly closes: string;
  /** Null where the daemon executes. Never later than `closes`. */
  readonly lapses: string | null;
}

/** What the configuration says of one kind, in ms. */
export interface Limits {
  /** How long the grant of a `caller` action is good for. */
  readonly grant_ms: number;
  /** How long after it may start it has to be started, where no rule says so. */
  readonly execute_by_ms: number;
}

/** For a kind that the configuration does not have any more: it may come back. */
export const UNKNOWN_LIMITS: Limits = { grant_ms: 0, execute_by_ms: 86_400_000 };

/** When what is approved, or allowed, at `now` (ms) may start. Fixed by the record of the approval. */
export function windowOf(
  { verdict, caller, not_before }: Pick<Submission, "verdict" | "caller" | "not_before">,
  now: number,
  { grant_ms, execute_by_ms }: Limits,
): Window {
  const scheduled = Math.max(now, not_before === undefined ? now : Date.parse(not_before));
  // What nobody approved, nobody can take back.
  const cool_off_ms = verdict?.says === "require_approval" ? (verdict.cool_off_ms ?? 0) : 0;
  const opens = Math.max(now + cool_off_ms, scheduled);
  const own = verdict?.execute_by_ms ?? null;
  const closes = own === null ? opens + execute_by_ms : scheduled + own;
  return {
    opens: opens > now ? at(opens) : null,
    closes: at(closes),
    lapses: caller ? at(Math.min(opens + grant_ms, closes)) : null,
  };
}

type Approved = Extract<Request, { status: "approved" }>;

/** When an approved request may start at the earliest, in ms. */
export function opensAt({ opens }: Approved): number {
  return opens === null ? Number.NEGATIVE_INFINITY : Date.parse(opens);
}

/** When it may start no more, in ms; never, where the record is from a time that knew no such limit. */
export function closesAt({ closes, lapses }: Approved): number {
  const ends = [closes, lapses].flatMap((end) => (end === null ? [] : [Date.parse(end)]));
  return Math.min(Number.POSITIVE_INFINITY, ...ends);
}

/** The same as a time to be woken at: null for never. */
export function wakeAt(ms: number): number | null {
  return Number.isFinite(ms) ? ms : null;
}

/** The instant of a time with a zone, such as `2026-11-02T09:00+01:00`, in ms; null for anything else. */
export function instantOf(text: string): number | null {
  const found = /^(\d{4})-(\d\d)-(\d\d)T\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)$/.exec(text);
  if (found === null) return null;
  const [, year, month, day] = found.map(Number);
  // A 30th of February would be read as some day of March.
  const date = new Date(Date.UTC(year ?? 0, (month ?? 0) - 1, day ?? 0));
  const ms = Date.parse(text);
  return date.getUTCMonth() + 1 === month && date.getUTCDate() === day && !Number.isNaN(ms) ? ms : null;
}

function at(ms: number): string {
  return new Date(ms).toISOString();
}

/** Milliseconds since the epoch as ISO 8601 in UTC. */
export function iso(ms: number): string {
  return new Date(ms).toISOString();
}
