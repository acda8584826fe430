import type { RequestId } from "../core/request.ts";
import type { Clock } from "./ports.ts";

/** Timers far away are set again on the way. */
const LONGEST_MS = 86_400_000;

/** One alarm per request: when to look at it again if nothing else happens. */
export function createAlarms(clock: Clock, wake: (id: RequestId) => void) {
  const alarms = new Map<RequestId, () => void>();
  let stopped = false;

  function clear(id: RequestId): void {
    alarms.get(id)?.();
    alarms.delete(id);
  }

  return {
    /** Replaces the request's alarm by one at this time (ms since the epoch), or by none. */
    set(id: RequestId, at: number | null): void {
      clear(id);
      if (at === null || stopped) return;
      const ring = () => {
        alarms.delete(id);
        wake(id);
      };
      alarms.set(id, clock.after(Math.min(Math.max(at - clock.now(), 0), LONGEST_MS), ring));
    },

    clear,

    stop(): void {
      stopped = true;
      for (const cancel of alarms.values()) cancel();
    },
  };
}
