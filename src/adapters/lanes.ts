/** Runs at most so many tasks at a time; the others wait, in the order of asking. */
export function createLanes(count: number) {
  const waiting: (() => void)[] = [];
  let free = count;
  return async function take<T>(task: () => Promise<T>): Promise<T> {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await task();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    }
  };
}
