import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Hours } from "../../src/core/people.ts";
import {
  addWorkingTime,
  endOfNextBusinessDay,
  isOpen,
  workingTimeBetween,
} from "../../src/people/working-time.ts";
import { at, hoursOf } from "./stage.ts";

const H = 3_600_000;
const M = 60_000;

const office = (zone: string) =>
  hoursOf(
    `zone: ${zone}`,
    "days: { mon-thu: [09:00-12:00, 13:00-17:00], fri: 09:00-15:00 }",
    "holidays: [2026-12-25]",
  );
const BERLIN = office("Europe/Berlin");
const always = (zone: string) => hoursOf(`zone: ${zone}`, "days: { mon-sun: 00:00-24:00 }");
const nights = (zone: string) =>
  hoursOf(`zone: ${zone}`, "days: { mon-sun: [00:30-01:45, 02:15-03:30, 23:00-24:00] }");

describe("an amount of working time is over", () => {
  test.each([
    ["on the same morning", "2026-11-23T08:00Z", 2 * H, "2026-11-23T10:00Z"],
    ["where the morning ends", "2026-11-23T08:00Z", 3 * H, "2026-11-23T11:00Z"],
    ["after the break", "2026-11-23T08:00Z", 4 * H, "2026-11-23T13:00Z"],
    ["on the next day", "2026-11-23T15:30Z", H, "2026-11-24T08:30Z"],
    ["after the week-end", "2026-11-27T13:30Z", H, "2026-11-30T08:30Z"],
    ["after a night's question", "2026-11-24T02:00Z", H, "2026-11-24T09:00Z"],
    ["after a holiday and the week-end", "2026-12-24T15:30Z", H, "2026-12-28T08:30Z"],
    ["at once, where there is none to wait", "2026-11-28T02:00Z", 0, "2026-11-28T02:00Z"],
    ["after clocks were set forward", "2026-03-27T13:30Z", H, "2026-03-30T07:30Z"],
    ["after clocks were set back", "2026-10-23T12:30Z", H, "2026-10-26T08:30Z"],
  ])("%s", (_, from, amount, until) => {
    expect(new Date(addWorkingTime(at(from), amount, BERLIN)).toISOString()).toBe(
      new Date(at(until)).toISOString(),
    );
  });

  test("sooner or later by the hour that the clock leaves out or shows twice", () => {
    const all = always("Europe/Berlin");
    expect(workingTimeBetween(at("2026-03-28T23:00Z"), at("2026-03-29T22:00Z"), all)).toBe(23 * H);
    expect(workingTimeBetween(at("2026-10-24T22:00Z"), at("2026-10-25T23:00Z"), all)).toBe(25 * H);
    const early = hoursOf("zone: Europe/Berlin", "days: { mon-sun: 02:00-03:00 }");
    // In the night without the hour it never opens; in the night with two of them, twice.
    expect(addWorkingTime(at("2026-03-28T12:00Z"), H, early)).toBe(at("2026-03-30T01:00Z"));
    expect(workingTimeBetween(at("2026-10-24T12:00Z"), at("2026-10-25T12:00Z"), early)).toBe(2 * H);
    expect(
      workingTimeBetween(at("2026-10-24T12:00Z"), at("2026-10-25T12:00Z"), nights("Australia/Lord_Howe")),
    ).toBe((75 + 75 + 60) * M);
  });

  test("in ten years at the latest", () => {
    const rare = hoursOf("days: { mon: 09:00-09:01 }");
    const from = at("2026-11-23T08:00Z");
    const until = addWorkingTime(from, 10_000 * H, rare);
    expect(until).toBeGreaterThan(at("2036-01-01T00:00Z"));
    expect(until).toBeLessThan(at("2037-01-01T00:00Z"));
  });
});

test.each([
  ["from a morning", "2026-11-23T08:00Z", "2026-11-24T16:00Z"],
  ["from before midnight", "2026-11-23T22:59Z", "2026-11-24T16:00Z"],
  ["from after midnight there", "2026-11-23T23:00Z", "2026-11-25T16:00Z"],
  ["from a Friday", "2026-11-27T08:00Z", "2026-11-30T16:00Z"],
  ["from a Saturday", "2026-11-28T08:00Z", "2026-11-30T16:00Z"],
  ["to a short day", "2026-11-26T08:00Z", "2026-11-27T14:00Z"],
  ["over a holiday", "2026-12-24T08:00Z", "2026-12-28T16:00Z"],
  ["into the summer", "2026-03-27T08:00Z", "2026-03-30T15:00Z"],
])("the next business day ends: %s", (_, from, until) => {
  expect(new Date(endOfNextBusinessDay(at(from), BERLIN)).toISOString()).toBe(
    new Date(at(until)).toISOString(),
  );
});

const FORMATS = new Map<string, Intl.DateTimeFormat>();

/** What the clock on the wall shows, by another way than the code's. */
function wall(at: number, zone: string): { day: string; weekday: number; minute: number } {
  const format =
    FORMATS.get(zone) ??
    new Intl.DateTimeFormat("en-GB", {
      timeZone: zone,
      weekday: "short",
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
      hourCycle: "h23",
    });
  FORMATS.set(zone, format);
  const parts = format.formatToParts(at);
  const part = (type: string) => parts.find((one) => one.type === type)?.value ?? "";
  return {
    day: `${part("year")}-${part("month")}-${part("day")}`,
    weekday: ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"].indexOf(part("weekday")),
    minute: Number(part("hour")) * 60 + Number(part("minute")),
  };
}

function showsOpen(at: number, { zone, days, holidays }: Hours): boolean {
  const { day, weekday, minute } = wall(at, zone);
  return (
    !holidays.includes(day) && (days[weekday] ?? []).some(({ from, to }) => from <= minute && minute < to)
  );
}

const ZONES = [
  "Europe/Berlin",
  "Australia/Lord_Howe",
  "Asia/Kathmandu",
  "America/St_Johns",
  "America/New_York",
  "America/Nuuk",
  "America/Havana",
  "Africa/Casablanca",
  "Pacific/Apia",
  "UTC",
];

/** Near the nights in which clocks are changed, of this year and of years with odder rules, and on any other day. */
const instant = fc
  .tuple(
    fc.constantFrom(
      ...["2026-03-29", "2026-10-25", "2026-04-05", "2026-10-04", "2026-03-08", "2026-11-01", "2026-02-15"],
      ...["2027-03-27", "2008-11-02", "2011-12-30", "2026-12-25", "2026-06-10"],
    ),
    fc.integer({ min: -3 * 24 * 60, max: 3 * 24 * 60 }),
  )
  .map(([day, minutes]) => at(`${day}T00:00Z`) + minutes * M);

const hours = fc
  .tuple(
    fc.constantFrom(...ZONES),
    fc.constantFrom(office, always, nights, (zone: string) =>
      hoursOf(`zone: ${zone}`, "days: { sun: [00:00-00:20, 23:30-24:00], wed-thu: 02:20-02:50 }"),
    ),
  )
  .map(([zone, make]) => make(zone));

const amount = fc.integer({ min: 1, max: 60 * 60 }).map((minutes) => minutes * M);

describe("in every zone, also while clocks are changed", () => {
  test("the hours are open when the clock on the wall shows a time that is part of them", () => {
    fc.assert(
      fc.property(instant, hours, (now, given) => {
        expect(isOpen(now, given)).toBe(showsOpen(now, given));
      }),
      { numRuns: 2_000 },
    );
  });

  test("working time between two times is what a watch in the office would count", () => {
    fc.assert(
      fc.property(instant, hours, fc.integer({ min: 0, max: 2 * 24 * 60 }), (from, given, minutes) => {
        const counted = Array.from({ length: minutes }, (_, i) => showsOpen(from + i * M, given)).filter(
          Boolean,
        );
        expect(workingTimeBetween(from, from + minutes * M, given)).toBe(counted.length * M);
      }),
      { numRuns: 60 },
    );
  });

  test("the time by which an amount has passed is the first by which it has", () => {
    fc.assert(
      fc.property(instant, hours, amount, (from, given, length) => {
        const until = addWorkingTime(from, length, given);
        expect(workingTimeBetween(from, until, given)).toBe(length);
        expect(workingTimeBetween(from, until - 1, given)).toBe(length - 1);
        expect(isOpen(until - 1, given)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  test("more time, or a later beginning, never ends earlier", () => {
    fc.assert(
      fc.property(
        instant,
        hours,
        amount,
        amount,
        fc.integer({ min: 0, max: 5_000 }),
        (from, given, a, b, later) => {
          const [less, more] = a < b ? [a, b] : [b, a];
          expect(addWorkingTime(from, less, given)).toBeLessThanOrEqual(addWorkingTime(from, more, given));
          expect(addWorkingTime(from, a, given)).toBeLessThanOrEqual(
            addWorkingTime(from + later * M, a, given),
          );
          expect(endOfNextBusinessDay(from, given)).toBeLessThanOrEqual(
            endOfNextBusinessDay(from + later * M, given),
          );
        },
      ),
      { numRuns: 200 },
    );
  });

  test("two amounts one after the other are their sum", () => {
    fc.assert(
      fc.property(instant, hours, amount, amount, (from, given, a, b) => {
        expect(addWorkingTime(addWorkingTime(from, a, given), b, given)).toBe(
          addWorkingTime(from, a + b, given),
        );
      }),
      { numRuns: 200 },
    );
  });

  test("the next business day ends on a later day, where the hours close", () => {
    fc.assert(
      fc.property(instant, hours, (from, given) => {
        const end = endOfNextBusinessDay(from, given);
        const { day } = wall(end - 1, given.zone);
        expect(day > wall(from, given.zone).day).toBe(true);
        expect(showsOpen(end - 1, given)).toBe(true);
        for (let later = end; wall(later, given.zone).day === day; later += M) {
          expect(showsOpen(later, given)).toBe(false);
        }
      }),
      { numRuns: 100 },
    );
  });
});
