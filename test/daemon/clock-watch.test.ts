import { expect, test } from "vitest";
import { createClockWatch } from "../../src/daemon/clock-watch.ts";

/** A clock whose timers are moved by hand, as they are late after a sleep. */
function watched() {
  let now = 0;
  let frozen = false;
  let wake: (() => void) | null = null;
  let jumps = 0;
  const clock = {
    now: () => now,
    after(_: number, then: () => void) {
      wake = then;
      return () => {
        wake = null;
      };
    },
  };
  const watch = createClockWatch(clock, { isFrozen: () => frozen }, () => {
    jumps += 1;
  });
  watch.start();
  return {
    watch,
    freeze: (is: boolean) => {
      frozen = is;
    },
    /** The next timer, after so many ms by the clock on the wall. */
    ring(ms: number): number {
      now += ms;
      wake?.();
      return jumps;
    },
    isWaiting: () => wake !== null,
  };
}

test("time that goes by as it should is nothing to look at", () => {
  const { ring } = watched();
  expect([ring(10_000), ring(12_000), ring(29_000)]).toEqual([0, 0, 0]);
});

test("what no alarm has seen is looked at: a sleep, and a clock that is set", () => {
  const { ring } = watched();
  expect([ring(3_600_000), ring(10_000), ring(-3_600_000), ring(10_000)]).toEqual([1, 1, 2, 2]);
});

test("so is all once the clock is trusted no more, and once it is again", () => {
  const { ring, freeze } = watched();
  freeze(true);
  expect([ring(10_000), ring(10_000)]).toEqual([1, 1]);
  freeze(false);
  expect(ring(10_000)).toBe(2);
});

test("it ends", () => {
  const { watch, ring, isWaiting } = watched();
  ring(10_000);
  watch.stop();
  expect(isWaiting()).toBe(false);
});
