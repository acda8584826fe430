import { isScalar } from "yaml";
import { type Body, type BodyLine, readBody } from "./body.ts";
import { type Frontmatter, readFrontmatter } from "./frontmatter.ts";

/**
 * A note's text with parts of it replaced; everything else stays byte for byte as the person left it: comments, key
 * order, quoting, unknown properties, line ends.
 */
export interface Patch {
  /** Sets a property's value (a rendered YAML scalar), behind the last one when it is new. */
  set(key: string, value: string): void;
  /** The same, but only where the note has no value of the person's. */
  fill(key: string, value: string): void;
  /** What the properties that were set had said of somebody else's, line by line; empty when nothing. */
  overwritten(): string;
  /** Replaces the daemon's own text where it still stands unchanged; false when it does not. */
  replace(own: string, text: string): boolean;
  /** Puts text before the first heading of the body, or at the end when there is none. */
  insertBeforeSections(text: string): void;
  text(): string;
}

export class Unpatchable extends Error {}

/** Null when the note's properties cannot be read, so that nothing in it can be placed safely. */
export function openPatch(original: string): Patch | null {
  const first = readFrontmatter(original);
  if (!first.ok) return null;
  const { eol } = first.frontmatter;
  let current = original;
  let frontmatter = first.frontmatter;
  /** Property edits at offsets of `current`, by key: made all at once, since parsing again is what costs. */
  const edits = new Map<string, { start: number; end: number; text: string }>();
  const overwritten: string[] = [];

  const lines = (text: string) => text.replaceAll("\n", eol);
  const splice = (start: number, end: number, text: string) => {
    current = current.slice(0, start) + lines(text) + current.slice(end);
  };
  const flush = () => {
    if (edits.size === 0) return;
    // From the end, so that the offsets before stay right; several at one place keep the order in which they came.
    for (const { start, end, text } of [...edits.values()].reverse().sort((a, b) => b.start - a.start)) {
      splice(start, end, text);
    }
    edits.clear();
    frontmatter = frontmatterOf(current);
  };
  const set = (key: string, value: string, onlyEmpty: boolean) => {
    if (edits.has(key)) flush();
    const { properties, close } = frontmatter;
    const property = properties.get(key);
    if (property === undefined) {
      edits.set(key, { start: close, end: close, text: `${key}: ${value}\n` });
      return;
    }
    const { node, start, end } = property;
    const empty = node === null || (isScalar(node) && (node.value === null || node.value === ""));
    if (onlyEmpty && !empty) return;
    const said = current.slice(start, end);
    if (said !== value && !OWN_WORD.test(said)) overwritten.push(`${key}: ${said}`);
    // An empty value stands right behind its colon and needs the space that YAML wants there.
    const text = start === end && current[start - 1] === ":" ? ` ${value}` : value;
    edits.set(key, { start, end, text });
  };

  return {
    set: (key, value) => set(key, value, false),
    fill: (key, value) => set(key, value, true),
    overwritten: () => overwritten.join("\n"),
    replace(own, text) {
      flush();
      const wanted = lines(own);
      const at = current.indexOf(wanted, frontmatter.body);
      // Lines that the person has written on are theirs.
      if (at === -1 || !isWholeLines(current, at, at + wanted.length)) return false;
      splice(at, at + wanted.length, text);
      return true;
    },
    insertBeforeSections(text) {
      flush();
      const { body: start } = frontmatter;
      const body = readBody(current.slice(start));
      const next = body.lines.find((line) => isOpen(line, body) || (line.plain && /^## /.test(line.text)));
      if (next === undefined) current = appended(current, lines(text), eol);
      else splice(start + next.offset, start + next.offset, `${text}\n\n`);
    },
    text() {
      flush();
      return current;
    },
  };
}

function isWholeLines(text: string, start: number, end: number): boolean {
  const before = text[start - 1] ?? "\n";
  return before === "\n" && (text[end - 1] === "\n" || /^(\r?\n|$)/.test(text.slice(end, end + 2)));
}

/** Nothing, what the daemon writes into its own properties, and the statements that people make in `status`. */
const OWN_WORD =
  /^["']?(|null|~|[>|][-+]?|pending|outcome_unknown|approved?|rejected|reject|changes_requested|executed|failed|expired|cancelled|denied|\d{4}-\d\d-\d\dT[\d:.]+Z)["']?$/i;

/** The patches above keep the frontmatter readable; were that ever wrong, a half-patched note must not be written. */
function frontmatterOf(text: string): Frontmatter {
  const read = readFrontmatter(text);
  if (!read.ok) throw new Unpatchable("a patch made the frontmatter unreadable");
  return read.frontmatter;
}

/** Whether a fence or comment begins here that the person left open, so that text behind it would be part of it. */
function isOpen({ index }: BodyLine, { unclosedFence, unclosedComment }: Body): boolean {
  return index === unclosedFence || index === unclosedComment;
}

/** The note with a text at its end, behind a blank line, and with a last line end only if it had one. */
export function appended(note: string, text: string, eol: string): string {
  return note.endsWith(eol) ? `${note}${eol}${text}${eol}` : `${note}${eol}${eol}${text}`;
}
