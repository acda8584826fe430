import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Request } from "../../src/core/request.ts";
import { renderNote } from "../../src/document/note.ts";
import { sampleRequest, sampleSubmission } from "../sample.ts";
import { editing } from "../scenarios/person.ts";

/** A note of test/corpus: the file that a person, a program or a merge has left, and what it should be taken for. */
export interface MessyNote {
  readonly title: string;
  readonly request: Request;
  readonly bytes: Uint8Array;
  /** `approves: unclear_word@3`, as `outcomeOf` tells a reading. */
  readonly expected: string;
  readonly reviewer: string | null | undefined;
  readonly reason: string | null | undefined;
  /** What the problems' messages must contain. */
  readonly says: readonly string[];
}

const FOLDER = join(import.meta.dirname, "../corpus");

/**
 * The corpus, one theme a file. A block is one note: its title (the number is the row of the table of hostile and messy
 * inputs), what is expected, and the difference from the note that Countersign rendered, or the whole file with `| `
 * before each line. Between them may stand `asked` (other fields of the request, as JSON), `saved` (what the program
 * that saved it does to a file), `by` and `because` (the reviewer and the reason that are read) and `says` (words of
 * the messages). `\u{…}`, `\t` and `\n` in the difference are what they stand for.
 */
export const THEMES: readonly string[] = readdirSync(FOLDER)
  .filter((name) => name.endsWith(".txt"))
  .sort();

export function notesOf(theme: string): MessyNote[] {
  const blocks = readFileSync(join(FOLDER, theme), "utf8")
    .trim()
    .split(/\n{2,}/);
  return blocks.map(parseBlock);
}

const FIELD = /^(expect|asked|saved|by|because|says) (.*)$/;

function parseBlock(block: string): MessyNote {
  const lines = block.split("\n").filter((line) => !line.startsWith("// "));
  const [title = "", ...rest] = lines;
  const fields = rest.map((line) => FIELD.exec(line)).filter((found) => found !== null);
  const all = (name: string) =>
    fields.flatMap(([, field, value = ""]) =>
      field === name ? [field === "asked" ? value : unescaped(value)] : [],
    );
  const edit = rest.filter((line) => !FIELD.test(line)).map(unescaped);
  const odd = edit.find((line) => !/^[-+|]( |$)/.test(line));
  if (!title.startsWith("# ") || odd !== undefined) throw new Error(`not a block of the corpus: ${block}`);
  const request = requestOf(all("asked")[0]);
  const saved = all("saved").reduce(saving, textOf(edit, renderNote(request)));
  const said = (name: string) => (all(name)[0] === "nobody" ? null : all(name)[0]);
  return {
    title: title.slice(2),
    request,
    bytes: Buffer.from(saved),
    expected: all("expect")[0] ?? "",
    reviewer: said("by"),
    reason: said("because"),
    says: all("says"),
  };
}

function requestOf(asked: string | undefined): Request {
  const { title, next_effect, unknown, ...fields } = JSON.parse(asked ?? "{}");
  const rest = {
    ...(title === undefined ? {} : { title }),
    ...(next_effect === undefined ? {} : { next_effect }),
  };
  const history = ["submitted", "approved", "started", "outcome_lost"] as const;
  return sampleRequest(unknown ? history : ["submitted"], sampleSubmission(fields, rest));
}

function textOf(edit: readonly string[], rendered: string): string {
  if (edit[0]?.startsWith("|") !== true) return editing(edit)(rendered);
  return edit.map((line) => `${line.slice(2)}\n`).join("");
}

function unescaped(line: string): string {
  return line
    .replaceAll(/\\u\{([0-9a-f]+)\}/g, (_, hex: string) => String.fromCodePoint(Number.parseInt(hex, 16)))
    .replaceAll("\\t", "\t")
    .replaceAll("\\n", "\n");
}

/** What programs do to a whole file when they save it. */
function saving(file: string | Uint8Array, how: string): string | Uint8Array {
  const text = file.toString();
  const rest = /^cut off before “(.*)”$/s.exec(how)?.[1];
  if (rest !== undefined) {
    const at = text.indexOf(rest);
    if (at === -1) throw new Error(`the note does not have: ${rest}`);
    return text.slice(0, at);
  }
  switch (how) {
    case "with CRLF":
      return text.replaceAll("\n", "\r\n");
    case "with CRLF on every second line":
      return text.replaceAll(/(.*)\n(.*\n)/g, "$1\r\n$2");
    case "with lone CR":
      return text.replaceAll("\n", "\r");
    case "with a byte order mark":
      return `\ufeff${text}`;
    case "without its last newline":
      return text.replace(/\n+$/, "");
    case "with two spaces behind every line":
      return text.replaceAll("\n", "  \n");
    case "in UTF-16":
      return Buffer.from(`\ufeff${text}`, "utf16le");
    case "in Latin-1":
      return Buffer.from(text, "latin1");
    default:
      throw new Error(`nothing saves a file ${how}`);
  }
}
