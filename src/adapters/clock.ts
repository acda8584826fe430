/** The machine's clock: wall time in ms, and waking up later without keeping the process alive. */
export const clock = {
  now: (): number => Date.now(),
  after(ms: number, wake: () => void): () => void {
    const timer = setTimeout(wake, ms);
    return () => clearTimeout(timer);
  },
};
