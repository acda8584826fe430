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

/**
 * The lines of a Markdown body with what CommonMark, HTML and Obsidian would not show as plain text marked. Notes can
 * have thousands of lines, so what a line cannot be is told from its first characters.
 */
export function readBody(body: string): Body {
  const lines: BodyLine[] = [];
  let fence: { mark: string; opened: number } | null = null;
  let comment: { end: "-->" | "%%"; opened: number } | null = null;
  let item: number | null = null;
  for (let offset = 0, index = 0; offset <= body.length; index += 1) {
    const newline = body.indexOf("\n", offset);
    const next = newline === -1 ? body.length : newline;
    const text = body.slice(offset, next > offset && body[next - 1] === "\r" ? next - 1 : next);
    let plain = false;
    const inside: number | null = fence?.opened ?? null;
    if (fence !== null) {
      if (closes(text, fence.mark)) fence = null;
    } else if (comment !== null) {
      const end = text.indexOf(comment.end);
      if (end !== -1) comment = openComment(text.slice(end + comment.end.length), index);
    } else {
      const mark = fenceMark(text);
      if (mark !== undefined) fence = { mark, opened: index };
      else {
        comment = openComment(text, index);
        plain = comment === null && !isQuoted(text) && !isCode(text, item);
      }
    }
    item = listItem(text, plain, item);
    lines.push({ text, offset, index, plain, fence: inside });
    offset = next + 1;
  }
  return { lines, unclosedFence: fence?.opened ?? null, unclosedComment: comment?.opened ?? null };
}

/** The part in which a person decides: everything before our first heading, or before any where that one is gone. */
export function decisionArea(body: Body, first: string): readonly BodyLine[] {
  const ours = body.lines.findIndex((line) => line.plain && isHeading(line, first));
  const end = ours === -1 ? body.lines.findIndex(isSection) : ours;
  return end === -1 ? body.lines : body.lines.slice(0, end);
}

/** The lines below a heading, up to the next heading of its level; null when the heading is not there. */
export function sectionBelow(body: Body, heading: string): readonly BodyLine[] | null {
  const start = body.lines.findIndex((line) => line.plain && isHeading(line, heading));
  if (start === -1) return null;
  const rest = body.lines.slice(start + 1);
  const end = rest.findIndex(isSection);
  return end === -1 ? rest : rest.slice(0, end);
}

/** Whether a line is this heading, wherever it stands. */
export function isHeading({ text }: BodyLine, heading: string): boolean {
  return text.startsWith(heading) && text.trimEnd() === heading;
}

function isSection({ plain, text }: BodyLine): boolean {
  return plain && text.startsWith("## ");
}

function fenceMark(text: string): string | undefined {
  const first = text[indent(text)];
  if (first !== "`" && first !== "~") return undefined;
  return /^ {0,3}(`{3,}(?=[^`]*$)|~{3,})/.exec(text)?.[1];
}

function closes(text: string, mark: string): boolean {
  if (text[indent(text)] !== mark[0]) return false;
  const found = /^ {0,3}(`{3,}|~{3,})[ \t]*$/.exec(text)?.[1];
  return found !== undefined && found[0] === mark[0] && found.length >= mark.length;
}

/** The spaces at the beginning, as many as a fence may have before it. */
function indent(text: string): number {
  let spaces = 0;
  while (spaces < 3 && text[spaces] === " ") spaces += 1;
  return spaces;
}

function isQuoted(text: string): boolean {
  return text.includes(">") && /^\s*>/.test(text);
}

/** The comment that begins in this line and does not end in it. */
function openComment(text: string, opened: number): { end: "-->" | "%%"; opened: number } | null {
  let html = text.lastIndexOf("<!--");
  while (html > 0 && text[html - 1] === "\\") html = text.lastIndexOf("<!--", html - 1);
  if (html !== -1 && !text.includes("-->", html)) return { end: "-->", opened };
  let odd = false;
  for (let at = text.indexOf("%%"); at !== -1; at = text.indexOf("%%", at + 2)) odd = !odd;
  return odd ? { end: "%%", opened } : null;
}

/** Code by its indentation; not what is moved in to belong to a list's `item`, by a tab for instance. */
function isCode(text: string, item: number | null): boolean {
  if (!text.startsWith("\t") && !text.startsWith("    ")) return false;
  return item === null || indentOf(text) >= item + CODE_IN_ITEM;
}

/** An item's text begins two columns behind its bullet, and code four behind that. */
const CODE_IN_ITEM = 6;

/** The indentation of the list's item that the next line may belong to; null outside of lists. */
function listItem(text: string, plain: boolean, item: number | null): number | null {
  if (plain && /^\s*(?:[-*+]|\d{1,9}[.)])\s/.test(text)) return indentOf(text);
  return text === "" || (item !== null && /^\s/.test(text)) ? item : null;
}

function indentOf(text: string): number {
  const spaces = /^\s*/.exec(text)?.[0] ?? "";
  return spaces.includes("\t") ? spaces.replaceAll("\t", "    ").length : spaces.length;
}
