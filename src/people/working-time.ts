import type { Hours } from "../core/people.ts";
import { clocksOf, dayAfter, dayOf, weekdayOf } from "./zoned.ts";

/**
 * Working time: the time during which the clocks of the hours' zone show a time that is part of them. Where clocks are
 * set forward, hours that fall into the gap are shorter; where they are set back, what is shown twice counts twice.
 * All times are ms since 1970.
 */

/** A piece of working time; `to` is no longer part of it. */
interface Piece {
  readonly from: number;
  readonly to: number;
}

/** How far ahead is looked: nothing that people wait for takes longer. */
const HORIZON_DAYS = 3_660;

export function isOpen(at: number, hours: Hours): boolean {
  return piecesOf(dayOf(at, hours.zone), hours).some(({ from, to }) => from <= at && at < to);
}

/**
 * The first instant by which so much working time has passed since `from`: inside the hours, or where they close; `from`
 * itself for no time at all. What would take more than ten years is over after these ten years.
 */
export function addWorkingTime(from: number, amount: number, hours: Hours): number {
  if (amount <= 0) return from;
  let left = amount;
  let day = dayOf(from, hours.zone);
  for (let days = 0; days < HORIZON_DAYS; days += 1, day = dayAfter(day)) {
    for (const piece of piecesOf(day, hours)) {
      const begins = Math.max(piece.from, from);
      const length = Math.max(0, piece.to - begins);
      if (length >= left) return begins + left;
      left -= length;
    }
  }
  return horizonOf(from);
}

/** How much working time there is from an instant to another; none where the other is not later. */
export function workingTimeBetween(from: number, to: number, hours: Hours): number {
  let passed = 0;
  let day = dayOf(from, hours.zone);
  const last = dayOf(Math.max(from, to), hours.zone);
  for (; day <= last; day = dayAfter(day)) {
    for (const piece of piecesOf(day, hours)) {
      passed += Math.max(0, Math.min(piece.to, to) - Math.max(piece.from, from));
    }
  }
  return passed;
}

/** Where the hours close on the first day with working time after the day of `from`. */
export function endOfNextBusinessDay(from: number, hours: Hours): number {
  let day = dayOf(from, hours.zone);
  for (let days = 0; days < HORIZON_DAYS; days += 1) {
    day = dayAfter(day);
    const last = piecesOf(day, hours).at(-1);
    if (last !== undefined) return last.to;
  }
  return horizonOf(from);
}

/** The day's working time, in order. */
function piecesOf(day: string, hours: Hours): readonly Piece[] {
  const spans = hours.days[weekdayOf(day)] ?? [];
  if (spans.length === 0 || hours.holidays.includes(day)) return [];
  const { changes, end } = clocksOf(day, hours.zone);
  const midnight = Date.parse(`${day}T00:00:00Z`);
  const pieces = changes.flatMap(({ from, ahead }, at) => {
    // Between two changes of the clocks all that they show is told from UTC in the same way.
    const until = changes[at + 1]?.from ?? end;
    return spans.map((span) => ({
      from: Math.max(from, midnight + span.from * 60_000 - ahead),
      to: Math.min(until, midnight + span.to * 60_000 - ahead),
    }));
  });
  return pieces.filter(({ from, to }) => from < to);
}

function horizonOf(from: number): number {
  return from + HORIZON_DAYS * 86_400_000;
}
