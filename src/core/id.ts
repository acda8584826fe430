import type { RequestId } from "./request.ts";

const ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789";
const SUFFIX_LENGTH = 6;
const ID = /^\d{8}-\d{6}-[a-z0-9-]{1,40}-[a-z0-9]{6}$/;

/**
 * A request's id, such as `20261121-091403-payment-7f3k9q`: sorts by time of submission, is unique by 30 random bits a
 * second and kind, lower case, and safe as a file name everywhere. `random` gives bytes 0 to 255.
 */
export function makeId(at: number, kind: string, random: (length: number) => Uint8Array): RequestId {
  const [date, time] = new Date(at).toISOString().slice(0, 19).replaceAll(/[-:]/g, "").split("T");
  const suffix = [...random(SUFFIX_LENGTH)].map((byte) => ALPHABET[byte % ALPHABET.length]).join("");
  return `${date}-${time}-${kind.replaceAll("_", "-")}-${suffix}`;
}

export function isId(text: string): text is RequestId {
  return ID.test(text);
}

/** The id that a file name stands for: exactly `<id>.md`; null for every other name. */
export function idOfName(name: string): RequestId | null {
  const base = name.endsWith(".md") ? name.slice(0, -3) : "";
  return isId(base) ? base : null;
}

/**
 * The id that a file name begins with, in any case, as copies and case-changed names have it: `<id> 1.md`,
 * `<id>.sync-conflict-….md`, `<id> (conflicted copy).md`; null when it begins with none.
 */
export function leadingId(name: string): RequestId | null {
  return /^\d{8}-\d{6}-[a-z0-9-]{1,40}-[a-km-np-z2-9]{6}(?![a-z0-9])/.exec(name.toLowerCase())?.[0] ?? null;
}

/** Whether a name is an id, and may be a shorter one with something behind it too, as of a copy: `<id>-laptop.md`. */
export function isAmbiguous(name: string): boolean {
  return idOfName(name) !== null && /^\d{8}-\d{6}-[a-z0-9-]{1,40}-[a-km-np-z2-9]{6}-/.test(name);
}

/** When a request was made, to the second, in ms since the epoch. */
export function createdOf(id: RequestId): number {
  const at = (start: number, end: number) => Number(id.slice(start, end));
  return Date.UTC(at(0, 4), at(4, 6) - 1, at(6, 8), at(9, 11), at(11, 13), at(13, 15));
}

/** The month of submission, `2026-11`: the folder that a finished note of a past month goes to. */
export function monthOf(id: RequestId): string {
  return `${id.slice(0, 4)}-${id.slice(4, 6)}`;
}

/** What editors and sync tools leave beside a note for a moment (swap files, locks, parts) never has such a name. */
export function isNoteName(name: string): boolean {
  return /^[^.~#].*\.md$/iu.test(name);
}
