import type { Json } from "../core/json.ts";

/** JSON as it stands, other text as a string, nothing as null. */
export function resultOf(given: string): Json {
  const text = given.trim();
  if (text === "") return null;
  try {
    const value: Json = JSON.parse(text);
    return isExact(value) ? value : text;
  } catch {
    return text;
  }
}

/** What was kept of a longer one, as text; `of` says how long it was, where that is known. */
export function cutResult(text: string, kept_bytes: number, of: number | null): Json {
  const whole = of === null ? "" : ` of ${of}`;
  return `${text}\n[cut: the first ${kept_bytes}${whole} bytes]`;
}

/** Results are nested no deeper than this, so that nothing that walks through them runs out of stack. */
const DEEPEST = 100;

/**
 * Whether a parsed value says all that its text said, and can be hashed in canonical form. Numbers beyond ±(2^53−1) and
 * halves of characters cannot; a result that holds one is kept as text, where nothing is lost.
 */
function isExact(value: Json, depth = 0): boolean {
  if (typeof value === "number") return Number.isFinite(value) && Math.abs(value) <= Number.MAX_SAFE_INTEGER;
  if (typeof value === "string") return value.isWellFormed();
  if (value === null || typeof value === "boolean") return true;
  if (depth === DEEPEST) return false;
  return Object.entries(value).every(([key, item]) => key.isWellFormed() && isExact(item, depth + 1));
}
