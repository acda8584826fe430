import { isCollection, isScalar } from "yaml";
import { type Problem, problem } from "../core/codes.ts";
import { skeleton } from "../core/look-alikes.ts";
import type { Verb } from "../core/request.ts";
import type { Frontmatter, Property } from "./frontmatter.ts";
import { visibleLine } from "./visible.ts";

/** The words that decide; nothing else does. */
export const WORDS: Readonly<Record<string, Verb>> = {
  approve: "approve",
  approved: "approve",
  reject: "reject",
  rejected: "reject",
  changes_requested: "request_changes",
};

/** One place in a note that says something, before it is held against the others. */
export interface Statement {
  readonly verb: Verb;
  readonly via: "decision" | "status" | "box" | "own_box" | "folder";
  readonly line: number;
  /** The name on the box, else in `reviewer`; null where there is none. */
  readonly by: string | null;
}

interface Word {
  readonly statements: readonly Statement[];
  readonly problems: readonly Problem[];
  readonly half_typed: boolean;
  readonly raw: string;
}

/** What `decision` or `status` says: one of the words, or a problem. */
export function readWord(
  frontmatter: Frontmatter,
  key: "decision" | "status",
  ignored: ReadonlySet<string>,
): Word {
  const property = frontmatter.properties.get(key);
  const nothing: Word = { statements: [], problems: [], half_typed: false, raw: "" };
  if (property === undefined || isEmpty(property)) return nothing;
  const { line, node } = property;
  if (!isScalar(node) || isCollection(node)) {
    const said = problem("unclear_value", line, `**${key}** holds a list or a map instead of one word.`);
    return { ...nothing, problems: [said], raw: "collection" };
  }
  const value = typeof node.value === "string" ? node.value : (node.source ?? String(node.value));
  const word = trimmed(value).replaceAll(/[A-Z]/g, (c) => c.toLowerCase());
  if (ignored.has(word)) return nothing;
  const verb = Object.hasOwn(WORDS, word) ? WORDS[word] : undefined;
  if (verb === undefined || typeof node.value !== "string") {
    const message = `**${key}** says “${visibleLine(value, 40)}”${lookAlikes(word)}, which is not one of the words.`;
    const half_typed = Object.keys(WORDS).some((known) => known.startsWith(word));
    return { ...nothing, problems: [problem("unclear_word", line, message)], half_typed, raw: value };
  }
  if (property.comment) return { ...nothing, problems: [problem("unclear_comment", line)], raw: `${word} #` };
  return { ...nothing, statements: [{ verb, via: key, line, by: null }], raw: word };
}

/** Without ASCII white space around it; a no-break space or another odd character stays, and makes a word unclear. */
function trimmed(value: string): string {
  const isSpace = (character: string | undefined) => character !== undefined && " \t\r\n".includes(character);
  let [start, end] = [0, value.length];
  while (start < end && isSpace(value[start])) start += 1;
  while (end > start && isSpace(value[end - 1])) end -= 1;
  return value.slice(start, end);
}

/** Names the characters that make something look like one of the words that is not, or that are of another script. */
function lookAlikes(word: string): string {
  const foreign = /[[\p{L}\p{M}\p{Cf}]--[A-Za-zÀ-ɏ]]/v.test(word);
  if (!foreign && !Object.hasOwn(WORDS, skeleton(word))) return "";
  const odd = [...new Set([...word].filter((character) => character > "~"))];
  const named = odd.slice(0, NAMED_CHARACTERS).map((character) => `U+${codePoint(character)}`);
  return named.length === 0 ? "" : ` (with ${named.join(", ")}${odd.length > named.length ? ", …" : ""})`;
}

const NAMED_CHARACTERS = 6;

function codePoint(character: string): string {
  return (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
}

export function isEmpty({ node }: Property): boolean {
  return node === null || (isScalar(node) && (node.value === null || node.value === ""));
}

/** A name or a reason, as one text. */
export function readText(
  frontmatter: Frontmatter,
  key: "reviewer" | "reason" | "delegate_to",
): { text: string | null; problems: readonly Problem[] } {
  const property = frontmatter.properties.get(key);
  if (property === undefined || isEmpty(property)) return { text: null, problems: [] };
  const { node, line } = property;
  if (!isScalar(node)) {
    // A name must be one; a reason only informs, so an odd one never keeps a "no" from counting.
    const problems = key === "reason" ? [] : [problem("unclear_value", line, `**${key}** is not one name.`)];
    return { text: null, problems };
  }
  const text = (typeof node.value === "string" ? node.value : (node.source ?? String(node.value))).trim();
  return { text: text === "" ? null : text, problems: [] };
}
