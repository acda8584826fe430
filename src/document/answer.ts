import { PROBLEMS } from "../core/codes.ts";
import { readBody } from "./body.ts";
import { readFrontmatter } from "./frontmatter.ts";
import { ANSWER_HEAD, askedInLine } from "./note.ts";

/** A callout of the daemon's in a person's note: how its first line is known, and the lines below that belong to it. */
interface Own {
  readonly head: (line: string) => boolean;
  readonly below: (line: string) => boolean;
}

const ANSWER: Own = { head: (line) => line.trimEnd() === ANSWER_HEAD, below: isProblem };
const ASKED: Own = { head: (line) => askedInLine(line) !== null, below: () => false };

/** What the daemon tells in a note about what is unclear; the empty string when it tells nothing. */
export function answerIn(text: string): string {
  const found = findOwn(text, ANSWER);
  return found === null ? "" : text.slice(found.start, found.end);
}

/** How often a note says that it was asked for. */
export function askedIn(text: string): number {
  const found = findOwn(text, ASKED);
  return found === null ? 1 : (askedInLine(text.slice(found.start, found.end)) ?? 1);
}

/** The note without the daemon's callouts, and without the line ends that were put in with them. */
export function removeCallouts(text: string): string {
  return removeOwn(removeOwn(text, ANSWER), ASKED);
}

function removeOwn(text: string, own: Own): string {
  const found = findOwn(text, own);
  if (found === null) return text;
  const callout = text.slice(found.start, found.end);
  const before = text.slice(0, found.start);
  const behind = text.slice(found.end);
  // It was put before a line, with a blank one behind it, or to the end in the way that the note ended.
  if (behind.trim() !== "") return removeOwn(before + behind.replace(/^[ \t]*\r?\n/, ""), own);
  const eol = text.slice(0, found.start).endsWith("\r\n") ? "\r\n" : "\n";
  return removeOwn(cutOff(cutOff(before, eol), callout.endsWith("\n") ? "" : eol) + behind, own);
}

/** The callout with its last line's end. */
function findOwn(text: string, { head, below }: Own): { start: number; end: number } | null {
  // Nearly all notes have none.
  if (!text.includes("\n> [!")) return null;
  const read = readFrontmatter(text);
  const from = read.ok ? read.frontmatter.body : 0;
  const lines = readBody(text.slice(from)).lines;
  for (const { text: line, offset, index, fence } of lines) {
    if (!head(line)) continue;
    let next = index + 1;
    while (below(lines[next]?.text ?? "")) next += 1;
    const start = from + offset;
    const end = from + (lines[next]?.offset ?? text.length - from);
    // Quoted in a block of code it is somebody else's, except at the end: that block may just not be closed.
    if (fence === null || (!read.ok && text.slice(end).trim() === "")) return { start, end };
  }
  return null;
}

/** One of the daemon's lines about what is unclear: it ends in one of the known hints. A person's remark does not. */
function isProblem(line: string): boolean {
  const text = line.trimEnd();
  return /^> ?[-*+] /.test(text) && Object.values(PROBLEMS).some(({ hint }) => text.endsWith(hint));
}

function cutOff(text: string, end: string): string {
  return end !== "" && text.endsWith(end) ? text.slice(0, -end.length) : text;
}
