import type { Clock, ClockGuard } from "./ports.ts";

/** How often the clock is looked at when nothing else asks. */
const EVERY_MS = 10_000;
/** What a busy machine may be late by. More: it slept, or the clock was set, and alarms would come too late. */
const LATE_MS = 20_000;

/** Looks at the clock now and then, and calls `onJump` when time has gone by that no alarm has seen. */
export function createClockWatch(clock: Clock, guard: Pick<ClockGuard, "isFrozen">, onJump: () => void) {
  let at = clock.now();
  let frozen = false;
  let cancel: (() => void) | null = null;

  function tick(): void {
    const [before, was] = [at, frozen];
    begin();
    if (frozen !== was || Math.abs(at - before - EVERY_MS) > LATE_MS) onJump();
  }

  function begin(): void {
    at = clock.now();
    frozen = guard.isFrozen();
    cancel = clock.after(EVERY_MS, tick);
  }

  return { start: begin, stop: () => cancel?.() };
}
