import type { IncomingMessage } from "node:http";
import { Fault } from "../../core/codes.ts";
import { isJsonObject, type Json, type JsonObject } from "../../core/json.ts";
import { instantOf } from "../../core/timing.ts";
import { parseStrictJson } from "../../document/json.ts";
import type { Arriving } from "./arriving.ts";

/** Longest texts that a field takes, in UTF-16 units: names, and sentences. */
export const NAME_LIMIT = 200;
export const TEXT_LIMIT = 4_000;

/**
 * The JSON object in a request's body. The content type must say JSON, because a browser sends anything else across
 * origins without asking. Gives wrong_content_type, too_large, busy, invalid_json, invalid_request.
 */
export async function readBody(incoming: IncomingMessage, arriving: Arriving): Promise<JsonObject> {
  const type = incoming.headers["content-type"] ?? "";
  if (!/^application\/json[ \t]*(;[ \t]*charset="?utf-8"?[ \t]*)?$/i.test(type)) {
    throw new Fault("wrong_content_type");
  }
  const body = parseStrictJson(decode(await arriving.collect(incoming)));
  if (!isJsonObject(body)) throw new Fault("invalid_request", "The body is not a JSON object.");
  return body;
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Fault("invalid_json", "The body is not valid UTF-8.");
  }
}

/** The fields of a body, read one by one; what is not asked for is refused by `end`. Everything gives invalid_request. */
export function fieldsOf(body: JsonObject) {
  const asked = new Set<string>();
  const get = (name: string): Json | undefined => {
    asked.add(name);
    return Object.hasOwn(body, name) ? body[name] : undefined;
  };
  const wrong = (name: string, expected: string) =>
    new Fault("invalid_request", `The field ${name} must be ${expected}.`);

  function optional(name: string, limit: number): string | null {
    const value = get(name);
    if (value === undefined || value === null) return null;
    if (typeof value === "string" && value.trim() !== "" && value.length <= limit) return value;
    throw wrong(name, `a text of 1 to ${limit} characters`);
  }

  return {
    has: (name: string) => get(name) !== undefined,
    json: (name: string): Json => get(name) ?? null,
    /** Null where the field is missing or null. */
    optional,
    text(name: string, limit: number): string {
      const value = optional(name, limit);
      if (value === null) throw wrong(name, `a text of 1 to ${limit} characters`);
      return value;
    },
    flag(name: string): boolean {
      const value = get(name);
      if (typeof value !== "boolean") throw wrong(name, "true or false");
      return value;
    },
    object(name: string): JsonObject {
      const value = get(name);
      if (value === undefined || !isJsonObject(value)) throw wrong(name, "a JSON object");
      return value;
    },
    /** A whole number of milliseconds above 0; null where the field is missing or null. */
    duration(name: string): number | null {
      const value = get(name);
      if (value === undefined || value === null) return null;
      if (typeof value === "number" && Number.isInteger(value) && value > 0) return value;
      throw wrong(name, "a whole number of milliseconds above 0");
    },
    /** A time with its zone, in ms since 1970; null where the field is missing or null. */
    time(name: string): number | null {
      const value = get(name);
      if (value === undefined || value === null) return null;
      const at = typeof value === "string" ? instantOf(value) : null;
      if (at !== null) return at;
      throw wrong(name, "a time with its zone, such as 2026-11-21T09:14:03Z");
    },
    oneOf<const T extends string>(name: string, words: readonly T[]): T {
      const value = get(name);
      const word = words.find((one) => one === value);
      if (word === undefined) throw wrong(name, `one of ${words.join(", ")}`);
      return word;
    },
    /** To be called last. */
    end(): void {
      const stranger = Object.keys(body).find((name) => !asked.has(name));
      if (stranger === undefined) return;
      const known = [...asked].join(", ");
      throw new Fault(
        "invalid_request",
        `The field ${JSON.stringify(stranger)} is not known; there are ${known}.`,
      );
    },
  };
}
