import { problem } from "../src/core/codes.ts";

/** Just below what is read of a note at all. */
const BYTES = 250_000;
const LINES = 19_000;
const FRONTMATTER_BYTES = 15_000;
const FRONTMATTER_LINES = 370;

const filled = (unit: string, lines = LINES) => {
  const most = Math.floor(BYTES / Buffer.byteLength(unit));
  return unit.repeat(unit.includes("\n") ? Math.min(most, lines) : most);
};
const properties = (unit: (i: number) => string) => {
  let text = "";
  for (let i = 0; i < FRONTMATTER_LINES && text.length < FRONTMATTER_BYTES; i += 1) text += `${unit(i)}\n`;
  return text;
};
const wide = (unit: string) => unit.repeat(Math.floor(FRONTMATTER_BYTES / unit.length));

/** What a note has between its boxes and its first heading, at its end, among its properties, or as its action. */
const BEFORE_SECTIONS: Readonly<Record<string, string>> = {
  "blank lines": filled("\n"),
  "white lines": filled(" \n"),
  "CRLF lines": filled("\r\n"),
  "one line of spaces": filled(" "),
  "no-break spaces": filled("\u00a0"),
  fences: `${filled("```a\n```\n", LINES / 2)}`,
  "fences of two kinds": filled("````\n~~~\n", LINES / 2),
  "a fence of one line": filled("`"),
  "a fence that is none": `\`\`\`${filled("a")}\``,
  "comments never closed": filled("<!--"),
  "comments closed": filled("<!-- -->\n"),
  "comments escaped": filled("\\<!--"),
  "percent signs": filled("%%"),
  "percent signs in lines": filled("%% a %%\n"),
  brackets: filled("["),
  "lines like boxes": filled("- [\n"),
  boxes: filled("- [x] Approve\n"),
  "boxes of another mark": filled("- [-] Approve\n"),
  "a box with a long tail": `- [x] Approve${filled(" ^a")}`,
  "a box far to the right": `${filled(" ")}- [x] Approve`,
  "dashed lines": filled("---\n"),
  headings: filled("## a\n"),
  quotes: filled("> a\n"),
  "the daemon's callout": filled("> [!warning] Not decided yet\n"),
  "a callout without end": `> [!warning] Not decided yet\n${filled(`> - x ${problem("unclear_word").hint}\n`)}`,
  "merge marks": filled("<<<<<<< a\n"),
};

const AMONG_PROPERTIES: Readonly<Record<string, string>> = {
  "hundreds of keys": properties((i) => `k${i}: v`),
  "the same key": properties(() => "k: v"),
  "keys that look alike": properties((i) => `\u0455tatus${i}: v`),
  "errors in every line": properties((i) => `k${i}: a: b`),
  "a list of flow": `x: [${wide("a,")}a]`,
  "a map of flow": `x: {${Array.from({ length: 2_000 }, (_, i) => `${i.toString(36)}:`).join(",")}}`,
  "maps in every line": `x: {${properties((i) => `k${i}: {a: 1}, b, b, b,`)}}`,
  "a deep list": `x: ${"[".repeat(590)}${"]".repeat(590)}`,
  "a deep map": `x: ${"{a: ".repeat(590)}${"}".repeat(590)}`,
  "a list never closed": `x: ${"[".repeat(590)}`,
  "a list of lists in a line": `x:\n  ${wide("- ")}a`,
  "a map of maps in a line": wide("a: "),
  "questions in a line": wide("? "),
  "closing brackets": wide("]"),
  commas: `x: [${wide(",")}]`,
  anchors: `x: ${wide("&a ")}`,
  tags: `x: ${wide("!a ")}`,
  aliases: `x: [${wide("*a,")}]`,
  "empty keys": `x: {${wide('"":,')}}`,
  escapes: `x: "${wide("\\x41")}"`,
  "a quote never closed": `x: "${wide("a")}`,
  comments: properties(() => "# c"),
  "spaces behind a colon": `x:${wide(" ")}a`,
  "steps to the right": Array.from({ length: 165 }, (_, i) => `${" ".repeat(i)}k:`).join("\n"),
};

const AS_ACTION: Readonly<Record<string, string>> = {
  "a long list": `[${filled("1,")}1]`,
  "brackets only": filled("["),
  "many keys": `{${Array.from({ length: 15_000 }, (_, i) => `"k${i}":${i}`).join(",")}}`,
  "the same key again": `{${filled('"a":1,')}"a":1}`,
};

/** Notes made of a good one by a person, a program or an accident, that cost the most to read; by what they are full of. */
export function worstNotes(note: string): ReadonlyMap<string, string> {
  const named = (place: string, parts: Readonly<Record<string, string>>, put: (part: string) => string) =>
    Object.entries(parts).map(([name, part]) => [`${name} ${place}`, put(part)] as const);
  return new Map([
    ...named("before the sections", BEFORE_SECTIONS, (part) => note.replace(/^## /m, () => `${part}\n## `)),
    ...named("at the end", BEFORE_SECTIONS, (part) => `${note}\n${part}\n`),
    ...named("among the properties", AMONG_PROPERTIES, (part) =>
      note.replace(/^reason:.*\n/m, (line) => `${line}${part}\n`),
    ),
    ...named("as the action", AS_ACTION, (part) =>
      note.replace(/```json[\s\S]*?```/, () => `\`\`\`json\n${part}\n\`\`\``),
    ),
    ["nothing but lines", filled("x\n")],
    ["properties without end", note.replace("\n---\n", () => `\n${filled("a: b\n")}`)],
    ["properties to the end", `---\n${filled("a: b\n")}---\n`],
  ]);
}

/** A note as large as these of which nothing is bad: a person's long text. */
export const longNote = (note: string) =>
  `${note}\n${filled("some words of a person, and then some more of them\n")}`;
