import { isMap, isScalar, isSeq, type Node } from "yaml";
import { type Problem, problem } from "../../core/codes.ts";
import { isId } from "../../core/id.ts";
import { type Body, readBody } from "../body.ts";
import { decode, type Frontmatter, type Property, readFrontmatter } from "../frontmatter.ts";

/**
 * A note that some other program wrote, as a mapping sees it. Its pieces have the names that stand in the note:
 * `amount` is a property, `**Amount**` a line with that label, `## Body` the text below that heading.
 */
export interface ForeignNote {
  readonly text: string;
  /** Everything of that name, in the note's order; letters in either case. */
  find(name: string): readonly Piece[];
  readonly properties: readonly Piece[];
}

export interface Piece {
  readonly name: string;
  readonly line: number;
  readonly value: Value;
  /** What keeps the value from being exact, such as a YAML comment behind it; null when nothing does. */
  readonly doubt: string | null;
}

export type Value =
  /** `plain` is false for a text in quotes or in the body, which is no number and no truth value by itself. */
  | { readonly is: "text"; readonly text: string; readonly plain: "text" | "number" | "boolean" }
  | { readonly is: "nothing" }
  | { readonly is: "list"; readonly items: readonly Value[] }
  | { readonly is: "map"; readonly entries: readonly (readonly [string, Value])[] };

export type ForeignReading =
  | { readonly ok: true; readonly note: ForeignNote }
  /** A note of Countersign's own, this daemon's or another one's: never adopted. */
  | { readonly ok: false; readonly own: true }
  | { readonly ok: false; readonly own: false; readonly problems: readonly Problem[] };

/** Reads a foreign note as strictly as our own ones. Never throws. */
export function readForeign(bytes: Uint8Array): ForeignReading {
  const decoded = decode(bytes);
  if ("problems" in decoded) return no(decoded.problems);
  const { text } = decoded;
  if (!/^\uFEFF?\s*---/.test(text)) return bodyOnly(text);
  const front = readFrontmatter(text);
  if (!front.ok) return no(front.problems);
  if (isOwn(front.frontmatter)) return { ok: false, own: true };
  const { frontmatter } = front;
  const body = readBody(text.slice(frontmatter.body));
  if (isInMerge(body)) return no([problem("merge_conflict")]);
  const properties = [...frontmatter.properties.values()].map(pieceOf);
  return { ok: true, note: noteOf(text, properties, body, frontmatter.bodyLine) };
}

/** Some systems write no properties at all, only headings and labels. */
function bodyOnly(text: string): ForeignReading {
  if (text.replace(/^\uFEFF/, "").trim() === "") return no([problem("empty_note")]);
  const body = readBody(text.replace(/^\uFEFF/, ""));
  if (isInMerge(body)) return no([problem("merge_conflict")]);
  return { ok: true, note: noteOf(text, [], body, 1) };
}

const no = (problems: readonly Problem[]): ForeignReading => ({ ok: false, own: false, problems });

/** The id and the digest are what only our notes have. */
function isOwn({ properties }: Frontmatter): boolean {
  const text = (key: string) => {
    const node = properties.get(key)?.node;
    return isScalar(node) ? String(node.value) : "";
  };
  return isId(text("id")) || text("digest").startsWith("sha256:");
}

function isInMerge({ lines }: Body): boolean {
  return ["<<<<<<< ", ">>>>>>> "].every((mark) => lines.some(({ text }) => text.startsWith(mark)));
}

function pieceOf({ key, line, node, comment }: Property): Piece {
  const doubt = comment ? "there is a # behind it, and YAML drops what follows" : null;
  return { name: key, line, value: valueIn(node), doubt };
}

function valueIn(node: Node | null): Value {
  if (isScalar(node)) {
    const { value, source } = node;
    if (value === null || value === undefined) return { is: "nothing" };
    if (typeof value === "string") return { is: "text", text: value, plain: "text" };
    const plain = typeof value === "boolean" ? "boolean" : "number";
    return { is: "text", text: source ?? String(value), plain };
  }
  if (isSeq(node)) return { is: "list", items: node.items.map((item) => valueIn(item as Node | null)) };
  if (isMap(node)) {
    const entries = node.items.map(({ key, value }) => {
      const name = isScalar(key) ? String(key.value) : "";
      return [name, valueIn(value as Node | null)] as const;
    });
    return { is: "map", entries };
  }
  return { is: "nothing" };
}

function noteOf(text: string, properties: readonly Piece[], body: Body, bodyLine: number): ForeignNote {
  const labels = labelsIn(body, bodyLine);
  const sections = sectionsIn(body, bodyLine);
  return {
    text,
    properties,
    find(name) {
      const named = plainName(name);
      const pieces = name.startsWith("**") ? labels : name.startsWith("#") ? sections : properties;
      return pieces.filter((piece) => plainName(piece.name) === named);
    },
  };
}

/** Without the marks of Markdown, pictures and colons around it, and in lower case. */
function plainName(name: string): string {
  return name.toLowerCase().replaceAll(/^[^\p{L}\p{N}]+|[^\p{L}\p{N})]+$/gu, "");
}

/** Far longer than any label with its value; a longer line is a paragraph. */
const LABEL_CHARACTERS = 2_000;
const LABEL = /^\s*(?:[-*+] +)?\*\*([^*:]{1,60})(?::\*\*|\*\* ?:)(.*)$/;

/** Lines such as `**Amount:** $500.00`, in a list or not. */
function labelsIn({ lines }: Body, bodyLine: number): Piece[] {
  return lines.flatMap(({ text, plain, index }) => {
    const found = plain && text.length <= LABEL_CHARACTERS ? LABEL.exec(text) : null;
    if (found === null) return [];
    const [, name = "", rest = ""] = found;
    return [{ name, line: bodyLine + index, value: textValue(rest.trim()), doubt: null }];
  });
}

const HEADING = /^ {0,3}(#{1,6})[ \t]+(.*)$/;

/** The text below each heading, up to the next one of its level or above; of a lone code block, what is inside. */
function sectionsIn(body: Body, bodyLine: number): Piece[] {
  const headings = body.lines.flatMap(({ text, plain, index }) => {
    const found = plain ? HEADING.exec(text) : null;
    return found === null ? [] : [{ level: found[1]?.length ?? 1, name: found[2] ?? "", index }];
  });
  return headings.map(({ level, name, index }, at) => {
    const next = headings.slice(at + 1).find((other) => other.level <= level);
    const lines = trimmed(body.lines.slice(index + 1, next?.index).map(({ text }) => text));
    const swallowed = body.unclosedFence !== null && body.unclosedFence > index && next === undefined;
    return {
      name,
      line: bodyLine + index,
      value: textValue(withoutFence(lines).join("\n")),
      doubt: swallowed ? "a code block in it is not closed" : null,
    };
  });
}

/** Without blank lines and rulers around it. */
function trimmed(lines: readonly string[]): string[] {
  const isEdge = (line: string | undefined) => line !== undefined && /^\s*([-*_] *){3,}$|^\s*$/.test(line);
  let [start, end] = [0, lines.length];
  while (start < end && isEdge(lines[start])) start += 1;
  while (end > start && isEdge(lines[end - 1])) end -= 1;
  return lines.slice(start, end);
}

function withoutFence(lines: readonly string[]): readonly string[] {
  const { lines: read } = readBody(lines.join("\n"));
  const isWhole = read.length > 1 && read.slice(1).every(({ fence }) => fence === 0);
  return isWhole && /^\s*[`~]{3,}\s*$/.test(lines.at(-1) ?? "") ? lines.slice(1, -1) : lines;
}

function textValue(text: string): Value {
  return text === "" ? { is: "nothing" } : { is: "text", text, plain: "text" };
}
