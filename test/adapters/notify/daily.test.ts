import { expect, test } from "vitest";
import { daily } from "../../../src/adapters/notify/daily.ts";

const berlin = daily({ hour: 8, minute: 30, zone: "Europe/Berlin" });
const early = daily({ hour: 2, minute: 30, zone: "Europe/Berlin" });

test.each([
  ["just before", berlin, "2026-11-21T07:29:59Z", "2026-11-20", "2026-11-21T07:30:00Z"],
  ["just then", berlin, "2026-11-21T07:30:00Z", "2026-11-21", "2026-11-22T07:30:00Z"],
  ["in summer", berlin, "2026-07-01T06:30:00Z", "2026-07-01", "2026-07-02T06:30:00Z"],
  [
    "the evening before clocks go forward",
    berlin,
    "2026-03-28T20:00:00Z",
    "2026-03-28",
    "2026-03-29T06:30:00Z",
  ],
  ["the evening before clocks go back", berlin, "2026-10-24T20:00:00Z", "2026-10-24", "2026-10-25T07:30:00Z"],
  ["a time that the day does not have", early, "2026-03-28T12:00:00Z", "2026-03-28", "2026-03-29T01:30:00Z"],
  ["a time that the day has twice", early, "2026-10-24T12:00:00Z", "2026-10-24", "2026-10-25T00:30:00Z"],
  ["between the two", early, "2026-10-25T01:00:00Z", "2026-10-25", "2026-10-26T01:30:00Z"],
])("%s", (_, at, now, date, next) => {
  expect(at(Date.parse(now))).toEqual({ date, next: Date.parse(next) });
});

test("a day on the other side of the date line has its own date", () => {
  const kiritimati = daily({ hour: 0, minute: 5, zone: "Pacific/Kiritimati" });
  expect(kiritimati(Date.parse("2026-11-21T10:30:00Z")).date).toBe("2026-11-22");
});
