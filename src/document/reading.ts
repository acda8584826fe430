import { isCollection, isScalar } from "yaml";
import { type Problem, problem, stopsAll } from "../core/codes.ts";
import type { Reading } from "../core/look.ts";
import { askedOf, type Request, type Verb } from "../core/request.ts";
import { type Body, type BodyLine, decisionArea, readBody } from "./body.ts";
import { decode, type Frontmatter, type Property, readFrontmatter } from "./frontmatter.ts";
import { checkIntact, skeleton } from "./intact.ts";
import { ANSWER_HEAD, askedInLine, BOXES, HEADINGS, renderNote } from "./note.ts";
import { visibleLine } from "./visible.ts";

const WORDS: Readonly<Record<string, Verb>> = {
  approve: "approve",
  approved: "approve",
  reject: "reject",
  rejected: "reject",
  changes_requested: "request_changes",
};

/** What the daemon itself writes into `status` of a waiting note; never a person's statement. */
const OWN_STATUS = new Set(["pending", "outcome_unknown"]);

/**
 * Reads a note's bytes; `dropped` is the verb of the folder that the note was dragged to, null in the pending folder.
 * Never throws: a file half-written by a person is an ordinary input.
 */
export function readNote(bytes: Uint8Array, request: Request, dropped: Verb | null = null): Reading {
  if (dropped === null && sameAsWritten(bytes, request)) return { ...UNTOUCHED, asked: askedOf(request) };
  const decoded = decode(bytes);
  if ("problems" in decoded) return unreadable(decoded.problems);
  const { text } = decoded;
  const front = readFrontmatter(text);
  if (!front.ok) return unreadable(front.problems, text);

  const { frontmatter } = front;
  const body = readBody(text.slice(frontmatter.body));
  const decision = readWord(frontmatter, "decision", new Set());
  const status = readWord(frontmatter, "status", OWN_STATUS);
  const boxes = readBoxes(body, frontmatter.bodyLine);
  const folder: Statement[] = dropped === null ? [] : [{ verb: dropped, via: "folder", line: 1 }];
  const said = [...folder, ...decision.statements, ...status.statements, ...boxes.statements];
  const reviewer = readText(frontmatter, "reviewer");
  const reason = readText(frontmatter, "reason");
  const problems = [
    ...decision.problems,
    ...status.problems,
    ...boxes.problems,
    ...reviewer.problems,
    ...conflictAmong(said),
    ...mergeMarks(body),
    ...checkIntact(frontmatter, body, request),
  ];
  const clear = problems.some(stopsAll) ? null : (said[0] ?? null);
  return {
    verb: clear?.verb ?? null,
    via: clear?.via ?? null,
    resolution: problems.some(stopsAll) ? null : boxes.resolution,
    reviewer: reviewer.text,
    reason: reason.text,
    problems,
    half_typed:
      problems.length > 0 && problems.every((_, i) => i === 0) && (decision.half_typed || status.half_typed),
    fingerprint: JSON.stringify([dropped, decision.raw, status.raw, reviewer.text, reason.text, boxes.marks]),
    answer: answerIn(body.lines),
    asked: askedIn(body.lines),
    asks_outcome: boxes.asks_outcome,
  };
}

/** Most looks are at notes that nobody has touched: those need no parsing. */
const UNTOUCHED: Reading = {
  verb: null,
  via: null,
  resolution: null,
  reviewer: null,
  reason: null,
  problems: [],
  half_typed: false,
  fingerprint: "untouched",
  answer: "",
  asked: 1,
  asks_outcome: false,
};

function sameAsWritten(bytes: Uint8Array, request: Request): boolean {
  return request.status === "pending" && Buffer.compare(bytes, Buffer.from(renderNote(request))) === 0;
}

/** The reading of what is no readable note: no statement, only problems. */
export function unreadable(problems: readonly Problem[], text = ""): Reading {
  return {
    verb: null,
    via: null,
    resolution: null,
    reviewer: null,
    reason: null,
    problems,
    half_typed: false,
    fingerprint: `unreadable ${problems.map((found) => found.code).join(" ")}`,
    answer: answerIn(readBody(text).lines),
    asked: askedIn(readBody(text).lines),
    asks_outcome: false,
  };
}

interface Statement {
  readonly verb: Verb;
  readonly via: "decision" | "status" | "box" | "folder";
  readonly line: number;
}

interface Word {
  readonly statements: readonly Statement[];
  readonly problems: readonly Problem[];
  readonly half_typed: boolean;
  readonly raw: string;
}

function readWord(frontmatter: Frontmatter, key: "decision" | "status", ignored: ReadonlySet<string>): Word {
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
  return { ...nothing, statements: [{ verb, via: key, line }], raw: word };
}

/** Without ASCII white space around it; a no-break space or another odd character stays, and makes a word unclear. */
function trimmed(value: string): string {
  const isSpace = (character: string | undefined) => character !== undefined && " \t\r\n".includes(character);
  let [start, end] = [0, value.length];
  while (start < end && isSpace(value[start])) start += 1;
  while (end > start && isSpace(value[end - 1])) end -= 1;
  return value.slice(start, end);
}

/** Names the characters that make something look like one of the words that is not. */
function lookAlikes(word: string): string {
  if (!Object.hasOwn(WORDS, skeleton(word))) return "";
  const odd = new Set([...word].filter((character) => character > "~"));
  return ` (with ${[...odd].map((character) => `U+${codePoint(character)}`).join(", ")})`;
}

function codePoint(character: string): string {
  return (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
}

function isEmpty({ node }: Property): boolean {
  return node === null || (isScalar(node) && (node.value === null || node.value === ""));
}

function readText(
  frontmatter: Frontmatter,
  key: "reviewer" | "reason",
): { text: string | null; problems: readonly Problem[] } {
  const property = frontmatter.properties.get(key);
  if (property === undefined || isEmpty(property)) return { text: null, problems: [] };
  const { node, line } = property;
  if (!isScalar(node)) {
    // A name must be one; a reason only informs, so an odd one never keeps a "no" from counting.
    const problems =
      key === "reviewer" ? [problem("unclear_value", line, "**reviewer** is not one name.")] : [];
    return { text: null, problems };
  }
  const text = (typeof node.value === "string" ? node.value : (node.source ?? String(node.value))).trim();
  return { text: text === "" ? null : text, problems: [] };
}

interface Boxes {
  readonly statements: readonly Statement[];
  readonly problems: readonly Problem[];
  readonly resolution: "happened" | "did_not" | null;
  readonly marks: string;
  readonly asks_outcome: boolean;
}

const BOX = /^\s*[-*+] \[(.)\]\s+(.*)$/u;
/** Far longer than any label with its trailers. */
const LABEL_CHARACTERS = 200;
/** What Obsidian and its Tasks plug-in hang behind a task: a block id, a done date. */
const TRAILER = /(\s+\^[\w-]+|\s+✅\s*\d{4}-\d{2}-\d{2})+\s*$/u;

function readBoxes(body: Body, firstLine: number): Boxes {
  const area = decisionArea(body);
  const problems: Problem[] = [];
  const ticked = new Map<string, number>();
  const found: string[] = [];
  for (const { text, plain, index } of area) {
    const box = plain ? BOX.exec(text) : null;
    if (box === null) continue;
    const [, mark = " ", rest = ""] = box;
    const label = Object.values(BOXES).find((name) => rest.toLowerCase().startsWith(name.toLowerCase()));
    if (label === undefined) continue;
    const exact = exactLabel(rest) ?? label;
    found.push(`${exact}=${mark}`);
    if (mark === " ") continue;
    const clean = exactLabel(rest) !== null;
    if (clean && (mark === "x" || mark === "X")) ticked.set(exact, firstLine + index);
    else problems.push(problem("unclear_box", firstLine + index, boxMessage(exact, mark, clean)));
  }
  const swallowed = swallowingFence(body);
  if (swallowed !== null) problems.push(problem("unclosed_fence", firstLine + swallowed));
  const statements: Statement[] = [];
  const approve = ticked.get(BOXES.approve);
  const reject = ticked.get(BOXES.reject);
  if (approve !== undefined) statements.push({ verb: "approve", via: "box", line: approve });
  if (reject !== undefined) statements.push({ verb: "reject", via: "box", line: reject });
  const happened = ticked.has(BOXES.happened);
  const didNot = ticked.has(BOXES.did_not);
  if (happened && didNot)
    problems.push(problem("conflict", null, "Both boxes are ticked: it happened, and it did not."));
  return {
    statements,
    problems,
    resolution: happened === didNot ? null : happened ? "happened" : "did_not",
    marks: found.join(" "),
    asks_outcome: found.some((mark) => mark.startsWith(`${BOXES.happened}=`)),
  };
}

/** The line of a fence that runs on over our first heading, and so over the boxes or what they are about. */
function swallowingFence({ lines, unclosedFence }: Body): number | null {
  const isFirst = ({ text }: BodyLine) => text.trimEnd() === HEADINGS.next;
  if (lines.some((line) => line.plain && isFirst(line))) return null;
  return lines.find((line) => line.fence !== null && isFirst(line))?.fence ?? unclosedFence;
}

function exactLabel(rest: string): string | null {
  // Looking for trailers in a line of 200 KB would take minutes.
  if (rest.length > LABEL_CHARACTERS) return null;
  const label = rest.replace(TRAILER, "").trimEnd().toLowerCase();
  return Object.values(BOXES).find((name) => name.toLowerCase() === label) ?? null;
}

function boxMessage(label: string, mark: string, clean: boolean): string {
  return clean
    ? `The box **${label}** holds “${visibleLine(mark, 8)}”.`
    : `The line of the box **${label}** says more than its name.`;
}

function conflictAmong(said: readonly Statement[]): Problem[] {
  const other = said.find((statement) => statement.verb !== said[0]?.verb);
  const first = said[0];
  if (first === undefined || other === undefined) return [];
  const tell = ({ verb, via, line }: Statement) => {
    if (via === "folder") return `${NAMES[verb]} (the folder it was moved to)`;
    return `${NAMES[verb]} (${via === "box" ? "box" : `**${via}**`}, line ${line})`;
  };
  return [problem("conflict", null, `The note says ${tell(first)} and ${tell(other)}.`)];
}

/** What an unfinished merge leaves; a person deciding on such a note may be looking at somebody else's side. */
function mergeMarks(body: Body): Problem[] {
  const ours = body.lines.some(({ plain, text }) => plain && text.startsWith("<<<<<<< "));
  const theirs = body.lines.some(({ text }) => text.startsWith(">>>>>>> "));
  return ours && theirs ? [problem("merge_conflict")] : [];
}

const NAMES: Readonly<Record<Verb, string>> = {
  approve: "approved",
  reject: "rejected",
  request_changes: "changes_requested",
};

function answerIn(lines: readonly BodyLine[]): string {
  const start = lines.findIndex((line) => line.fence === null && line.text === ANSWER_HEAD);
  if (start === -1) return "";
  const rest = lines.slice(start + 1);
  const end = rest.findIndex((line) => !line.text.startsWith(">"));
  return [ANSWER_HEAD, ...rest.slice(0, end === -1 ? undefined : end).map((line) => line.text)].join("\n");
}

function askedIn(lines: readonly BodyLine[]): number {
  const line = lines.findLast(({ text, fence }) => fence === null && askedInLine(text) !== null);
  return askedInLine(line?.text ?? "") ?? 1;
}
