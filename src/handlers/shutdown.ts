/** The promise's value, or null when a shutdown has waited for it as long as it may. */
export async function beforeShutdown<T>(
  promise: Promise<T>,
  signal: AbortSignal,
  grace_ms: number,
): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined;
  let onAbort = () => {};
  const over = new Promise<null>((resolve) => {
    onAbort = () => {
      timer = setTimeout(resolve, grace_ms, null);
    };
    signal.addEventListener("abort", onAbort, { once: true });
  });
  try {
    return await Promise.race([promise, over]);
  } finally {
    signal.removeEventListener("abort", onAbort);
    clearTimeout(timer);
  }
}
