/** What is done in one turn of the event loop before everything else that waits for it gets its turn, in ms. */
const TURN_MS = 8;

/**
 * Keeps a crowd of looks from stalling the process, and a note that is dear to read from keeping others waiting. Measures
 * the processor's time and not the world's, so it has no use for the daemon's clock.
 */
export function createPace() {
  let began: number | null = null;
  let last: Promise<void> = Promise.resolve();
  let dear: Promise<unknown> = Promise.resolve();

  function enterNow(): Promise<void> | undefined {
    if (began === null) {
      began = performance.now();
      setImmediate(() => {
        began = null;
      });
    }
    return performance.now() - began < TURN_MS ? undefined : nextTurn().then(enterNow);
  }

  return {
    /** Resolves, in the order of asking, when there is time for some more work in this turn of the loop. */
    enter(): Promise<void> {
      last = last.then(enterNow);
      return last;
    },

    /** Does something that may be dear, one at a time, and leaves as much time behind it to all others as it took. */
    apart<T>(work: () => T): Promise<T> {
      const result = dear.then(enterNow).then(() => {
        const from = performance.now();
        const done = work();
        return { done, took: performance.now() - from };
      });
      dear = result.then(({ took }) => (took < TURN_MS / 2 ? undefined : pause(took)), noop);
      return result.then(({ done }) => done);
    },
  };
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function noop(): void {}
