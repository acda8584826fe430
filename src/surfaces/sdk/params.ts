import { Fault } from "../../core/codes.ts";
import type { Json, JsonObject } from "../../core/json.ts";

/** As deep as the daemon reads. */
const DEPTH_LIMIT = 98;

/**
 * The params as the JSON that people are shown. Throws `invalid_json` for what JSON would change or leave out without a
 * word, such as NaN, a Map or a promise: what is approved would not be what was meant.
 */
export function jsonOfParams(params: JsonObject): JsonObject {
  return formOf(params, "params", []) as JsonObject;
}

/** Undefined where a member is, which is as good as not being there. */
function formOf(given: unknown, path: string, above: readonly object[]): Json | undefined {
  const value = ownForm(given);
  switch (typeof value) {
    case "undefined":
    case "boolean":
      return value;
    case "string":
      if (value.isWellFormed()) return value;
      throw noForm(path, "a text with half a surrogate pair");
    case "number":
      if (Math.abs(value) <= Number.MAX_SAFE_INTEGER) return Object.is(value, -0) ? 0 : value;
      throw noForm(path, `${value}, which is not a number that JSON keeps exactly`);
    case "object":
      if (value === null && given === null) return null;
      if (value === null || !holdsData(value)) throw noForm(path, nameOf(given));
      if (above.includes(value)) throw noForm(path, "part of itself");
      if (above.length >= DEPTH_LIMIT) throw noForm(path, `nested deeper than ${DEPTH_LIMIT} levels`);
      return membersOf(value, path, [...above, value]);
    default:
      throw noForm(path, `a ${typeof value}`);
  }
}

/** A date, for instance, says by itself how it is written. */
function ownForm(value: unknown): unknown {
  const says = typeof value === "object" && value !== null && "toJSON" in value ? value.toJSON : null;
  return typeof says === "function" ? says.call(value) : value;
}

function membersOf(value: object, path: string, above: readonly object[]): Json {
  if (Array.isArray(value)) {
    return value.map((item, at) => {
      const form = formOf(item, `${path}[${at}]`, above);
      if (form === undefined) throw noForm(`${path}[${at}]`, "undefined");
      return form;
    });
  }
  const members = Object.entries(value).flatMap(([name, member]) => {
    const form = formOf(member, `${path}.${name}`, above);
    return form === undefined ? [] : [[name, form] as const];
  });
  return Object.fromEntries(members);
}

/** Whether an object is what its members are: a Map, a promise or an error keeps what it has elsewhere. */
function holdsData(value: object): boolean {
  if (Array.isArray(value) || Object.keys(value).length > 0) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  // That of another realm is not this one's, and has none above it either.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function nameOf(value: unknown): string {
  const name = Object.getPrototypeOf(value)?.constructor?.name;
  return typeof name === "string" && name !== ""
    ? `of the class ${name}, which has no form as JSON`
    : "without a form as JSON";
}

function noForm(path: string, what: string): Fault {
  return new Fault("invalid_json", `${path} is ${what}.`, "Write it as text, or leave it out.");
}
