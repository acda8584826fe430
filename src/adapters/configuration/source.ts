import { readFile } from "node:fs/promises";
import { isAlias, isMap, isNode, isPair, isScalar, LineCounter, type Node, parseDocument, visit } from "yaml";
import { Fault } from "../../core/codes.ts";

/** A configuration is written by hand; anything larger is the wrong file. */
const SIZE_LIMIT_BYTES = 1024 * 1024;

export type Path = readonly (string | number)[];

/** A YAML file's value, and where each part of it stands. */
export interface Source {
  readonly file: string;
  readonly value: unknown;
  /** The line, from 1, of the key at the path's end; of the nearest part above it where that is not there. */
  lineOf(path: Path): number;
  /** The value at the path, null where there is none. */
  at(path: Path): unknown;
}

/**
 * Reads a YAML file strictly: YAML 1.2 core, unique keys, no anchors, aliases, tags or directives. Gives
 * `config_missing` when there is no file and `config_invalid`, with file and line, for everything else.
 */
export async function readSource(file: string): Promise<Source> {
  const text = await readText(file);
  const lines = new LineCounter();
  const document = parseDocument(text, {
    version: "1.2",
    schema: "core",
    uniqueKeys: true,
    lineCounter: lines,
    prettyErrors: false,
    // "silent" would also keep quiet about a second document.
    logLevel: "error",
  });
  const broken = [...document.errors, ...document.warnings][0];
  if (broken !== undefined) {
    const { line } = lines.linePos(broken.pos[0]);
    throw invalid(
      file,
      line,
      `this is not plain YAML (${sentence(broken.message)})`,
      "lines of `name: value`",
    );
  }
  const feature = firstFeature(document.contents);
  if (feature !== null || /^%/m.test(text)) {
    const line = feature === null ? 1 : lines.linePos(feature.range?.[0] ?? 0).line;
    throw invalid(file, line, "anchors, aliases, tags and directives are not read", "a plain value");
  }
  const value: unknown = document.toJS();
  return {
    file,
    value,
    lineOf: (path) => lines.linePos(offsetOf(document.contents, path)).line,
    at: (path) => valueAt(value, path),
  };
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

function firstFeature(contents: Node | null): Node | null {
  let found: Node | null = null;
  visit(contents, (_, node) => {
    if (!isNode(node)) return undefined;
    const anchored = "anchor" in node && node.anchor !== undefined;
    if (!isAlias(node) && !anchored && node.tag === undefined) return undefined;
    found = node;
    return visit.BREAK;
  });
  return found;
}

function offsetOf(contents: Node | null, path: Path): number {
  let node: unknown = contents;
  let offset = contents?.range?.[0] ?? 0;
  for (const step of path) {
    if (isMap(node)) {
      const pair = node.items.find((one) => isScalar(one.key) && String(one.key.value) === String(step));
      if (pair === undefined) return offset;
      if (isScalar(pair.key)) offset = pair.key.range?.[0] ?? offset;
      node = pair.value;
    } else if (isNode(node) && "items" in node && Array.isArray(node.items)) {
      node = node.items[Number(step)];
      if (isPair(node) || !isNode(node)) return offset;
      offset = node.range?.[0] ?? offset;
    } else return offset;
  }
  return offset;
}

function valueAt(value: unknown, path: Path): unknown {
  let inner = value;
  for (const step of path) {
    if (typeof inner !== "object" || inner === null || !Object.hasOwn(inner, step)) return null;
    inner = (inner as Record<string | number, unknown>)[step];
  }
  return inner;
}

function sentence(message: string): string {
  return (message.split("\n")[0] ?? "").replace(/[.\s]+$/, "");
}
