import { resolve } from "node:path";
import type { Path } from "../../document/plain-yaml.ts";
import { whyNotUrl } from "../../outgoing/address.ts";
import { invalid, type Source } from "./source.ts";

/** Something that is written here, or a secret that stands elsewhere. Paths are absolute. */
export type Value = { readonly plain: string } | { readonly env: string } | { readonly file: string };

/** A value as it is written, once the schema has passed. */
export type RawValue = string | { readonly env?: string; readonly file?: string };

/** Where a value is to be looked up. */
export function settledValue(raw: RawValue, directory: string): Value {
  if (typeof raw === "string") return { plain: raw };
  if (raw.env !== undefined) return { env: raw.env };
  return { file: resolve(directory, raw.file ?? "") };
}

/** A URL; one that stands in the file is checked now. Throws `config_invalid`. */
export function settledUrl(
  source: Source,
  path: Path,
  raw: RawValue,
  { allow_private, directory }: { allow_private: boolean; directory: string },
): Value {
  const why = typeof raw === "string" ? whyNotUrl(raw, allow_private) : null;
  if (why === null) return settledValue(raw, directory);
  const found = `${path.join(".")} ${why}`;
  const example = "url: https://example.com/hook";
  throw invalid(source.file, source.lineOf(path), found, "an https:// URL", example);
}
