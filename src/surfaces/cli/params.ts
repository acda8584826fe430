import { Fault } from "../../core/codes.ts";
import type { Json, JsonObject } from "../../core/json.ts";

/** Params from the words of an option that may be repeated, on top of those that are known: `name=text`, `name:=JSON`. */
export async function paramsFrom(
  option: string,
  words: readonly string[],
  known: ReadonlyMap<string, Json> = new Map(),
): Promise<JsonObject> {
  const collected = new Map(known);
  for (const text of words) {
    const found = /^([^=]*?)(:?)=(.*)$/s.exec(text);
    const [, name = "", json = "", value = ""] = found ?? [];
    if (name === "") {
      throw new Fault(
        "usage",
        `${option} ${JSON.stringify(text)} is not of the form name=value.`,
        `For example: ${option} payee=ACME, or ${option} amount_cents:=150000 for what is not text.`,
      );
    }
    if (collected.has(name)) throw new Fault("usage", `The param ${JSON.stringify(name)} is given twice.`);
    collected.set(name, json === ":" ? await strictJson(value, `${option} ${name}`) : value);
  }
  return Object.fromEntries(collected);
}

/** Read as strictly as the daemon would, so that nothing is lost on the way to it. */
export async function strictJson(text: string, from: string): Promise<Json> {
  const { parseStrictJson } = await import("../../document/json.ts");
  try {
    return parseStrictJson(text);
  } catch (error) {
    if (error instanceof Fault) throw new Fault(error.code, `${from}: ${error.message}`, error.hint);
    throw error;
  }
}

/** For an option that may be repeated. */
export function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}
