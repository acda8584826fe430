import type { Json, JsonObject } from "./json.ts";

/**
 * A sentence with `{name}` replaced by the params' values, dots reaching into maps (`{to.name}`). A name that is not
 * there stays as it is written, so that a reader sees that something is missing.
 */
export function fillTemplate(template: string, params: JsonObject): string {
  return template.replaceAll(/\{([A-Za-z0-9_.-]+)\}/g, (whole, path: string) => {
    const value = path.split(".").reduce<Json | undefined>(memberOf, params);
    if (value === undefined) return whole;
    return typeof value === "string" ? value : JSON.stringify(value);
  });
}

function memberOf(value: Json | undefined, name: string): Json | undefined {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return undefined;
  return Object.hasOwn(value, name) ? (value as JsonObject)[name] : undefined;
}
