import type { Version } from "../core/amendment.ts";
import type { Json } from "../core/json.ts";
import { type Body, type BodyLine, readBody, sectionBelow } from "./body.ts";
import { parseStrictJson } from "./json.ts";
import { HEADINGS } from "./labels.ts";
import { renderAction, renderNext } from "./note.ts";

/** The section of a note that shows the action, taken apart. */
export interface ActionBlock {
  readonly lines: readonly BodyLine[];
  /** Which of the lines are the first block of JSON, fences included, from and to; null when there is none. */
  readonly fence: readonly [number, number] | null;
  /** What stands besides that block, as `shownLines` has it. */
  readonly rest: string;
}

/** Null when the section is not there. */
export function readActionBlock(body: Body): ActionBlock | null {
  const lines = sectionBelow(body, HEADINGS.action);
  return lines === null ? null : takenApart(lines);
}

/** The section as the daemon writes it. */
export function writtenBlock(version: Version): ActionBlock {
  return takenApart(linesOf(renderAction(version)));
}

/** The lines below What happens if you approve, as the daemon writes them. */
export function writtenNext(version: Version, kind: string): string {
  return shownLines(linesOf(renderNext(version, kind)));
}

/** What the block of JSON holds. Throws `invalid_json`, counting lines from the block's own beginning. */
export function jsonOf({ lines, fence }: ActionBlock): Json | undefined {
  if (fence === null) return undefined;
  const inside = lines.slice(fence[0] + 1, fence[1]).map(({ text }) => text);
  return parseStrictJson(inside.join("\n"));
}

/** The lines without what formatters move: blank ones and white space at line ends. */
export function shownLines(lines: readonly { readonly text: string }[]): string {
  return lines
    .map(({ text }) => text.trimEnd())
    .filter((text) => text !== "")
    .join("\n");
}

/** A rendered section without its heading. */
export function linesOf(rendered: string): readonly BodyLine[] {
  return readBody(rendered).lines.slice(1);
}

function takenApart(lines: readonly BodyLine[]): ActionBlock {
  const fence = fenceRange(lines);
  const besides = fence === null ? lines : [...lines.slice(0, fence[0]), ...lines.slice(fence[1] + 1)];
  return { lines, fence, rest: shownLines(besides) };
}

function fenceRange(lines: readonly BodyLine[]): readonly [number, number] | null {
  const open = lines.findIndex(({ text }) => /^`{3,}json\s*$/.test(text));
  if (open === -1) return null;
  const mark = /^`+/.exec(lines[open]?.text ?? "")?.[0] ?? "";
  const close = lines.findIndex(({ text }, i) => i > open && text.trimEnd() === mark);
  return close === -1 ? null : [open, close];
}
