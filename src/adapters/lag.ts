import { lstat } from "node:fs";
import { type Spread, spreadOf } from "../core/statistics.ts";

/** How many of the last saves are remembered. */
const LAST = 1_000;
/** What changed so long ago was not what the watcher told of. */
const LONGEST_MS = 60_000;

/** How long after a save the watcher tells of it. */
export function createLag() {
  const lags: number[] = [];
  const listeners = new Set<(ms: number) => void>();
  return {
    /** The watcher tells of this file now. */
    note(path: string): void {
      const told = Date.now();
      lstat(path, (error, found) => {
        // One that is gone, or was changed once more since, says nothing.
        const ms = error === null ? told - found.ctimeMs : Number.NaN;
        if (!(ms >= 0 && ms <= LONGEST_MS)) return;
        lags.push(ms);
        if (lags.length > LAST) lags.shift();
        for (const listener of listeners) listener(ms);
      });
    },
    spread: (): Spread | null => spreadOf(lags),
    last: (): readonly number[] => lags,
    onNote: (listener: (ms: number) => void) => void listeners.add(listener),
  };
}

export type Lag = ReturnType<typeof createLag>;
