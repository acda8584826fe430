/** One line of a note's body, and whether it is plain text (not inside a fence, a comment or a quote). */
export interface BodyLine {
  /** Without its line end. */
  readonly text: string;
  /** Offset in the body, in UTF-16 units. */
  readonly offset: number;
  /** From 0. */
  readonly index: number;
  readonly plain: boolean;
  /** The index of the line that opened the fence around this one; null outside of fences. */
  readonly fence: number | null;
}

export interface Body {
  readonly lines: readonly BodyLine[];
  /** The index of the line that opens a fence which is never closed; null when all are closed. */
  readonly unclosedFence: number | null;
  /** The same for a comment. */
  readonly unclosedComment: number | null;
}

/** The lines of a Markdown body with what CommonMark, HTML and Obsidian would not show as plain text marked. */
export function readBody(body: string): Body {
  const lines: BodyLine[] = [];
  let fence: { mark: string; opened: number } | null = null;
  let comment: { end: "-->" | "%%"; opened: number } | null = null;
  let item: number | null = null;
  let offset = 0;
  for (const [index, raw] of body.split("\n").entries()) {
    const text = raw.replace(/\r$/, "");
    let plain = false;
    const inside: number | null = fence?.opened ?? null;
    if (fence !== null) {
      if (closes(text, fence.mark)) fence = null;
    } else if (comment !== null) {
      const end = text.indexOf(comment.end);
      if (end !== -1) comment = openComment(text.slice(end + comment.end.length), index);
    } else {
      const mark = /^ {0,3}(`{3,}(?=[^`]*$)|~{3,})/.exec(text)?.[1];
      if (mark !== undefined) fence = { mark, opened: index };
      else {
        comment = openComment(text, index);
        plain = comment === null && !/^\s*>/.test(text) && !isCode(text, item);
      }
    }
    item = listItem(text, plain, item);
    lines.push({ text, offset, index, plain, fence: inside });
    offset += raw.length + 1;
  }
  return { lines, unclosedFence: fence?.opened ?? null, unclosedComment: comment?.opened ?? null };
}

/** The part in which a person decides: everything before our first heading, or before any where that one is gone. */
export function decisionArea(body: Body, first: string): readonly BodyLine[] {
  const ours = body.lines.findIndex((line) => line.plain && line.text.trimEnd() === first);
  const end = ours === -1 ? body.lines.findIndex((line) => line.plain && /^## /.test(line.text)) : ours;
  return end === -1 ? body.lines : body.lines.slice(0, end);
}

/** The lines below a heading, up to the next heading of its level; null when the heading is not there. */
export function sectionBelow(body: Body, heading: string): readonly BodyLine[] | null {
  const start = body.lines.findIndex((line) => line.plain && line.text.trimEnd() === heading);
  if (start === -1) return null;
  const rest = body.lines.slice(start + 1);
  const end = rest.findIndex((line) => line.plain && /^## /.test(line.text));
  return end === -1 ? rest : rest.slice(0, end);
}

function closes(text: string, mark: string): boolean {
  const found = /^ {0,3}(`{3,}|~{3,})[ \t]*$/.exec(text)?.[1];
  return found !== undefined && found[0] === mark[0] && found.length >= mark.length;
}

/** The comment that begins in this line and does not end in it. */
function openComment(text: string, opened: number): { end: "-->" | "%%"; opened: number } | null {
  const html = [...text.matchAll(/(?<!\\)<!--/g)].at(-1)?.index ?? -1;
  if (html !== -1 && !text.slice(html).includes("-->")) return { end: "-->", opened };
  return (text.split("%%").length - 1) % 2 === 1 ? { end: "%%", opened } : null;
}

/** Code by its indentation; not what is moved in to belong to a list's `item`, by a tab for instance. */
function isCode(text: string, item: number | null): boolean {
  return /^(\t| {4})/.test(text) && (item === null || indentOf(text) >= item + CODE_IN_ITEM);
}

/** An item's text begins two columns behind its bullet, and code four behind that. */
const CODE_IN_ITEM = 6;

/** The indentation of the list's item that the next line may belong to; null outside of lists. */
function listItem(text: string, plain: boolean, item: number | null): number | null {
  if (plain && /^\s*(?:[-*+]|\d{1,9}[.)])\s/.test(text)) return indentOf(text);
  return text === "" || /^\s/.test(text) ? item : null;
}

function indentOf(text: string): number {
  return (/^\s*/.exec(text)?.[0] ?? "").replaceAll("\t", "    ").length;
}
