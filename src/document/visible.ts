/**
 * Untrusted text, made harmless for whoever reads it. A person must see what is there: nothing hidden, nothing that
 * reorders or overwrites, nothing that Obsidian or a plug-in would run, load or link.
 */

/**
 * What is shown by its code point: controls other than tab and newline, formats (zero width, bidirectional, tags),
 * unassigned, private and surrogate code points, spaces other than U+0020, line separators, enclosing and overlaying
 * marks, variation selectors, and letters that look like nothing.
 */
const HIDDEN =
  /[\p{Cc}\p{Cf}\p{Cn}\p{Co}\p{Cs}\p{Zl}\p{Zp}\p{Me}]|(?! )\p{Zs}|[\u0334-\u0338]|\u034f|\u115f|\u1160|\u17b4|\u17b5|[\u180b-\u180f]|[\u20d0-\u20f0]|\u2800|\u3164|[\ufe00-\ufe0f]|\uffa0|[\u{e0100}-\u{e01ef}]/gu;

/** Nearly all texts: nothing in them can be taken for something else. */
const PLAIN = /^[ -~\t\n]*$/;

const WORD = /[\p{L}\p{M}\p{N}]+/gu;
/** The same in JSON text, where the letter of an escape such as `\n` belongs to no word. */
const JSON_WORD = /\\(?:u[\da-f]{4}|.)|[\p{L}\p{M}\p{N}]+/giu;
const LATIN = /\p{Script=Latin}/u;
/** Letters of the alphabets that have twins of Latin ones. */
const TWINS = /[\p{Script=Cyrillic}\p{Script=Greek}\p{Script=Armenian}\p{Script=Cherokee}]/gu;
/** A whole word of letters that all have a Latin twin; short ones are mostly just words. */
const DISGUISED = /^[аеорсухѕіјԁһԛԝАВЕКМНОРСТУХЅІЈοναρυικΑΒΕΖΗΙΚΜΝΟΡΤΥΧ\d]{3,}$/u;
/** Full-width and mathematical letters and digits: another character that looks like the plain one. */
const COSTUMES = /[\uff10-\uff19\uff21-\uff3a\uff41-\uff5a\u{1d400}-\u{1d7ff}]/gu;

/**
 * The text with everything invisible written as `\u{…}`, and with it what passes for another letter: a Cyrillic or
 * Greek one in a Latin word, or in a word beside Latin ones that could as well be Latin. Tabs and newlines are kept,
 * CRLF becomes LF.
 */
export function visible(text: string): string {
  if (PLAIN.test(text)) return text;
  return text.replaceAll("\r\n", "\n").replace(/[^\n]+/g, (line) => unmasked(line, WORD, codePoint));
}

function unmasked(text: string, words: RegExp, show: (character: string) => string): string {
  if (PLAIN.test(text)) return text;
  const besideLatin = LATIN.test(text.replaceAll(/\\./g, ""));
  const isMasked = (word: string) => LATIN.test(word) || (besideLatin && DISGUISED.test(word));
  return text
    .replace(words, (word) => (isMasked(word) ? word.replace(TWINS, show) : word))
    .replace(COSTUMES, show)
    .replace(HIDDEN, (c) => (c === "\n" || c === "\t" ? c : show(c)));
}

function codePoint(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16).toUpperCase()}}`;
}

/** One visible line of at most `limit` characters. */
export function visibleLine(text: string, limit: number): string {
  const line = visible(text).replaceAll(/\s+/g, " ").trim();
  if (line.length <= limit) return line;
  const characters = [...line];
  return characters.length <= limit ? line : `${characters.slice(0, limit - 1).join("")}…`;
}

/**
 * One line fit for a property's value: what a vault's plug-ins would run, embed or link is broken up by a space, so
 * that it stays readable and does nothing.
 */
export function title(text: string, limit = 120): string {
  const broken = visibleLine(text, limit)
    .replaceAll("`", "'")
    .replaceAll(/<(?=[%/!?a-z])/gi, "< ")
    .replaceAll(/\[(?=\[)/g, "[ ")
    .replaceAll("](", "] (")
    .replaceAll(/\{(?=\{)/g, "{ ")
    .replaceAll(/%(?=%)/g, "% ")
    .replaceAll("$=", "$ =");
  return visibleLine(broken, limit);
}

/** Also `::`, which Dataview reads as a field, and `://`, which becomes a link; a lone colon is just a colon. */
const MARKDOWN = /[\\`*[\]#|<>~=$%^&]|:(?=:|\/\/)|(?<=:):|(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu;

/** One visible line in which nothing means anything to Markdown: for tables, lists and callouts. */
export function inline(text: string, limit = 200): string {
  return visibleLine(text, limit).replace(MARKDOWN, "\\$&");
}

/** A sentence of our own that may quote foreign text: the only thing in it that means anything is **emphasis** of words. */
export function sentence(text: string): string {
  return inline(text, 1_200).replaceAll(/\\\*\\\*([\w .-]+)\\\*\\\*/g, "**$1**");
}

/**
 * A fenced block around untrusted text. The fence is longer than any run of backticks inside; `<%` is broken because
 * Templater runs it inside fences too, and a leading `=` or `$=` because Dataview evaluates it there.
 */
export function fenced(text: string, language: "text" | "json"): string {
  const shown = visible(text)
    .replaceAll("<%", "<\\u{25}")
    .replace(/^(\s*\$?)=/, "$1\\u{3D}");
  return fence(shown, language);
}

/** The same for JSON, with everything invisible or executable as a JSON escape, so that it parses to the same value. */
export function fencedJson(value: unknown): string {
  const text = JSON.stringify(value, null, 2);
  const shown = PLAIN.test(text)
    ? text
    : text.replace(/"[^"\\]*(?:\\.[^"\\]*)*"/g, (string) => unmasked(string, JSON_WORD, jsonEscape));
  return fence(shown.replaceAll("<%", "\\u003c%"), "json");
}

function fence(text: string, language: string): string {
  const runs = text.match(/`+/g) ?? [];
  const marks = "`".repeat(Math.max(3, ...runs.map((run) => run.length + 1)));
  return `${marks}${language}\n${text}\n${marks}`;
}

function jsonEscape(character: string): string {
  return Array.from(
    { length: character.length },
    (_, i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, "0")}`,
  ).join("");
}
