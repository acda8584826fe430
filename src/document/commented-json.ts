import {
  createScanner,
  findNodeAtLocation,
  getNodeValue,
  type JSONPath,
  type Node,
  type ParseError,
  parseTree,
} from "jsonc-parser";
import type { Json } from "../core/json.ts";

/*
 * Changes in the text of a JSON file that is a person's: everything else stays to the byte, comments and layout included.
 * (`modify` of jsonc-parser lays out what stands beside a change anew, and takes comments away with what it removes.)
 */

/** The value that a text with comments stands for; undefined where it is none, or says two things under one name. */
export function parseCommentedJson(text: string): Json | undefined {
  const root = rootOf(text);
  return root === null || hasTwice(root) ? undefined : (getNodeValue(root) as Json);
}

/** Puts a member behind those that an object has, or an item (without a name) behind those of a list. */
export function putInto(text: string, path: JSONPath, value: Json, name?: string): string {
  const container = nodeAt(text, path);
  const { children = [], offset, length } = container;
  const { unit, eol } = layoutOf(text);
  const outer = /^[ \t]*/.exec(text.slice(text.lastIndexOf("\n", offset - 1) + 1))?.[0] ?? "";
  const close = offset + length - 1;
  // Behind a comment that stands there, and so that one to the end of the line does not swallow it.
  const at = text.slice(0, close).trimEnd().length;
  const said = JSON.stringify(value, null, unit).replaceAll("\n", eol + outer + unit);
  const put = `${eol}${outer}${unit}${name === undefined ? "" : `${JSON.stringify(name)}: `}${said}`;
  const end = text.slice(at, close).includes("\n") ? "" : eol + outer;
  const last = children.at(-1);
  const comma = last === undefined ? at : last.offset + last.length;
  const separator = last === undefined ? "" : ",";
  return text.slice(0, comma) + separator + text.slice(comma, at) + put + end + text.slice(at);
}

/** Takes a member or an item out, with the comma that goes with it; comments beside it stay. */
export function takeOut(text: string, path: JSONPath): string {
  const found = nodeAt(text, path);
  const node = found.parent?.type === "property" ? found.parent : found;
  const siblings = node.parent?.children ?? [];
  const at = siblings.indexOf(node);
  const end = node.offset + node.length;
  const isLast = at === siblings.length - 1;
  const before = siblings[at - 1];
  const rest = isLast ? end : commaBehind(text, end);
  const kept = text.slice(end, rest) + text.slice(isLast ? rest : rest + 1);
  const blank = text.slice(text.slice(0, node.offset).trimEnd().length, node.offset);
  // A comment to the end of the line before must not swallow what comes behind.
  const start = node.offset - (blank.includes("\n") && !/^[ \t]*(\r?\n|$)/.test(kept) ? 0 : blank.length);
  if (!isLast || before === undefined) return text.slice(0, start) + kept;
  const comma = commaBehind(text, before.offset + before.length);
  return text.slice(0, comma) + text.slice(comma + 1, start) + kept;
}

/** Whether an object or a list has comments of its own, beside what is in its members. */
export function hasComments(text: string, path: JSONPath): boolean {
  const { children = [], offset, length } = nodeAt(text, path);
  let from = offset;
  const gaps = children.map((child) => {
    const gap = text.slice(from, child.offset);
    from = child.offset + child.length;
    return gap;
  });
  return [...gaps, text.slice(from, offset + length)].some((gap) => gap.includes("/"));
}

/** Whether two texts say the same in the same words and comments, however they are laid out. */
export function sameWords(one: string, other: string): boolean {
  return wordsOf(one) === wordsOf(other);
}

function rootOf(text: string): Node | null {
  const errors: ParseError[] = [];
  const root = parseTree(text, errors);
  return errors.length > 0 || root === undefined ? null : root;
}

function nodeAt(text: string, path: JSONPath): Node {
  const root = rootOf(text);
  const node = root === null ? undefined : findNodeAtLocation(root, [...path]);
  if (node === undefined) throw new Error("unreachable: what is changed has been read before");
  return node;
}

/** Readers take the last of two, and changes would go to the first. */
function hasTwice({ type, children = [] }: Node): boolean {
  const names = children.map((child) => child.children?.[0]?.value);
  if (type === "object" && new Set(names).size < names.length) return true;
  return children.some(hasTwice);
}

function commaBehind(text: string, end: number): number {
  const scanner = createScanner(text, true);
  scanner.setPosition(end);
  scanner.scan();
  return scanner.getTokenOffset();
}

function layoutOf(text: string): { unit: string; eol: string } {
  return { unit: /^([ \t]+)\S/m.exec(text)?.[1] ?? "  ", eol: text.includes("\r\n") ? "\r\n" : "\n" };
}

/** As the scanner calls what is between words. */
const END = 17;
const LINE_BREAK = 14;
const BLANK = 15;

function wordsOf(text: string): string {
  const scanner = createScanner(text, false);
  const words: string[] = [];
  for (let kind: number = scanner.scan(); kind !== END; kind = scanner.scan()) {
    const at = scanner.getTokenOffset();
    if (kind !== LINE_BREAK && kind !== BLANK) words.push(text.slice(at, at + scanner.getTokenLength()));
  }
  return JSON.stringify(words);
}
