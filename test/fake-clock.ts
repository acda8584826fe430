import type { Clock } from "../src/daemon/ports.ts";

/** A clock that stands still until a test moves it. */
export interface FakeClock extends Clock {
  /** Moves the time on by so many ms, waking everybody whose time has come, in order. */
  advance(ms: number, afterEach?: () => Promise<void>): Promise<void>;
  set(ms: number): void;
  /** When the next one wants to be woken; null when nobody does. */
  next(): number | null;
}

export function fakeClock(start: number): FakeClock {
  let now = start;
  let counter = 0;
  const alarms = new Map<number, { at: number; wake: () => void }>();
  const due = () => [...alarms].sort((a, b) => a[1].at - b[1].at || a[0] - b[0])[0];

  return {
    now: () => now,
    after(ms, wake) {
      counter += 1;
      const key = counter;
      alarms.set(key, { at: now + ms, wake });
      return () => alarms.delete(key);
    },
    async advance(ms, afterEach = async () => {}) {
      const end = now + ms;
      for (let first = due(); first !== undefined && first[1].at <= end; first = due()) {
        const [key, { at, wake }] = first;
        alarms.delete(key);
        now = Math.max(now, at);
        wake();
        await afterEach();
      }
      now = end;
    },
    set(ms) {
      now = ms;
    },
    next: () => due()?.[1].at ?? null,
  };
}
