/**
 * How long clients let one `tools/call` last before they give it up, less what an answer needs on its way: with
 * heartbeats, where those extend it, and in silence. Whoever is not in the table gets the SDK's own 60 seconds.
 */
const LIMITS: readonly { readonly name: RegExp; readonly beating_ms: number; readonly silent_ms: number }[] =
  [
    { name: /claude/i, beating_ms: 20 * 3_600_000, silent_ms: 4 * 60_000 },
    { name: /codex/i, beating_ms: 280_000, silent_ms: 280_000 },
    { name: /gemini/i, beating_ms: 570_000, silent_ms: 570_000 },
    { name: /opencode/i, beating_ms: 3_600_000, silent_ms: 50_000 },
    { name: /copilot/i, beating_ms: 3_600_000, silent_ms: 170_000 },
  ];
const OTHERS_MS = 50_000;

/** Heartbeats come well within the shortest limit, and never further apart than 10 seconds. */
export const HEARTBEAT_MS = 9_000;

/** How long a call may wait for an answer before it says that there is none yet. */
export function waitLimit(client: string | undefined, beating: boolean): number {
  const known = LIMITS.find(({ name }) => name.test(client ?? ""));
  if (known === undefined) return OTHERS_MS;
  return beating ? known.beating_ms : known.silent_ms;
}

/** Calls `beat` at once, again and again until the work is done, and whenever the work has news. */
export async function withHeartbeats<T>(
  beat: (count: number) => void,
  every_ms: number,
  work: (now: () => void) => Promise<T>,
): Promise<T> {
  let count = 0;
  const next = () => beat(++count);
  next();
  const timer = setInterval(next, every_ms);
  try {
    return await work(next);
  } finally {
    clearInterval(timer);
  }
}
