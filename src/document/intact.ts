import { isScalar } from "yaml";
import { type Problem, problem } from "../core/codes.ts";
import type { JsonObject } from "../core/json.ts";
import type { Request } from "../core/request.ts";
import { type Body, type BodyLine, readBody, sectionBelow } from "./body.ts";
import { actionDigest } from "./digest.ts";
import type { Frontmatter, Property } from "./frontmatter.ts";
import { parseStrictJson } from "./json.ts";
import { HEADINGS, ownProperties, renderAction, renderNext } from "./note.ts";
import { visibleLine } from "./visible.ts";

/** The properties that only look like ours are a problem when they look like one of these. */
const WATCHED = ["status", "decision", "reviewer", "reason", "delegate_to", "id", "digest"];

/**
 * Whether the note still shows what was asked: the properties that identify the request, and the stored action. What
 * differs keeps an approval from counting, because the person may have been shown something else; a rejection counts.
 */
export function checkIntact(frontmatter: Frontmatter, body: Body, request: Request): Problem[] {
  return [
    ...checkSimilarKeys(frontmatter),
    ...checkProperties(frontmatter, request),
    ...checkAction(body, request),
  ];
}

function checkSimilarKeys({ properties }: Frontmatter): Problem[] {
  for (const { key, line } of properties.values()) {
    const like = WATCHED.find((known) => known !== key && skeleton(key) === known);
    if (like !== undefined) {
      return [problem("similar_key", line, `“${visibleLine(key, 40)}” looks like **${like}** but is not.`)];
    }
  }
  return [];
}

/** Letters of other scripts that look like the ones in our keys (Unicode TR39, the few that matter here). */
const LOOK_ALIKES: Readonly<Record<string, string>> = {
  а: "a",
  ɑ: "a",
  α: "a",
  с: "c",
  ϲ: "c",
  ԁ: "d",
  е: "e",
  ҽ: "e",
  ε: "e",
  ɡ: "g",
  һ: "h",
  і: "i",
  ı: "i",
  ι: "i",
  ӏ: "l",
  о: "o",
  ο: "o",
  օ: "o",
  р: "p",
  ρ: "p",
  ѕ: "s",
  т: "t",
  τ: "t",
  ս: "u",
  υ: "u",
  ѵ: "v",
  ν: "v",
  ԝ: "w",
  п: "n",
  ո: "n",
  г: "r",
};

/** What a text looks like: without invisible characters and marks, and with look-alike letters as the ones they imitate. */
export function skeleton(key: string): string {
  // Nearly all keys: nothing in them can be taken for something else.
  if (/^[a-z_]+$/.test(key)) return key;
  const plain = key
    .normalize("NFKD")
    .toLowerCase()
    .replaceAll(/[\p{M}\p{Cf}\s]/gu, "");
  return [...plain]
    .map((letter) => LOOK_ALIKES[letter] ?? letter)
    .join("")
    .replaceAll("-", "_");
}

function checkProperties({ properties }: Frontmatter, request: Request): Problem[] {
  if (!properties.has("status")) return [problem("missing_key", null, "The property **status** is missing.")];
  for (const [key, expected] of ownProperties(request.submission)) {
    const found = properties.get(key);
    if (found === undefined) return [problem("missing_key", null, `The property **${key}** is missing.`)];
    if (!sameValue(found, expected)) {
      return [problem("changed_key", found.line, `The property **${key}** was changed.`)];
    }
  }
  return [];
}

/**
 * Values are compared after parsing, since Obsidian rewrites quotes, or as they stand where it took them off a text
 * that YAML reads as a number; times as instants, since it rewrites those too and leaves out their zone.
 */
function sameValue({ node, key }: Property, expected: string): boolean {
  if (!isScalar(node)) return false;
  const found = String(node.value ?? "").trim();
  if (found === expected || (typeof node.value === "number" && node.source === expected)) return true;
  if (key !== "created" && key !== "expires") return false;
  return [found, `${found}Z`].some((time) => Date.parse(time) === Date.parse(expected));
}

/** Sections are named and not counted: the callout that tells of them would itself move their lines. */
function checkAction(body: Body, request: Request): Problem[] {
  const { fields, action_digest } = request.submission;
  for (const heading of [HEADINGS.next, HEADINGS.action]) {
    if (body.lines.filter(({ plain, text }) => plain && text.trimEnd() === heading).length > 1) {
      return [problem("action_changed", null, `The section **${heading.slice(3)}** is there twice.`)];
    }
  }
  if (shownLines(sectionBelow(body, HEADINGS.next)) !== shownLines(linesOf(renderNext(request.submission)))) {
    return [problem("action_changed", null, "The section **What happens if you approve** was changed.")];
  }
  const section = sectionBelow(body, HEADINGS.action);
  if (section === null) {
    return [problem("action_changed", null, "The section **Action** is not there any more.")];
  }
  const shown = section.map(({ text }) => text);
  const json = firstFence(shown);
  const wanted = linesOf(renderAction(request.submission)).map(({ text }) => text);
  const sameTexts = withoutFirstFence(shown) === withoutFirstFence(wanted);
  const same = json !== null && (json === firstFence(wanted) || sameAction(fields.kind, json, action_digest));
  if (!sameTexts || !same) {
    return [problem("action_changed", null, "The section **Action** was changed.")];
  }
  return [];
}

/** A rendered section without its heading. */
function linesOf(rendered: string): readonly BodyLine[] {
  return readBody(rendered).lines.slice(1);
}

/** The lines without what formatters move: blank ones and white space at line ends. */
function shownLines(lines: readonly { readonly text: string }[] | null): string | null {
  if (lines === null) return null;
  return lines
    .map(({ text }) => text.trimEnd())
    .filter((text) => text !== "")
    .join("\n");
}

function sameAction(kind: string, json: string, expected: string): boolean {
  try {
    const params = parseStrictJson(json);
    return actionDigest(kind, params as JsonObject) === expected;
  } catch {
    return false;
  }
}

function fenceRange(lines: readonly string[]): [number, number] | null {
  const open = lines.findIndex((text) => /^`{3,}json\s*$/.test(text));
  if (open === -1) return null;
  const mark = /^`+/.exec(lines[open] ?? "")?.[0] ?? "";
  const close = lines.findIndex((text, i) => i > open && text.trimEnd() === mark);
  return close === -1 ? null : [open, close];
}

function firstFence(lines: readonly string[]): string | null {
  const range = fenceRange(lines);
  return range === null ? null : lines.slice(range[0] + 1, range[1]).join("\n");
}

/** What stands in the section besides the JSON. */
function withoutFirstFence(lines: readonly string[]): string | null {
  const range = fenceRange(lines);
  if (range === null) return null;
  return shownLines([...lines.slice(0, range[0]), ...lines.slice(range[1] + 1)].map((text) => ({ text })));
}
