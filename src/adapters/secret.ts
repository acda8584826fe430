import { readFileSync } from "node:fs";
import type { Found } from "../outgoing/signed-post.ts";
import type { Value } from "./configuration/reference.ts";
import type { Environment } from "./environment.ts";
import { codeOf } from "./files.ts";

/** Looks a value up anew whenever it is used, so that a secret that was changed, or comes later, needs no restart. */
export function lookUp(value: Value, env: Environment): Found {
  if ("plain" in value) return { ok: true, text: value.plain };
  if ("env" in value) {
    const text = env[value.env];
    if (text === undefined || text === "")
      return { ok: false, why: `the daemon's environment has no ${value.env}` };
    return { ok: true, text };
  }
  try {
    const text = readFileSync(value.file, "utf8").trim();
    return text === "" ? { ok: false, why: `${value.file} is empty` } : { ok: true, text };
  } catch (error) {
    return { ok: false, why: `${value.file} cannot be read (${codeOf(error) ?? "unknown error"})` };
  }
}
