import matter from "gray-matter";
import { type Problem, problem } from "../core/codes.ts";

/** The largest note and the largest frontmatter that are read, in bytes, and what keeps YAML's own costs small. */
export const NOTE_LIMIT_BYTES = 256 * 1024;
export const NOTE_LIMIT_LINES = 20_000;
const FRONTMATTER_LIMIT_BYTES = 16 * 1024;
const FRONTMATTER_LIMIT_LINES = 400;
const BRACKET_LIMIT = 600;
/** Everything outside of double quotes that may mean something to YAML: each costs, most of all where it is wrong. */
const INDICATOR_LIMIT = 1_500;
/** In one line: each may open a list or a map within the one before, and a reader goes down into all of them. */
const NESTING_LIMIT = 100;

/** A note's text cut at its fences; offsets in UTF-16 units. */
interface Split {
  readonly yaml: string;
  readonly start: number;
  readonly close: number;
  readonly body: number;
  readonly eol: "\n" | "\r\n";
}

/** Cuts off the properties without reading them; refuses what would cost a YAML reader seconds. */
export function splitText(text: string): Split | { problems: Problem[] } {
  const no = (code: Parameters<typeof problem>[0], line: number | null = 1) => ({
    problems: [problem(code, line)],
  });
  if (text.replace(/^\uFEFF/, "").trim() === "") return no("empty_note", null);
  const open = /^\uFEFF?---[ \t]*(\r?\n)/.exec(text);
  if (/^\uFEFF?---[ \t]*$/.test(text)) return no("frontmatter_unclosed", null);
  if (open === null)
    return no(/^\uFEFF?---[ \t]*[^\s-]/.test(text) ? "frontmatter_language" : "no_frontmatter");
  const start = open[0].length;
  const closing = /(^|\n)---[ \t]*(\r?\n|$)/g;
  closing.lastIndex = start - 1;
  const found = closing.exec(text);
  if (found === null) return no("frontmatter_unclosed", null);
  const close = found.index + 1;
  const yaml = text.slice(start, close);
  // Before anything but a plain search has read it: a few KB can cost a YAML reader seconds.
  if (isTooLarge(yaml)) return no("frontmatter_too_large", null);
  // gray-matter takes any line that begins with --- for the end; where it would cut elsewhere, the note is unclear.
  if (!grayMatterAgrees(text.slice(0, found.index + found[0].length), yaml)) {
    return {
      problems: [problem("frontmatter_unclosed", null, "A line among the properties begins with ---.")],
    };
  }
  if (hasTooManyLines(text)) return no("note_too_large", null);
  return { yaml, start, close, body: found.index + found[0].length, eol: open[1] === "\r\n" ? "\r\n" : "\n" };
}

const REFUSING = {
  parse(): never {
    throw new Error("only YAML is read");
  },
};

/**
 * The only call of gray-matter, and only to split. Its `javascript` engine would run a note's frontmatter as code, so
 * every engine but `yaml` refuses, and `yaml` hands the text back unread; an options object also keeps its cache off.
 */
function grayMatterAgrees(text: string, yaml: string): boolean {
  const engines = {
    yaml: { parse: (raw: string) => ({ raw }) },
    javascript: REFUSING,
    json: REFUSING,
    coffee: REFUSING,
    toml: REFUSING,
  };
  try {
    const { data }: { data: { raw?: unknown } } = matter(text, { language: "yaml", engines });
    return unified(String(data.raw ?? "")) === unified(yaml);
  } catch {
    return false;
  }
}

function unified(yaml: string): string {
  return yaml
    .replaceAll("\r\n", "\n")
    .replace(/^(?:[ \t]*\n)+/, "")
    .trimEnd();
}

function isTooLarge(yaml: string): boolean {
  if (yaml.length > FRONTMATTER_LIMIT_BYTES) return true;
  const lines = yaml.split("\n");
  if (lines.length > FRONTMATTER_LIMIT_LINES) return true;
  if (lines.some((line) => count(line, /[-?:](?=\s)/g) > NESTING_LIMIT)) return true;
  const bare = yaml.replaceAll(/"(?:[^"\\\n]|\\.)*"/g, '""');
  return (
    count(yaml, /[[{]/g) > BRACKET_LIMIT || count(bare, /[[\]{},&*!|>'"?]|[-:](?=\s)/g) > INDICATOR_LIMIT
  );
}

function count(text: string, pattern: RegExp): number {
  return (text.match(pattern) ?? []).length;
}

function hasTooManyLines(text: string): boolean {
  let lines = 1;
  for (let at = text.indexOf("\n"); at !== -1 && lines <= NOTE_LIMIT_LINES; at = text.indexOf("\n", at + 1)) {
    lines += 1;
  }
  return lines > NOTE_LIMIT_LINES;
}
