import { visit } from "jsonc-parser";
import { Fault } from "../core/codes.ts";
import type { Json } from "../core/json.ts";
import { visibleLine } from "./visible.ts";

/** Deeper than any action needs, and far from what would exhaust a recursive reader. */
const DEPTH_LIMIT = 100;

/**
 * The value of a JSON text that has exactly one meaning, so that a digest can bind it: unique keys, well-formed
 * strings, numbers that a double holds within ±(2^53−1). Throws `invalid_json`, naming line and column.
 */
export function parseStrictJson(text: string): Json {
  const value = parse(text);
  refuseDepth(text);
  refuseAmbiguity(text);
  return value;
}

function parse(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    throw refuse(text, firstError(text), "this is not valid JSON");
  }
}

/** JSON.parse decides what is valid but rarely says where it is not. */
function firstError(text: string): number {
  let first = text.length;
  const onError = (_: unknown, offset: number) => {
    first = Math.min(first, offset);
  };
  try {
    visit(text, { onError }, { disallowComments: true });
  } catch {
    // Nested so deeply that the recursive reader gave up; where it stood does not matter then.
  }
  return first;
}

/** Before anything recursive reads the text. It is valid JSON here, so brackets outside strings tell the depth. */
function refuseDepth(text: string): void {
  let depth = 0;
  let quoted = false;
  for (let offset = 0; offset < text.length; offset += 1) {
    const character = text[offset];
    if (character === '"') quoted = !quoted;
    else if (quoted && character === "\\") offset += 1;
    else if (quoted) continue;
    else if (character === "]" || character === "}") depth -= 1;
    else if (character === "[" || character === "{") depth += 1;
    if (depth > DEPTH_LIMIT)
      throw refuse(text, offset, `values are nested deeper than ${DEPTH_LIMIT} levels`);
  }
}

/** What JSON.parse lets pass, or changes without a word. */
function refuseAmbiguity(text: string): void {
  const open: Set<string>[] = [];
  visit(text, {
    onObjectBegin: () => void open.push(new Set()),
    onObjectEnd: () => void open.pop(),
    onObjectProperty(key, offset) {
      const keys = open.at(-1);
      if (keys?.has(key)) throw refuse(text, offset, `the key ${shown(key)} is there twice`);
      keys?.add(key);
      if (!key.isWellFormed()) throw refuse(text, offset, "a key holds half a surrogate pair");
      // Data here, but a setter in any later code that copies key by key.
      if (key === "__proto__") throw refuse(text, offset, "the key __proto__ is not taken");
    },
    onLiteralValue(value: unknown, offset, length) {
      if (typeof value === "string" && !value.isWellFormed()) {
        throw refuse(text, offset, "a string holds half a surrogate pair");
      }
      if (typeof value === "number") refuseNumber(value, text, offset, length);
    },
  });
}

function refuseNumber(value: number, text: string, offset: number, length: number): void {
  const literal = text.slice(offset, offset + length);
  const no = (what: string) => refuse(text, offset, `${shown(literal)} ${what}`);
  if (Object.is(value, -0)) throw no("is minus zero, which JSON readers do not agree on");
  if (value === 0 && /[1-9]/.test(literal.replace(/e.*/i, ""))) throw no("is too small to be kept");
  const magnitude = Math.abs(value);
  // At the border itself a fraction would have been rounded away unseen, so only the plain integer is taken.
  const rounded = magnitude === Number.MAX_SAFE_INTEGER && literal !== String(value);
  if (magnitude > Number.MAX_SAFE_INTEGER || rounded) {
    throw no("is outside ±9007199254740991; write it as a string if it is an identifier");
  }
}

function refuse(text: string, offset: number, what: string): Fault {
  const lines = text.slice(0, offset).split("\n");
  const column = (lines.at(-1) ?? "").length + 1;
  return new Fault("invalid_json", `Line ${lines.length}, column ${column}: ${what}.`);
}

function shown(text: string): string {
  return visibleLine(JSON.stringify(text).slice(1, -1), 60);
}
