import { type Version, versionOf } from "../core/amendment.ts";
import { isJsonObject, type Json } from "../core/json.ts";
import type { Request } from "../core/request.ts";
import {
  type ActionBlock,
  jsonOf,
  linesOf,
  readActionBlock,
  shownLines,
  writtenBlock,
  writtenNext,
} from "./action-block.ts";
import { type Body, type BodyLine, decisionArea, readBody, sectionBelow } from "./body.ts";
import { unticked } from "./boxes.ts";
import { actionDigest } from "./digest.ts";
import { plainText, readFrontmatter } from "./frontmatter.ts";
import { HEADINGS } from "./labels.ts";
import { renderAction, renderAmendment, renderNext, renderParams, renderWhy } from "./note.ts";
import { openPatch } from "./patch.ts";
import { approverProperties, quoted, renderValue } from "./properties.ts";
import { title } from "./visible.ts";

/**
 * A note that shows the action as it was, brought up to date with what a person made of it; null where there is nothing
 * to bring up to date, or where it cannot be placed safely. `voids` takes the statements out that were about the action
 * as it was; every other text of the person's stays, their own change of the action included.
 */
export function amendNote(text: string, request: Request, { voids }: { voids: boolean }): string | null {
  const { amendment, submission } = request;
  if (amendment === undefined) return null;
  const patch = openPatch(text);
  const read = readFrontmatter(text);
  if (patch === null || !read.ok) return null;
  const propertyOf = (key: string) => {
    const property = read.frontmatter.properties.get(key);
    return property === undefined ? "" : (plainText(property) ?? "");
  };
  const former = [amendment.before, amendment.asked];
  const shown = former.find(({ digest }) => digest === propertyOf("digest"));
  if (shown === undefined || shown.digest === submission.digest) return null;
  patch.set("digest", submission.digest);
  if (propertyOf("title") === title(shown.title)) patch.set("title", quoted(title(submission.title)));
  if (amendment.sent_back !== undefined) {
    const { verdict, fields } = submission;
    if (verdict !== undefined && propertyOf("risk") !== verdict.risk) patch.set("risk", verdict.risk);
    if (Date.parse(propertyOf("expires")) !== Date.parse(fields.expires))
      patch.set("expires", fields.expires);
    const [before, now] = [approverProperties(shown.verdict), approverProperties(verdict)];
    for (const key of new Set([...before.keys(), ...now.keys()])) {
      const value = now.get(key) ?? (key === "quorum" ? "1" : "");
      if (propertyOf(key) !== value) patch.set(key, renderValue(key, value));
    }
  }
  if (voids && propertyOf("decision") !== "") patch.set("decision", "");
  const hasStatus = read.frontmatter.properties.has("status");
  if (voids && hasStatus && propertyOf("status") !== "pending") patch.set("status", "pending");
  patch.insertBeforeSections(renderAmendment(request));
  return showVersion(patch.text(), request, shown, voids);
}

/** One stretch of the body's lines, by index, and what comes in its place. */
interface Replacement {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

function showVersion(text: string, request: Request, shown: Version, voids: boolean): string | null {
  const read = readFrontmatter(text);
  if (!read.ok) return null;
  const { body: start, eol } = read.frontmatter;
  const body = readBody(text.slice(start));
  const replacements = [
    ...(voids ? untick(body, [...checklistOf(shown), ...checklistOf(versionOf(request))]) : []),
    ...replaceNext(body, request, shown),
    ...replaceAction(body, request, shown),
    ...replaceWhy(body, request, shown),
  ];
  let result = text;
  // From the end, so that the offsets before stay right.
  for (const { from, to, text: own } of replacements.sort((a, b) => b.from - a.from)) {
    const [first, last] = [body.lines[from], body.lines[to]];
    if (first === undefined || last === undefined) continue;
    const end = start + last.offset + last.text.length;
    result = result.slice(0, start + first.offset) + own.replaceAll("\n", eol) + result.slice(end);
  }
  return result;
}

function checklistOf({ verdict }: Version): readonly string[] {
  return verdict?.checklist ?? [];
}

function untick(body: Body, checklist: readonly string[]): Replacement[] {
  return decisionArea(body, HEADINGS.next).flatMap(({ text, plain, index }) => {
    const clear = plain ? unticked(text, checklist) : null;
    return clear === null ? [] : [{ from: index, to: index, text: clear }];
  });
}

/** Only where it is still what the daemon wrote: a person's words there are theirs. */
function replaceNext(body: Body, request: Request, shown: Version): Replacement[] {
  const { kind } = request.submission.fields;
  const lines = sectionBelow(body, HEADINGS.next) ?? [];
  if (shownLines(lines) !== writtenNext(shown, kind)) return [];
  return replaceFilled(lines, withoutHeading(renderNext(versionOf(request), kind)));
}

function replaceWhy(body: Body, { submission }: Request, shown: Version): Replacement[] {
  const [former, present] = [renderWhy(shown.verdict), renderWhy(submission.verdict)];
  const lines = sectionBelow(body, HEADINGS.why) ?? [];
  if (former === present || shownLines(lines) !== shownLines(linesOf(former))) return [];
  return replaceFilled(lines, withoutHeading(present));
}

/** What the block shows may be the former action or already the present one; anything else is a newer change. */
function replaceAction(body: Body, request: Request, shown: Version): Replacement[] {
  const block = readActionBlock(body);
  if (block === null || block.fence === null) return [];
  const { kind } = request.submission.fields;
  const present = versionOf(request);
  const digest = digestOf(block, kind);
  if (digest !== shown.action_digest && digest !== present.action_digest) return [];
  const [own, now] = [writtenBlock(shown).rest, writtenBlock(present).rest];
  if (block.rest === own && own !== now) {
    return replaceFilled(block.lines, withoutHeading(renderAction(present)));
  }
  // Also where only its form differs: what cannot be seen in a person's text is made visible in the daemon's.
  const [open, close] = block.fence.map((at) => block.lines[at]?.index);
  if (open === undefined || close === undefined) return [];
  return [{ from: open, to: close, text: renderParams(present.params) }];
}

function digestOf(block: ActionBlock, kind: string): string | null {
  let found: Json | undefined;
  try {
    found = jsonOf(block);
  } catch {
    return null;
  }
  return isJsonObject(found) ? actionDigest(kind, found) : null;
}

/** From the first line that holds something to the last. */
function replaceFilled(lines: readonly BodyLine[], text: string): Replacement[] {
  const filled = lines.filter((line) => line.text.trim() !== "");
  const [first, last] = [filled[0], filled.at(-1)];
  return first === undefined || last === undefined ? [] : [{ from: first.index, to: last.index, text }];
}

function withoutHeading(section: string): string {
  return section.slice(section.indexOf("\n")).trimStart();
}
