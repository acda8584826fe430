/** A number without rounding: so many thousand-millionths. */
export type Exact = bigint;

const DIGITS = 9;
/** From here on a double no longer holds nine digits behind the point, or not even every whole number. */
const MOST = 1e15;

/** The number without rounding; null for what is none, is below 0 or is too large to be added up. */
export function exact(value: unknown): Exact | null {
  if (typeof value !== "number" || !(value >= 0 && value < MOST)) return null;
  const parsed = BigInt(value.toFixed(DIGITS).replace(".", ""));
  // Many of nothing would be something.
  return parsed === 0n && value > 0 ? 1n : parsed;
}

/** As a person writes it. */
export function tellExact(amount: Exact): string {
  const digits = amount.toString().padStart(DIGITS + 1, "0");
  const [whole, rest] = [digits.slice(0, -DIGITS), digits.slice(-DIGITS).replace(/0+$/, "")];
  return rest === "" ? whole : `${whole}.${rest}`;
}
