import { type Problem, problem } from "../core/codes.ts";
import { skeleton } from "../core/look-alikes.ts";
import type { Verb } from "../core/request.ts";
import { type Body, type BodyLine, decisionArea, isHeading } from "./body.ts";
import { BOXES, DOUBT_HEAD, HEADINGS, NAMED_BOX } from "./labels.ts";
import { inline, visibleLine } from "./visible.ts";

export interface Boxes {
  readonly ticked: readonly { readonly verb: Verb; readonly line: number }[];
  readonly problems: readonly Problem[];
  /** The boxes with an approver's name: whose, and whether it is ticked. */
  readonly named: readonly { readonly name: string; readonly ticked: boolean; readonly line: number }[];
  /** The points of the checklist that are ticked, as they stand in the note. */
  readonly checked: ReadonlySet<string>;
  readonly resolution: "happened" | "did_not" | null;
  readonly marks: string;
  readonly asks_outcome: boolean;
}

/** A task as Obsidian and forges show one: a bullet or a number, and one character in brackets. */
const BOX = /^\s*(?:[-*+]|\d{1,9}[.)])[ \t]{1,4}\[(.)\][ \t]+(.*)$/u;
/** What a formatter, a phone or a merge may have made of one: other bullets, brackets and numbers of characters. */
const NEARLY = /^\s*(?:(?:[-*+•‣◦–—]|\d{1,9}[.)])[ \t]*)*\\?[[(](.{0,3}?)\\?[\])][ \t]*(.*)$/u;
/** More lines of the same kind help nobody to find what to change. */
const TOLD = 3;
/** Far longer than any label with its trailers. */
const LABEL_CHARACTERS = 200;
/** What Obsidian and its Tasks plug-in hang behind a task: a block id, a done date in either of its formats. */
const TRAILER = /(\s+\^[\w-]+|\s+✅\s*\d{4}-\d{2}-\d{2}|\s+\[completion:: \d{4}-\d{2}-\d{2}\])+\s*$/u;

/** The boxes where a person decides; `firstLine` is the number of the body's first line. */
export function readBoxes(body: Body, firstLine: number, checklist: readonly string[] = []): Boxes {
  const problems: Problem[] = [];
  const ticked = new Map<string, number>();
  const named = new Map<string, Boxes["named"][number]>();
  const contrary = new Set<string>();
  const points = new Map<string, boolean>();
  const found: string[] = [];
  let asked = false;
  for (const { text, plain, index, fence } of decisionArea(body, HEADINGS.next)) {
    if (fence === null && text.trimEnd() === DOUBT_HEAD) asked = true;
    const point = plain ? pointIn(text, checklist) : null;
    if (point !== null) {
      // Somebody's unticked copy of a line is as good as none.
      points.set(point.label, isTick(point.mark) && points.get(point.label) !== false);
      found.push(`${point.label}=${point.mark}`);
      continue;
    }
    const box = plain ? boxIn(text) : null;
    if (box === null) continue;
    const { label, mark, exact, name } = box;
    // An answer that stands there before the question was put is nobody's answer.
    if (!asked && (label === BOXES.happened || label === BOXES.did_not)) continue;
    found.push(`${label}${name === null ? "" : ` ${name}`}=${mark}`);
    const line = firstLine + index;
    if (exact && name !== null) {
      const before = named.get(name) ?? { name, ticked: isTick(mark), line };
      if (before.ticked !== isTick(mark)) contrary.add(name);
      named.set(name, before.ticked ? before : { name, ticked: isTick(mark), line });
    }
    if (/^[ \t]*$/.test(mark)) continue;
    if (exact && isTick(mark) && name !== null) continue;
    if (exact && isTick(mark)) ticked.set(label, line);
    else if (problems.length < TOLD)
      problems.push(problem("unclear_box", firstLine + index, boxMessage(box)));
  }
  for (const name of [...contrary].slice(0, TOLD)) {
    const message = `The box of ${visibleLine(name, 40)} is there twice, with a tick and without one.`;
    problems.push(problem("conflict", named.get(name)?.line, message));
  }
  problems.push(...swallowing(body, firstLine));
  const happened = ticked.has(BOXES.happened);
  const didNot = ticked.has(BOXES.did_not);
  if (happened && didNot)
    problems.push(problem("conflict", null, "Both boxes are ticked: it happened, and it did not."));
  return {
    ticked: (["approve", "reject"] as const).flatMap((verb) => {
      const line = ticked.get(BOXES[verb]);
      return line === undefined ? [] : [{ verb, line }];
    }),
    problems,
    named: [...named.values()],
    checked: new Set([...points].filter(([, isTicked]) => isTicked).map(([label]) => label)),
    resolution: happened === didNot ? null : happened ? "happened" : "did_not",
    marks: found.join(" "),
    asks_outcome: found.some((mark) => mark.startsWith(`${BOXES.happened}=`)),
  };
}

/** The line of a box about the decision, or of the checklist, without its tick; null for any other line. */
export function unticked(line: string, checklist: readonly string[]): string | null {
  const label = boxIn(line)?.label;
  const isOurs = label === BOXES.approve || label === BOXES.reject || pointIn(line, checklist) !== null;
  if (!isOurs) return null;
  const clear = line.replace(/^([^[]*\[).(\])/u, "$1 $2");
  return clear === line ? null : clear;
}

interface Box {
  /** Ours, which the line's text is or begins with. */
  readonly label: string;
  /** The approver whose box it is; null where it is everybody's. */
  readonly name: string | null;
  readonly mark: string;
  /** Whether it is a box with nothing but its label. */
  readonly exact: boolean;
}

export function boxIn(text: string): Box | null {
  // Nearly all lines: no bracket, no box.
  if (!/[[(]/.test(text)) return null;
  const [, mark, rest] = BOX.exec(text) ?? [];
  if (mark !== undefined && rest !== undefined) {
    const name = nameIn(rest);
    if (name !== null) return { label: BOXES.approve, name, mark, exact: true };
    const exact = exactLabel(rest);
    const label = exact ?? labelLike(rest);
    return label === null ? null : { label, name, mark, exact: exact !== null };
  }
  const [, inside, behind] = NEARLY.exec(text) ?? [];
  if (inside === undefined || behind === undefined) return null;
  const label = labelLike(behind);
  return label === null ? null : { label, name: null, mark: inside, exact: false };
}

/** Whose box it is; null where no name stands behind the label. */
function nameIn(rest: string): string | null {
  if (rest.length > LABEL_CHARACTERS || !rest.toLowerCase().startsWith(NAMED_BOX.toLowerCase())) return null;
  const name = rest.slice(NAMED_BOX.length).replace(TRAILER, "").trim();
  return name === "" ? null : name;
}

/** A point of the checklist and its mark; null for any other line. */
export function pointIn(text: string, checklist: readonly string[]): { label: string; mark: string } | null {
  if (checklist.length === 0) return null;
  const [, mark, rest] = BOX.exec(text) ?? [];
  if (mark === undefined || rest === undefined || rest.length > POINT_CHARACTERS) return null;
  const label = checklist.find((point) => inline(point) === rest.replace(TRAILER, "").trimEnd());
  return label === undefined ? null : { label, mark };
}

const POINT_CHARACTERS = 2_000;

function isTick(mark: string): boolean {
  return mark === "x" || mark === "X";
}

function exactLabel(rest: string): string | null {
  // Looking for trailers in a line of 200 KB would take minutes.
  if (rest.length > LABEL_CHARACTERS) return null;
  const label = rest.replace(TRAILER, "").trimEnd().toLowerCase();
  return Object.values(BOXES).find((name) => name.toLowerCase() === label) ?? null;
}

/** Our label that a text begins with, emphasis, invisible characters and look-alike letters aside. */
function labelLike(rest: string): string | null {
  const letters = lettersOf(rest.slice(0, LABEL_CHARACTERS));
  return LETTERS.find(([, known]) => letters.startsWith(known))?.[0] ?? null;
}

const LETTERS = Object.values(BOXES).map((name) => [name, name.toLowerCase().replaceAll(" ", "")] as const);

function lettersOf(text: string): string {
  return skeleton(text).replaceAll(/[^\p{L}\p{N}]/gu, "");
}

function boxMessage({ label, mark, exact }: Box): string {
  return exact
    ? `The box **${label}** holds “${visibleLine(mark, 8)}”.`
    : `The line of the box **${label}** says more than its name, or is no box.`;
}

/** What runs on over our first heading, and so over the boxes or what they are about. */
function swallowing({ lines, unclosedFence, unclosedComment }: Body, firstLine: number): Problem[] {
  const isFirst = (line: BodyLine) => isHeading(line, HEADINGS.next);
  if (lines.some((line) => line.plain && isFirst(line))) return [];
  const fence = lines.find((line) => line.fence !== null && isFirst(line))?.fence ?? unclosedFence;
  if (fence !== null && fence !== unclosedFence) return [problem("unclosed_fence", firstLine + fence)];
  const open = fence ?? unclosedComment;
  if (open === null) return [];
  // The callout that tells of it comes before it and would move its line, so it is named by its text.
  const text = visibleLine(lines[open]?.text ?? "", 40);
  const what = fence === null ? "comment" : "code block";
  const message = `The ${what} that begins at “${text}” is not closed, so what stands below is part of it.`;
  return [problem("unclosed_fence", null, message)];
}
