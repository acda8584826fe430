/** What a duration looks like, for messages that refuse one. */
export const DURATION_EXPECTED = "a duration such as 500ms, 2s, 30m, 24h or 7d";

const UNITS_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** A century: anything longer is a slip of the keyboard, and dates stay far inside what a clock can show. */
const LIMIT_MS = 36_500 * UNITS_MS.d;

/** Milliseconds of a whole number and one unit (`ms`, `s`, `m`, `h`, `d`); null for anything else. */
export function parseDuration(text: string): number | null {
  const found = /^(\d{1,15})(ms|s|m|h|d)$/.exec(text);
  if (found === null) return null;
  const ms = Number(found[1]) * UNITS_MS[found[2] as keyof typeof UNITS_MS];
  return ms <= LIMIT_MS ? ms : null;
}

/** The duration in its largest unit that needs no fraction, so that `parseDuration` reads back the same. */
export function formatDuration(ms: number): string {
  for (const unit of ["d", "h", "m", "s"] as const) {
    if (ms !== 0 && ms % UNITS_MS[unit] === 0) return `${ms / UNITS_MS[unit]}${unit}`;
  }
  return ms === 0 ? "0s" : `${ms}ms`;
}
