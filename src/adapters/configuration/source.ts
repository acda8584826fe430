import { readFile } from "node:fs/promises";
import { Fault } from "../../core/codes.ts";
import { type PlainYaml, readPlainYaml } from "../../document/plain-yaml.ts";

/** A configuration is written by hand; anything larger is the wrong file. */
const SIZE_LIMIT_BYTES = 1024 * 1024;

/** A YAML file's value, and where each part of it stands. */
export interface Source extends PlainYaml {
  readonly file: string;
}

/** Reads a YAML file strictly. Gives `config_missing`, and `config_invalid`, with file and line, for everything else. */
export async function readSource(file: string): Promise<Source> {
  const read = readPlainYaml(await readText(file));
  if ("found" in read) throw invalid(file, read.line, read.found, read.expected);
  return { file, ...read };
}

/** The one form of what is wrong in a configuration: where, what, what was expected instead. */
export function invalid(
  file: string,
  line: number,
  found: string,
  expected: string,
  example?: string,
): Fault {
  const hint = example === undefined ? undefined : `For example: ${example}`;
  return new Fault("config_invalid", `${file}:${line}: ${found}; expected ${expected}.`, hint);
}

async function readText(file: string): Promise<string> {
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
    if (code === "ENOENT" || code === "ENOTDIR") {
      throw new Fault("config_missing", `There is no configuration at ${file}.`, undefined, { cause });
    }
    const hint = "Name a file that this user can read.";
    throw new Fault("config_invalid", `${file} cannot be read (${code}).`, hint, { cause });
  }
  if (bytes.byteLength > SIZE_LIMIT_BYTES) throw invalid(file, 1, "the file is too large", "at most 1 MiB");
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new Fault("config_invalid", `${file} is not UTF-8 text.`, "Save it again as UTF-8.", { cause });
  }
}
