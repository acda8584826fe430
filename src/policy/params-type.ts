import type { Json, JsonObject } from "../core/json.ts";

/** What a JSON Schema says of a value, as far as expressions can use it. */
export type ParamsType =
  | { readonly is: "string" | "int" | "double" | "bool" | "any" }
  | { readonly is: "list"; readonly of: ParamsType }
  | { readonly is: "map"; readonly fields: ReadonlyMap<string, ParamsType>; readonly open: boolean };

const ANY: ParamsType = { is: "any" };

const PLAIN: Readonly<Record<string, ParamsType>> = {
  string: { is: "string" },
  integer: { is: "int" },
  number: { is: "double" },
  boolean: { is: "bool" },
};

/** Deeper than any rule looks. */
const DEPTH_LIMIT = 8;

/** The type of what a schema describes; `any` for whatever has no one type, so that nothing true is refused. */
export function typeOfSchema(schema: unknown, depth = 0): ParamsType {
  if (depth > DEPTH_LIMIT || !isMap(schema) || "$ref" in schema) return ANY;
  const { type } = schema;
  if (typeof type !== "string") return ANY;
  if (type === "array") return { is: "list", of: typeOfSchema(schema.items, depth + 1) };
  if (type !== "object") return PLAIN[type] ?? ANY;
  const properties = isMap(schema.properties) ? Object.entries(schema.properties) : [];
  return {
    is: "map",
    fields: new Map(properties.map(([name, inner]) => [name, typeOfSchema(inner, depth + 1)])),
    open: schema.additionalProperties !== false || "patternProperties" in schema,
  };
}

/**
 * A JSON value as expressions see it: whole numbers are integers, unless the schema says `number`; objects are maps,
 * so that no name in them means anything to the language underneath.
 */
export function valueFor(type: ParamsType, value: Json): unknown {
  if (typeof value === "number") {
    return type.is !== "double" && Number.isSafeInteger(value) ? BigInt(value) : value;
  }
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) {
    const of = type.is === "list" ? type.of : ANY;
    return value.map((one: Json) => valueFor(of, one));
  }
  const fields = type.is === "map" ? type.fields : null;
  const map = new Map<string, unknown>();
  for (const [name, inner] of Object.entries(value as JsonObject)) {
    map.set(name, valueFor(fields?.get(name) ?? ANY, inner));
  }
  return map;
}

/** How many values there are in it, itself included. */
export function countValues(value: Json): number {
  if (value === null || typeof value !== "object") return 1;
  let count = 1;
  for (const inner of Object.values(value)) count += countValues(inner);
  return count;
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
