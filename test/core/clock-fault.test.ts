import { expect, test } from "vitest";
import { clockFault, referenceAt, referenceSince, tellClockFault } from "../../src/core/clock-fault.ts";
import { T0 } from "../sample.ts";

const MINUTE = 60_000;
const reading = (wall: number, steady: number) => ({ wall: T0 + wall * MINUTE, steady: steady * MINUTE });

test.each([
  ["time that goes by", 60, 60, null],
  ["a correction", 62, 60, null],
  ["the same backwards", 58, 60, null],
  ["a clock set ahead", 62.01, 60, 2.01],
  ["a clock set back", 0, 60, -60],
])("%s", (_, wall, steady, minutes) => {
  const apart = clockFault(referenceAt(reading(0, 0)), reading(wall, steady));
  expect(apart).toBe(minutes === null ? null : Math.round(minutes * MINUTE));
});

test("where nothing is recorded, the clock is taken as it is", () => {
  expect(clockFault(referenceSince(null, reading(0, 5)), reading(60, 65))).toBeNull();
});

test("a clock behind the journal's last record is a fault until it is set right, not until it has caught up", () => {
  const reference = referenceSince(T0, reading(-60, 5));
  expect(clockFault(reference, reading(-60, 5))).toBe(-60 * MINUTE);
  expect(clockFault(reference, reading(0, 65))).toBe(-60 * MINUTE);
  expect(clockFault(reference, reading(59, 65))).toBeNull();
  expect(clockFault(reference, reading(500, 65))).toBeNull();
});

test("one that is not behind it is held against itself from then on", () => {
  const reference = referenceSince(T0, reading(-1, 5));
  expect(reference.at_least).toBe(false);
  expect(clockFault(reference, reading(60, 5))).toBe(61 * MINUTE);
});

test("it is told by how much, where that is known", () => {
  expect(tellClockFault(-3_600_400)).toContain("is 1h behind");
  expect(tellClockFault(125_000)).toContain("is 125s ahead");
  expect(tellClockFault(null)).not.toContain("right again");
});
