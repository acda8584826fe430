import { isScalar, isSeq } from "yaml";
import { tellChanges, versionOf } from "../core/amendment.ts";
import { type Problem, problem } from "../core/codes.ts";
import { fixedChange } from "../core/editable.ts";
import type { Json, JsonObject } from "../core/json.ts";
import { skeleton } from "../core/look-alikes.ts";
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
import { type Body, type BodyLine, isHeading, sectionBelow } from "./body.ts";
import { actionDigest } from "./digest.ts";
import { renderPrevious, showsRefusal } from "./earlier.ts";
import type { Frontmatter, Property } from "./frontmatter.ts";
import { HEADINGS } from "./labels.ts";
import { isAsked, renderOriginal, renderWhy } from "./note.ts";
import { ownProperties } from "./properties.ts";
import { visibleLine } from "./visible.ts";

/** The properties that only look like ours are a problem when they look like one of these. */
const WATCHED = ["status", "decision", "reviewer", "reason", "delegate_to", "id", "digest"];

/** What of the action a person may change, and whether the note lies where only its folder speaks. */
export interface EditRules {
  readonly editable: readonly string[];
  readonly dropped: boolean;
}

export interface Intact {
  readonly problems: readonly Problem[];
  /** The params in the note, where they are all that differs and may be edited. */
  readonly proposal: JsonObject | null;
  readonly shown: string | null;
  readonly outdated: boolean;
}

/**
 * Whether the note still shows what was asked: the properties that identify the request, and the stored action. What
 * differs keeps an approval from counting, because the person may have been shown something else; a rejection counts.
 */
export function checkIntact(
  frontmatter: Frontmatter,
  body: Body,
  request: Request,
  rules: EditRules,
): Intact {
  const node = frontmatter.properties.get("digest")?.node;
  const digest = isScalar(node) ? String(node.value ?? "").trim() : "";
  const shown = digest === request.submission.digest ? digest : null;
  const similar = checkSimilarKeys(frontmatter);
  const { amendment } = request;
  if (amendment && shown === null && [amendment.asked.digest, amendment.before.digest].includes(digest)) {
    const changes = tellChanges(
      (digest === amendment.before.digest ? amendment.before : amendment.asked).params,
      request.submission.fields.params,
      "now",
    ).join("; ");
    const message =
      amendment.sent_back === undefined
        ? `The note shows the action as it was before ${amendment.by} changed it: ${changes}.`
        : "The note shows the request as it was before the policy became stricter.";
    const problems = [...similar, problem("outdated_note", null, message)];
    return { problems, proposal: null, shown, outdated: true };
  }
  const action = checkAction(body, request, rules);
  const properties = checkProperties(frontmatter, request);
  return {
    problems: [...similar, ...properties, ...action.problems],
    proposal: action.proposal,
    shown,
    outdated: false,
  };
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
 * Texts are compared after parsing, since Obsidian rewrites quotes, and as they stand where it took them off what YAML reads
 * as a number or the like; times as instants, since it rewrites those too and leaves out their zone.
 */
function sameValue({ node, key }: Property, expected: string): boolean {
  const parts = isSeq(node) ? node.items.map(shownText) : [node === null ? "" : shownText(node)];
  if (parts.includes(null)) return false;
  const found = parts.join(", ");
  if (found === expected) return true;
  if (key !== "created" && key !== "expires") return false;
  return [found, `${found}Z`].some((time) => Date.parse(time) === Date.parse(expected));
}

function shownText(node: unknown): string | null {
  if (!isScalar(node)) return null;
  return (typeof node.value === "string" ? node.value : (node.source ?? "")).trim();
}

/** Sections are named and not counted: the callout that tells of them would itself move their lines. */
function checkAction(body: Body, request: Request, rules: EditRules): Pick<Intact, "problems" | "proposal"> {
  for (const heading of [HEADINGS.next, HEADINGS.action]) {
    if (body.lines.filter((line) => line.plain && isHeading(line, heading)).length > 1) {
      return changed(`The section **${heading.slice(3)}** is there twice.`);
    }
  }
  const next = sectionBelow(body, HEADINGS.next);
  const block = readActionBlock(body);
  const written = writtenNext(versionOf(request), request.submission.fields.kind);
  if (next === null) return changed("The section **What happens if you approve** is not there any more.");
  if (block === null) return changed("The section **Action** is not there any more.");
  if (shownLines(next) !== written) {
    return changed(
      `The section **What happens if you approve** was changed: ${firstDifference(written, next)}.`,
    );
  }
  const { adopted, fields, previous, verdict } = request.submission;
  if (!showsRefusal(body, request.submission)) {
    return changed("The first line, which says that a person said no to this before, was changed.");
  }
  if (previous !== undefined) {
    const since = sectionBelow(body, HEADINGS.since);
    const shown = shownLines(linesOf(renderPrevious(request.submission, previous)));
    if (since === null) return changed("The section **Since the last attempt** is not there any more.");
    if (shownLines(since) !== shown) {
      return changed(`The section **Since the last attempt** was changed: ${firstDifference(shown, since)}.`);
    }
  }
  if (verdict !== undefined && isAsked(request.submission)) {
    const found = body.lines.filter((line) => line.plain && isHeading(line, HEADINGS.why)).length;
    const why = sectionBelow(body, HEADINGS.why);
    const shown = shownLines(linesOf(renderWhy(verdict)));
    if (why === null) return changed("The section **Why this needs you** is not there any more.");
    if (found > 1) return changed("The section **Why this needs you** is there twice.");
    if (shownLines(why) !== shown) {
      return changed(`The section **Why this needs you** was changed: ${firstDifference(shown, why)}.`);
    }
  }
  if (adopted !== undefined) {
    const original = sectionBelow(body, HEADINGS.original);
    const shown = shownLines(linesOf(renderOriginal(fields.id, adopted)));
    if (original === null) return changed("The section **Original note** is not there any more.");
    if (shownLines(original) !== shown) {
      return changed(`The section **Original note** was changed: ${firstDifference(shown, original)}.`);
    }
  }
  return checkBlock(block, request, rules);
}

function checkBlock(block: ActionBlock, request: Request, { editable, dropped }: EditRules) {
  const { kind, params } = request.submission.fields;
  const asked = writtenBlock(versionOf(request));
  // The strict reader costs a lot, and nobody's change makes so much of so little.
  if (lengthOf(block) > LONGER * lengthOf(asked) + LONG_CHARACTERS) {
    return changed("The block below **Action** is far longer than what was asked.");
  }
  let found: Json | undefined;
  try {
    found = jsonOf(block);
  } catch (error) {
    const where = error instanceof Error ? error.message.replace(/\.$/, "") : "";
    return changed(`The block below **Action** is no JSON any more. ${where}, counted in the block.`);
  }
  if (found === undefined) return changed("The block of JSON below **Action** is not there any more.");
  if (found === null || typeof found !== "object" || Array.isArray(found)) {
    return changed("The block of JSON below **Action** holds no params any more.");
  }
  const now = found as JsonObject;
  if (actionDigest(kind, now) === request.submission.action_digest) {
    if (block.rest === asked.rest) return { problems: [], proposal: null };
    const where = editable.length > 0 ? ", which is also the place for a change" : "";
    return changed(
      `Below **Action**, the text besides the JSON was changed; what counts is the JSON${where}.`,
    );
  }
  const changes = tellChanges(params, now, "in the note").join("; ");
  // What is shown once more below the JSON may lag behind it, or have been changed along with it.
  if (block.rest !== asked.rest && block.rest !== writtenBlock({ ...versionOf(request), params: now }).rest) {
    return changed(
      `Below **Action**, the JSON and the text besides it were changed differently: ${changes}.`,
    );
  }
  const fixed = fixedChange(params, now, editable);
  if (fixed !== null) {
    const may = editable.length === 0 ? "" : ` ${named(fixed)} may not be changed.`;
    return changed(`The action was changed: ${changes}.${may}`);
  }
  if (dropped) {
    return changed(
      `A change of the action is proposed: ${changes}. It can be taken up once the note is back among those that wait.`,
    );
  }
  return {
    problems: [problem("action_proposed", null, `A change of the action is proposed: ${changes}.`)],
    proposal: now,
  };
}

const LONGER = 8;
const LONG_CHARACTERS = 16_384;

function lengthOf({ lines }: ActionBlock): number {
  return lines.reduce((sum, { text }) => sum + text.length, 0);
}

function changed(message: string): Pick<Intact, "problems" | "proposal"> {
  return { problems: [problem("action_changed", null, message)], proposal: null };
}

function named(param: string): string {
  return /^[\w.-]{1,40}$/.test(param) ? `**${param}**` : `“${visibleLine(param, 40)}”`;
}

function firstDifference(written: string, found: readonly BodyLine[]): string {
  const [before, now] = [written.split("\n"), shownLines(found).split("\n")];
  const at = before.findIndex((line, i) => line !== now[i]);
  const show = (line: string | undefined) => (line === undefined ? "nothing" : `“${visibleLine(line, 80)}”`);
  return at === -1
    ? `${show(now[before.length])} was added`
    : `where ${show(before[at])} stood is now ${show(now[at])}`;
}
