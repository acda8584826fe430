import { PROBLEMS } from "../core/codes/problems.ts";
import type { Problem } from "../core/codes.ts";
import { readBody } from "./body.ts";
import { readFrontmatter } from "./frontmatter.ts";
import { ANSWER_HEAD, renderAnswer } from "./note.ts";
import { appended, openPatch } from "./patch.ts";
import { askedInLine, VOTES_HEAD } from "./standing.ts";
import { APPROVED_CALLOUT } from "./timing.ts";

/** A callout of the daemon's in a person's note: how its first line is known, and the lines below that belong to it. */
interface Own {
  /** What its first line begins with: without it in a text, nothing else need be looked at. */
  readonly mark: string;
  readonly head: (line: string) => boolean;
  readonly below: (line: string) => boolean;
}

const ANSWER: Own = { mark: ANSWER_HEAD, head: (line) => line.trimEnd() === ANSWER_HEAD, below: isProblem };
const ASKED: Own = {
  mark: "> [!info] Asked ",
  head: (line) => askedInLine(line) !== null,
  below: () => false,
};

const VOTES: Own = {
  mark: VOTES_HEAD,
  head: (line) => line.trimEnd() === VOTES_HEAD,
  below: (line) =>
    /^> (Approved so far by |Does not count, since they may not decide any more: |Still needed: |Passed on: ).*\.\s*$/.test(
      line,
    ),
};

const APPROVED: Own = APPROVED_CALLOUT;

/** What the daemon tells in a note about what is unclear; the empty string when it tells nothing. */
export function answerIn(text: string): string {
  const [found] = findOwn(text, ANSWER, 1);
  return found === undefined ? "" : text.slice(found.start, found.end);
}

/** What a note tells of how its request stands, in the form of `renderStanding`. */
export function standingIn(text: string): string {
  return [ASKED, VOTES, APPROVED]
    .flatMap((own) => findOwn(text, own))
    .map(({ start, end }) => text.slice(start, end).replaceAll("\r\n", "\n").trimEnd())
    .join("\n\n");
}

/**
 * The note with the daemon's callouts set to how often it was asked for (see `renderAsked`) and to these problems, or
 * taken out where there is nothing to say.
 */
export function answerNote(text: string, problems: readonly Problem[], asked = ""): string {
  const answer = renderAnswer(problems);
  const without = removeCallouts(text);
  if (answer === "" && asked === "") return without;
  const patch = openPatch(without);
  if (patch !== null && asked !== "") patch.insertBeforeSections(asked);
  if (answer === "") return patch === null ? without : patch.text();
  // Where the properties cannot be read, the end of the note is the only place that is certainly not in the way.
  if (patch === null) return appended(without, answer, "\n");
  patch.insertBeforeSections(answer);
  return patch.text();
}

/** The note without the daemon's callouts, and without the line ends that were put in with them. */
export function removeCallouts(text: string): string {
  return [ANSWER, ASKED, VOTES, APPROVED].reduce(removeOwn, text);
}

function removeOwn(text: string, own: Own): string {
  let kept = "";
  let from = 0;
  for (const { start, end } of findOwn(text, own)) {
    kept += text.slice(from, start);
    from = end;
    // It was put before a line, with a blank one behind it, or to the end in the way that the note ended.
    if (hasMore(text, end)) {
      const blank = /[ \t]*\r?\n/y;
      blank.lastIndex = end;
      if (blank.test(text)) from = blank.lastIndex;
    } else {
      const eol = kept.endsWith("\r\n") ? "\r\n" : "\n";
      kept = cutOff(cutOff(kept, eol), text.slice(start, end).endsWith("\n") ? "" : eol);
    }
  }
  return kept + text.slice(from);
}

/** The callouts with their last lines' ends, the first `most` of them. */
function findOwn(text: string, { mark, head, below }: Own, most = Number.POSITIVE_INFINITY) {
  const found: { start: number; end: number }[] = [];
  // Nearly all notes have none.
  if (!text.includes(mark)) return found;
  const read = readFrontmatter(text);
  const from = read.ok ? read.frontmatter.body : 0;
  const lines = readBody(text.slice(from)).lines;
  for (let at = 0; at < lines.length && found.length < most; at += 1) {
    const { text: line = "", offset = 0, fence = null } = lines[at] ?? {};
    if (!line.startsWith(mark) || !head(line)) continue;
    let next = at + 1;
    while (below(lines[next]?.text ?? "")) next += 1;
    const start = from + offset;
    const end = from + (lines[next]?.offset ?? text.length - from);
    // Quoted in a block of code it is somebody else's, except at the end: that block may just not be closed.
    if (fence === null || (!read.ok && !hasMore(text, end))) found.push({ start, end });
  }
  return found;
}

/** Whether there is anything but white space from there on. */
function hasMore(text: string, from: number): boolean {
  const more = /\S/g;
  more.lastIndex = from;
  return more.test(text);
}

/** One of the daemon's lines about what is unclear: it ends in one of the known hints. A person's remark does not. */
function isProblem(line: string): boolean {
  const text = line.trimEnd();
  return /^> ?[-*+] /.test(text) && Object.values(PROBLEMS).some(({ hint }) => text.endsWith(hint));
}

function cutOff(text: string, end: string): string {
  return end !== "" && text.endsWith(end) ? text.slice(0, -end.length) : text;
}
