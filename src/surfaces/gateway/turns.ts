/** Lets one at a time through, per slot. */
export interface Turns {
  /** Resolves when it is one's turn; the function given ends it, however often it is called. */
  take(slot: string): Promise<() => void>;
}

export function createTurns(): Turns {
  const last = new Map<string, Promise<void>>();
  return {
    async take(slot) {
      const before = last.get(slot);
      const { promise, resolve } = Promise.withResolvers<void>();
      last.set(slot, promise);
      await before;
      return () => {
        if (last.get(slot) === promise) last.delete(slot);
        resolve();
      };
    },
  };
}
