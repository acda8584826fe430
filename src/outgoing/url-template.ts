import type { Json, JsonObject } from "../core/json.ts";
import { whyNotUrl } from "./address.ts";

type Filled = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly why: string };

const NAME = /\{([^{}]*)\}/g;
/** Behind the host, so that no value can say where it leads. */
const HOST = /^https?:\/\/[^/?#{}]+[/?#]/i;

const IN_HOST = "has a param in the place of the host";

/** Why a configured URL with `{name}` in it cannot be used; null when it can. Never quotes it. */
export function whyNotTemplate(template: string, allowPrivate: boolean): string | null {
  if (/[{}]/.test(template) && !HOST.test(template)) return IN_HOST;
  return whyNotUrl(template.replaceAll(NAME, "x"), allowPrivate);
}

/**
 * A URL with `{name}` replaced by the params' values, each of them encoded: a value stays inside its own place, whatever
 * it holds. Without `{name}` nothing of the params is in it.
 */
export function fillUrl(template: string, params: JsonObject): Filled {
  const names = [...template.matchAll(NAME)].map(([, name = ""]) => name);
  if (names.length === 0) return { ok: true, text: template };
  if (!HOST.test(template)) return { ok: false, why: `its URL ${IN_HOST}` };
  const values = new Map<string, string>();
  for (const name of names) {
    const value = Object.hasOwn(params, name) ? params[name] : undefined;
    const text = textOf(value);
    if (text === null)
      return { ok: false, why: `its URL needs the param ${name} as a text, number or yes or no` };
    values.set(name, encodeURIComponent(text));
  }
  const text = template.replaceAll(NAME, (_, name: string) => values.get(name) ?? "");
  // `..` needs no encoding, and would lead to another place.
  if (shapeOf(text) !== shapeOf(template.replaceAll(NAME, "x"))) {
    return { ok: false, why: "the params would change where its URL leads" };
  }
  return { ok: true, text };
}

function textOf(value: Json | undefined): string | null {
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return typeof value === "string" && value !== "" && value.isWellFormed() ? value : null;
}

function shapeOf(text: string): string {
  const url = URL.parse(text);
  return url === null ? "" : `${url.origin} ${url.pathname.split("/").length}`;
}
