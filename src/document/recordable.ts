import { Fault } from "../core/codes.ts";
import type { Json } from "../core/json.ts";
import { parseStrictJson } from "./json.ts";

/** Below what the daemon reads. */
const RESULT_BYTES = 1_000_000;
const KEPT_CHARACTERS = 250_000;

/**
 * A result as the record takes it: bounded, and as text where it has no one canonical form, such as a number beyond what is
 * exact. That it was done must not get lost over it.
 */
export function recordableResult(result: Json): Json {
  if (typeof result === "string") return bounded(result.toWellFormed());
  const text = JSON.stringify(result);
  try {
    parseStrictJson(text);
    return bounded(result);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return bounded(text);
  }
}

function bounded(result: Json): Json {
  const text = JSON.stringify(result);
  if (new TextEncoder().encode(text).byteLength <= RESULT_BYTES) return result;
  return `${text.slice(0, KEPT_CHARACTERS).toWellFormed()}\n[cut: the first ${KEPT_CHARACTERS} characters]`;
}

/** As much of an error's words, whoever wrote them, as the record takes. */
export function recordableWords(words: string, limit: number): string {
  return words.slice(0, limit).toWellFormed();
}
