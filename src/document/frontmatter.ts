import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  type Node,
  parseDocument,
  visit,
} from "yaml";
import { type Problem, problem } from "../core/codes.ts";
import { isId } from "../core/id.ts";
import type { RequestId } from "../core/request.ts";
import { NOTE_LIMIT_BYTES, splitText } from "./frontmatter-split.ts";

/** One property: its parsed value, and where its value stands in the note's text (offsets in UTF-16 units). */
export interface Property {
  readonly key: string;
  readonly node: Node | null;
  readonly line: number;
  readonly start: number;
  readonly end: number;
  /** Whether a YAML comment stands behind the value. */
  readonly comment: boolean;
}

/** A property's value as plain text, the parts of a list with commas between them; null where it is anything else. */
export function plainText({ node }: Property): string | null {
  if (isSeq(node)) {
    const parts = node.items.map((item) => (isScalar(item) ? String(item.value ?? "").trim() : null));
    return parts.includes(null) ? null : parts.join(", ");
  }
  if (node === null) return "";
  return isScalar(node) ? String(node.value ?? "").trim() : null;
}

export interface Frontmatter {
  readonly properties: ReadonlyMap<string, Property>;
  /** Offset of the closing fence: where new properties go. */
  readonly close: number;
  /** Offset of the first character behind the closing fence's line. */
  readonly body: number;
  /** The number of the body's first line. */
  readonly bodyLine: number;
  readonly eol: "\n" | "\r\n";
}

export type FrontmatterReading =
  | { readonly ok: true; readonly frontmatter: Frontmatter }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** The text of a note's bytes. Never throws: wrong bytes and wrong sizes are ordinary input. */
export function decode(bytes: Uint8Array): { text: string } | { problems: readonly Problem[] } {
  if (bytes.byteLength > NOTE_LIMIT_BYTES) return { problems: [problem("note_too_large")] };
  try {
    return { text: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch {
    return { problems: [problem("not_utf8")] };
  }
}

/**
 * The properties of a note's text, read strictly: YAML 1.2 core, unique plain keys, no anchors, aliases, tags or
 * directives, closing fence required. Never throws; what is wrong comes back as problems with line numbers.
 */
export function readFrontmatter(text: string): FrontmatterReading {
  const split = splitText(text);
  if ("problems" in split) return { ok: false, problems: split.problems };
  const { yaml, start, close, body, eol } = split;
  const early = refuseBeforeParsing(yaml);
  if (early !== null) return { ok: false, problems: [early] };

  const document = parse(yaml);
  if (document === null) return { ok: false, problems: [problem("frontmatter_too_large")] };
  const problems = refuseDocument(document, yaml);
  if (problems.length > 0) return { ok: false, problems };

  const properties = new Map<string, Property>();
  const lineAt = lineCounter(yaml);
  if (isMap(document.contents)) {
    for (const pair of document.contents.items) {
      if (!isScalar(pair.key) || typeof pair.key.value !== "string" || !pair.key.range) continue;
      const node = isNode(pair.value) ? pair.value : null;
      const at = valueRange(yaml, pair.key.range[1], node);
      properties.set(pair.key.value, {
        key: pair.key.value,
        node,
        line: lineAt(pair.key.range[0]) + 1,
        start: start + at.start,
        end: start + at.end,
        comment: Boolean(node?.comment ?? node?.commentBefore) || /^[ \t]*#/.test(yaml.slice(at.end)),
      });
    }
  }
  const bodyLine = text.slice(0, body).split("\n").length;
  return { ok: true, frontmatter: { properties, close, body, bodyLine, eol } };
}

/** The request's id that stands in a note; null when there is none, or when its properties cannot be read. */
export function idInside(bytes: Uint8Array): RequestId | null {
  const id = wordInside(bytes, "id");
  return isId(id) ? id : null;
}

/** The host that a note or a dashboard says it belongs to; null when it says none, or its properties cannot be read. */
export function hostInside(bytes: Uint8Array): string | null {
  const host = wordInside(bytes, "host");
  return host === "" ? null : host;
}

function wordInside(bytes: Uint8Array, key: "id" | "host"): string {
  const decoded = decode(bytes);
  const read = "text" in decoded ? readFrontmatter(decoded.text) : null;
  const node = read?.ok ? read.frontmatter.properties.get(key)?.node : null;
  return node && isScalar(node) && typeof node.value === "string" ? node.value.trim() : "";
}

/** Null for what is nested deeper than its reader can go down. */
function parse(yaml: string): Document.Parsed | null {
  try {
    // Without `prettyErrors`: an excerpt for every one of a thousand errors would cost more than all the rest.
    return parseDocument(yaml, {
      version: "1.2",
      schema: "core",
      uniqueKeys: true,
      logLevel: "silent",
      prettyErrors: false,
    });
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

function refuseBeforeParsing(yaml: string): Problem | null {
  const conflict = /^(<{7}|={7}|>{7})( |\r?$)/m.exec(yaml);
  if (conflict !== null) return problem("merge_conflict", lineOf(yaml, conflict.index) + 1);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the point.
  const control = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]|\r(?!\n)/.exec(yaml);
  if (control !== null) return problem("control_character", lineOf(yaml, control.index) + 1);
  // A directive changes how the rest is read, and `...` ends the document before it.
  const directive = /^(%|\.\.\.)/m.exec(yaml);
  if (directive !== null) return problem("frontmatter_feature", lineOf(yaml, directive.index) + 1);
  return null;
}

function refuseDocument(document: Document.Parsed, yaml: string): Problem[] {
  const problems = document.errors.slice(0, 20).map((error) => {
    const line = lineOf(yaml, error.pos[0]) + 1;
    if (error.code === "DUPLICATE_KEY") return problem("duplicate_key", line);
    // What most often happens to whoever types at the end of an empty property's line.
    const [name] = /^[a-z_]+:(?=[^\s:/])/.exec(yaml.split(/\r?\n/)[line - 2] ?? "") ?? [];
    const why = name === undefined ? undefined : `There is no space behind \`${name}\`.`;
    return problem("frontmatter_invalid", line, why);
  });
  const once = problems.filter(
    ({ code, line }, i) => problems.findIndex((one) => one.code === code && one.line === line) === i,
  );
  if (once.length > 0) return once.slice(0, 3);
  if (document.warnings.length > 0) return [problem("frontmatter_feature")];
  if (document.contents !== null && !isMap(document.contents) && !isEmptyScalar(document.contents)) {
    return [problem("frontmatter_invalid", 2, "The properties are not lines of the form `name: value`.")];
  }
  visit(document, (_, node) => {
    if (!isNode(node)) return;
    if (isAlias(node) || node.anchor || node.tag !== undefined) {
      problems.push(problem("frontmatter_feature", lineOf(yaml, node.range?.[0] ?? 0) + 1));
    }
  });
  return problems.slice(0, 1);
}

function isEmptyScalar(node: unknown): boolean {
  return isScalar(node) && node.value === null;
}

/** Where the value stands; for an empty value, right behind the key's colon. */
function valueRange(yaml: string, keyEnd: number, node: Node | null): { start: number; end: number } {
  const range = node?.range;
  if (range && range[1] > range[0]) {
    const end = range[0] + yaml.slice(range[0], range[1]).trimEnd().length;
    return { start: range[0], end };
  }
  const colon = yaml.indexOf(":", keyEnd) + 1;
  return { start: colon, end: colon };
}

/** The line number, from 1, of an offset in the YAML part. */
function lineOf(yaml: string, offset: number): number {
  return yaml.slice(0, offset).split("\n").length;
}

/** The same for offsets that only grow: nothing is counted twice. */
function lineCounter(yaml: string): (offset: number) => number {
  let counted = 0;
  let line = 1;
  return (offset) => {
    for (let at = yaml.indexOf("\n", counted); at !== -1 && at < offset; at = yaml.indexOf("\n", at + 1))
      line += 1;
    counted = offset;
    return line;
  };
}
