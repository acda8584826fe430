import type { ClockReading } from "../src/core/clock-fault.ts";
import type { Clock } from "../src/daemon/ports.ts";

/** A clock that stands still until a test moves it. */
export interface FakeClock extends Clock {
  /** Moves the time on by so many ms, waking everybody whose time has come, in order. */
  advance(ms: number, afterEach?: () => Promise<void>): Promise<void>;
  /** So late it is, without anybody having been woken on the way. */
  set(ms: number): void;
  /** Somebody sets the clock on the wall so many ms ahead, or back, and no time goes by. */
  step(ms: number): void;
  /** The clock on the wall, and the one that nobody can set. */
  read(): ClockReading;
  /** When the next one wants to be woken; null when nobody does. */
  next(): number | null;
}

export function fakeClock(start: number): FakeClock {
  let steady = start;
  let ahead = 0;
  let counter = 0;
  const alarms = new Map<number, { at: number; wake: () => void }>();
  const due = () => [...alarms].sort((a, b) => a[1].at - b[1].at || a[0] - b[0])[0];

  return {
    now: () => steady + ahead,
    read: () => ({ wall: steady + ahead, steady }),
    after(ms, wake) {
      counter += 1;
      const key = counter;
      alarms.set(key, { at: steady + ms, wake });
      return () => alarms.delete(key);
    },
    async advance(ms, afterEach = async () => {}) {
      const end = steady + ms;
      for (let first = due(); first !== undefined && first[1].at <= end; first = due()) {
        const [key, { at, wake }] = first;
        alarms.delete(key);
        steady = Math.max(steady, at);
        wake();
        await afterEach();
      }
      steady = end;
    },
    set(ms) {
      steady = ms - ahead;
    },
    step(ms) {
      ahead += ms;
    },
    next() {
      const first = due();
      return first === undefined ? null : first[1].at + ahead;
    },
  };
}
