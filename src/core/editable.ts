import { changesBetween } from "./amendment.ts";
import { isJsonObject, type Json, type JsonObject } from "./json.ts";

/**
 * Whether a text can name what a person may change: a param, or a part of one, by dots reaching into maps (`to.name`). A
 * list is named as a whole, and a name that has a dot of its own cannot be named.
 */
export function isParamPath(text: string): boolean {
  return /^[^.[\]]+(?:\.[^.[\]]+)*$/.test(text);
}

/** Where the params differ, inside maps down to what differs: the names on the way there. */
export function placesOfChange(from: JsonObject, to: JsonObject): readonly (readonly string[])[] {
  return changesBetween(from, to).flatMap(({ param, from: before, to: now }) =>
    isJsonObject(before) && isJsonObject(now)
      ? placesOfChange(before, now).map((inside) => [param, ...inside])
      : [[param]],
  );
}

export function mayChange(place: readonly string[], editable: readonly string[]): boolean {
  return editable.some((path) => path.split(".").every((name, at) => place[at] === name));
}

/** The first place where the params differ and that a person may not change, with dots; null where there is none. */
export function fixedChange(from: JsonObject, to: JsonObject, editable: readonly string[]): string | null {
  return (
    placesOfChange(from, to)
      .find((place) => !mayChange(place, editable))
      ?.join(".") ?? null
  );
}

/** The params with another value of that name, which may reach into maps by dots. */
export function withValue(params: JsonObject, name: string, value: Json): JsonObject {
  const dot = name.indexOf(".");
  const first = name.slice(0, dot);
  const inner = dot === -1 || Object.hasOwn(params, name) ? undefined : ownOf(params, first);
  if (!isJsonObject(inner)) return { ...params, [name]: value };
  return { ...params, [first]: withValue(inner, name.slice(dot + 1), value) };
}

/** What may be changed by both: of two names the one that reaches further in. */
export function editableByBoth(one: readonly string[], other: readonly string[]): readonly string[] {
  const within = (paths: readonly string[], all: readonly string[]) =>
    paths.filter((path) => mayChange(path.split("."), all));
  return [...new Set([...within(one, other), ...within(other, one)])];
}

function ownOf(params: JsonObject, name: string): Json | undefined {
  return Object.hasOwn(params, name) ? params[name] : undefined;
}
