import { isJsonObject, type Json, type JsonObject } from "../../core/json.ts";
import { parseStrictJson } from "../json.ts";
import { visibleLine } from "../visible.ts";
import type { Value } from "./note.ts";

/** How a piece of a foreign note becomes a param. What has not exactly one meaning is refused, never guessed. */
export const CONVERSIONS = ["text", "integer", "number", "cents", "currency", "boolean", "list"] as const;

export type Conversion = (typeof CONVERSIONS)[number];

export type Converted =
  | { readonly ok: Json }
  /** There is nothing to convert: an empty property, or an amount that names no currency. */
  | { readonly absent: true }
  /** Why not, as the end of a sentence. */
  | { readonly wrong: string };

export function convert(value: Value, as: Conversion): Converted {
  if (value.is === "nothing") return { absent: true };
  if (value.is === "map") return { wrong: "holds a map or a placeholder instead of a plain value" };
  if (as === "list") return listOf(value);
  if (value.is === "list") return { wrong: "holds a list instead of one value" };
  const text = value.text.replaceAll("\r\n", "\n").trim();
  if (text === "") return { absent: true };
  if (isPlaceholder(text)) return { wrong: `still holds a placeholder: “${visibleLine(text, 40)}”` };
  return SCALARS[as](text);
}

const SCALARS: Readonly<Record<Exclude<Conversion, "list">, (text: string) => Converted>> = {
  text: (text) => ({ ok: text }),
  integer: (text) => exactNumber(text, /^-?(0|[1-9]\d*)$/, "a whole number such as 150000"),
  number: (text) => exactNumber(text, DECIMAL, "a number such as 12.5"),
  boolean(text) {
    // All the ways in which YAML writes them.
    if (/^(true|True|TRUE|false|False|FALSE)$/.test(text)) return { ok: text.toLowerCase() === "true" };
    return { wrong: `says ${shown(text)}, which is neither true nor false` };
  },
  cents,
  currency,
};

const DECIMAL = /^-?(0|[1-9]\d*)(\.\d+)?$/;

function exactNumber(text: string, form: RegExp, expected: string): Converted {
  const number = Number(text);
  if (!form.test(text)) return { wrong: `says ${shown(text)}, which is not ${expected}` };
  return isExact(text, number) ? { ok: number } : { wrong: `says ${shown(text)}, which is no exact number` };
}

/** Whether a double holds just what the digits say. */
function isExact(text: string, number: number): boolean {
  if (Number.isInteger(number)) return Number.isSafeInteger(number) && !Object.is(number, -0);
  return String(number) === text.replace(/0+$/, "");
}

/** A sign or a code on one side of an amount in digits. */
const AMOUNT = /^([$€£₹]|[A-Z]{3})? ?([\d.,]+) ?([$€£₹]|[A-Z]{3})?$/;
/** `1,500.00` has one meaning; `1.500`, `1,500` and `1.500,00` have another one in another country. */
const DIGITS = /^(\d+|\d{1,3}(?:,\d{3})+(?=\.)|\d{1,3}(?:,\d{3}){2,})(?:\.(\d{1,2}))?$/;
/** Currencies that have no hundredths. */
const NO_CENTS =
  /^(BHD|BIF|CLP|DJF|GNF|IQD|ISK|JOD|JPY|KMF|KRW|KWD|LYD|OMR|PYG|RWF|TND|UGX|VND|VUV|XAF|XOF|XPF)$/;
const SIGNS: Readonly<Record<string, string>> = { "€": "EUR", "£": "GBP", "₹": "INR" };

function cents(text: string): Converted {
  const [, before, digits = "", after] = AMOUNT.exec(text) ?? [];
  const found = DIGITS.exec(digits);
  if (found === null) {
    return { wrong: `says ${shown(text)}, which is not one clear amount such as 1,500.00 or 1500` };
  }
  if (before !== undefined && after !== undefined) return { wrong: `says ${shown(text)}: two currencies` };
  const mark = before ?? after ?? "";
  if (NO_CENTS.test(mark)) return { wrong: `says ${shown(text)}, and ${mark} has no cents` };
  const [, whole = "", fraction = ""] = found;
  const amount = Number(`${whole.replaceAll(",", "")}${fraction.padEnd(2, "0")}`);
  return Number.isSafeInteger(amount) ? { ok: amount } : { wrong: `says ${shown(text)}, which is too large` };
}

/** The ISO code, or the one that an amount's sign stands for; a `$` is many countries', so it names none. */
function currency(text: string): Converted {
  const amount = AMOUNT.exec(text);
  const mark = amount === null ? text : (amount[1] ?? amount[3] ?? "");
  const code = SIGNS[mark] ?? mark;
  if (amount !== null && (code === "" || code === "$")) return { absent: true };
  if (!/^[A-Z]{3}$/.test(code)) return { wrong: `says ${shown(text)}, which names no currency such as EUR` };
  return NO_CENTS.test(code) ? { wrong: `says ${code}, a currency without cents` } : { ok: code };
}

function listOf(value: Exclude<Value, { is: "nothing" | "map" }>): Converted {
  const items = value.is === "list" ? value.items : itemsIn(value);
  if (items === null) return { wrong: "could be one entry or several: write it as a list" };
  const converted = items.map((item) => convert(item, "text"));
  const wrong = converted.find((one) => !("ok" in one));
  if (wrong !== undefined) return "wrong" in wrong ? wrong : { wrong: "holds an empty entry" };
  if (converted.length === 0) return { absent: true };
  return { ok: converted.flatMap((one) => ("ok" in one ? [one.ok] : [])) };
}

/** The entries of a text: a Markdown list's, or itself where nothing in it could part two. */
function itemsIn(value: Extract<Value, { is: "text" }>): readonly Value[] | null {
  const lines = value.text.split("\n").filter((line) => line.trim() !== "");
  const points = lines.map((line) => /^\s*[-*+] (?!\[.\])(.*\S)\s*$/.exec(line)?.[1]);
  const asText = (text: string): Value => ({ is: "text", text, plain: "text" });
  if (points.every((point) => point !== undefined)) return points.map(asText);
  return /[,;\n]/.test(value.text) ? null : [value];
}

/** A value as JSON, each scalar as YAML has it; numbers that a double would change are refused. */
function jsonOf(value: Value): { ok: Json } | { wrong: string } {
  switch (value.is) {
    case "nothing":
      return { ok: null };
    case "text": {
      if (value.plain === "boolean") return { ok: value.text.toLowerCase() === "true" };
      const converted = convert(value, value.plain === "number" ? "number" : "text");
      return "absent" in converted ? { ok: value.text } : converted;
    }
    case "list": {
      const items = value.items.map(jsonOf);
      const wrong = items.find((item) => "wrong" in item);
      return wrong ?? { ok: items.flatMap((item) => ("ok" in item ? [item.ok] : [])) };
    }
    case "map": {
      const entries = value.entries.map(([name, inner]) => [name, jsonOf(inner)] as const);
      const wrong = entries.find(([, inner]) => "wrong" in inner)?.[1];
      if (wrong !== undefined) return wrong;
      return {
        ok: Object.fromEntries(entries.map(([name, inner]) => [name, "ok" in inner ? inner.ok : null])),
      };
    }
  }
}

/** All params at once: a map of properties, or a text that is a JSON object. */
export function objectOf(value: Value): { ok: JsonObject } | { wrong: string } {
  const read = value.is === "text" ? jsonIn(value.text) : jsonOf(value);
  if ("wrong" in read) return read;
  const { ok } = read;
  if (isJsonObject(ok)) return { ok };
  return { wrong: "holds no map of params" };
}

function jsonIn(text: string): { ok: Json } | { wrong: string } {
  try {
    return { ok: parseStrictJson(text) };
  } catch {
    return { wrong: "holds no JSON object with one clear meaning" };
  }
}

/** What a template leaves where nobody filled it in. */
function isPlaceholder(text: string): boolean {
  return /\{\{|\}\}|\$\{|<%/.test(text) || /^(\{[^{}]*\}|<[^<>@]*>|\[[^[\]]*\])$/.test(text);
}

function shown(text: string): string {
  return `“${visibleLine(text, 40)}”`;
}
