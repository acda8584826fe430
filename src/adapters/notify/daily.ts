import { Temporal } from "temporal-polyfill";
import type { DailyTime } from "../configuration/channels.ts";

/**
 * The newest time of the day at or before a moment, by its date there, and when the next one is (ms). A time that a day
 * does not have, when clocks go forward, is an hour later; one that it has twice is the first.
 */
export function daily({ hour, minute, zone }: DailyTime) {
  const at = (date: Temporal.PlainDate) =>
    date.toZonedDateTime({ timeZone: zone, plainTime: { hour, minute } }).epochMilliseconds;
  return (now: number): { date: string; next: number } => {
    const today = Temporal.Instant.fromEpochMilliseconds(now).toZonedDateTimeISO(zone).toPlainDate();
    const date = at(today) <= now ? today : today.subtract({ days: 1 });
    return { date: date.toString(), next: at(date.add({ days: 1 })) };
  };
}
