import { Temporal } from "temporal-polyfill";

/** Days and times by the clocks of a place. A day is told as `2026-12-25`, a time of day in minutes from midnight. */

const DAY_MS = 86_400_000;

/** The zone's own name; null where there is no such place. */
export function zoneOf(name: string): string | null {
  // An offset such as +01:00 is no place: it knows no summer time.
  if (!/^[A-Za-z]/.test(name)) return null;
  try {
    return zoned(0, name).timeZoneId;
  } catch {
    return null;
  }
}

export function isDay(text: string): boolean {
  return /^\d{4}-\d\d-\d\d$/.test(text) && reads(() => Temporal.PlainDate.from(text, { overflow: "reject" }));
}

/** Whether it is a day and a time on the wall, such as `2026-11-02T09:00`. */
export function isWallTime(text: string): boolean {
  const shape = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?$/;
  return shape.test(text) && reads(() => Temporal.PlainDateTime.from(text, { overflow: "reject" }));
}

/** The instant of a time with its own offset, such as `2026-11-02T09:00+01:00`; null for anything else. */
export function instantOf(text: string): number | null {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d)$/.test(text)) return null;
  try {
    return Temporal.Instant.from(text).epochMilliseconds;
  } catch {
    return null;
  }
}

/** The day that an instant is part of. */
export function dayOf(at: number, zone: string): string {
  return zoned(at, zone).toPlainDate().toString();
}

export function dayAfter(day: string, count = 1): string {
  return Temporal.PlainDate.from(day).add({ days: count }).toString();
}

/** 0 for Monday. */
export function weekdayOf(day: string): number {
  return Temporal.PlainDate.from(day).dayOfWeek - 1;
}

/** When the day begins: the first instant that is part of it. */
export function startOf(day: string, zone: string): number {
  return Temporal.PlainDate.from(day).toZonedDateTime(zone).epochMilliseconds;
}

/**
 * A time on the wall as an instant: the first of two where clocks are set back, and where they are set forward over it as
 * much later as they were set.
 */
export function wallTimeOf(text: string, zone: string): number {
  return Temporal.PlainDateTime.from(text).toZonedDateTime(zone).epochMilliseconds;
}

/** A row of times on the wall, each so many minutes after the one before; the number of the last that has come. */
export function turnOf(at: number, starts: string, minutes: number, zone: string): number {
  const first = Temporal.PlainDateTime.from(starts);
  const comes = (turn: number) =>
    first.add({ minutes: turn * minutes }).toZonedDateTime(zone).epochMilliseconds;
  const wall = zoned(at, zone).toPlainDateTime();
  let turn = Math.floor(first.until(wall, { largestUnit: "minutes" }).minutes / minutes);
  // What the clock shows a second time, or not at all, is off by the change of clocks.
  while (comes(turn + 1) <= at) turn += 1;
  while (comes(turn) > at) turn -= 1;
  return turn;
}

/**
 * From when on the clocks are how many ms ahead of UTC while they show a day, in order, and when they have shown it for
 * the last time. Clocks that are set back over midnight show the end of a day again when the next has begun.
 */
export function clocksOf(
  day: string,
  zone: string,
): { readonly changes: readonly Clocks[]; readonly end: number } {
  const start = startOf(day, zone);
  const midnight = Temporal.PlainDateTime.from(dayAfter(day));
  const last = midnight.toZonedDateTime(zone, { disambiguation: "later" });
  const end = last.epochMilliseconds;
  const changes: Clocks[] = [];
  for (let from = start; from < end; ) {
    const here = zoned(from, zone);
    changes.push({ from, ahead: here.offsetNanoseconds / 1e6 });
    // Looking for the next change is dear, and nearly all days have none.
    if (end - start === DAY_MS && last.offsetNanoseconds === here.offsetNanoseconds) break;
    from = here.getTimeZoneTransition("next")?.epochMilliseconds ?? end;
  }
  return { changes, end };
}

export interface Clocks {
  readonly from: number;
  readonly ahead: number;
}

function zoned(at: number, zone: string): Temporal.ZonedDateTime {
  return Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(zone);
}

function reads(parse: () => unknown): boolean {
  try {
    parse();
    return true;
  } catch {
    return false;
  }
}
