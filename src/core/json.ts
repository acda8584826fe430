/** A JSON value as RFC 8259 has it; what a request's params and a handler's result are made of. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

export interface JsonObject {
  readonly [key: string]: Json;
}
