/** A JSON value as RFC 8259 has it; what a request's params and a handler's result are made of. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

export interface JsonObject {
  readonly [key: string]: Json;
}

export function isJsonObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * What a type must be like to have a form as JSON: `Params extends JsonShape<Params>` also takes interfaces, which
 * TypeScript does not take for a JsonObject.
 */
export type JsonShape<T> = { readonly [Name in keyof T]: JsonShapeOf<T[Name]> };

type JsonShapeOf<T> = T extends Json | undefined
  ? T
  : T extends (...given: never[]) => unknown
    ? never
    : T extends object
      ? JsonShape<T>
      : never;
