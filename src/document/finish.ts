import { versionOf } from "../core/amendment.ts";
import type { FinalRequest, UnknownRequest } from "../core/request.ts";
import { amendNote } from "./amend.ts";
import { removeCallouts } from "./answer.ts";
import { readBody } from "./body.ts";
import { readFrontmatter } from "./frontmatter.ts";
import { checkIntact } from "./intact.ts";
import { QUESTIONS } from "./labels.ts";
import { CAME_BACK, renderAction, renderDoubt, renderNext, renderNote, renderResolve } from "./note.ts";
import { renderAnswered, renderHistory, renderResult, renderSummary } from "./outcome.ts";
import { openPatch, type Patch, Unpatchable } from "./patch.ts";
import { quoted, scalar } from "./properties.ts";
import { fenced, sentence, visibleLine } from "./visible.ts";

/**
 * The finished note: the person's note with the outcome, the result and the request's history added. When the note's
 * text cannot be read, or there is none, a fresh one is written; `kept` says whether the person's text is in it.
 * Gives the same text for the same input always, so that a move cut short can be told from a new edit.
 */
export function finishNote(text: string | null, request: FinalRequest): { text: string; kept: boolean } {
  const patched = text === null ? null : finishText(text, request);
  if (patched !== null) return { text: patched, kept: true };
  const fresh = finishText(renderNote(request), request);
  if (fresh === null) throw new Error("a note of the daemon's own cannot be finished");
  return { text: fresh, kept: text === null };
}

/** A text as a property's line. One full of brackets is cut short: too many of them and YAML would not be parsed. */
function propertyText(text: string, limit: number): string {
  const line = visibleLine(text, limit);
  return (line.match(/[[{]/g) ?? []).length > BRACKETS ? visibleLine(text, BRACKETS) : line;
}

const BRACKETS = 100;

/** Null where the note's properties cannot be read, or cannot take another line: as one flow map, or indented. */
function finishText(text: string, request: FinalRequest): string | null {
  const present = amendNote(text, request, { voids: false }) ?? text;
  const patch = openPatch(present);
  if (patch === null) return null;
  try {
    return patched(patch, request, tellOther(present, request));
  } catch (error) {
    if (error instanceof Unpatchable) return null;
    throw error;
  }
}

/** What the note shows otherwise than it was asked for, as lines of a callout: a record must not show another action. */
function tellOther(text: string, request: FinalRequest): string {
  const version = versionOf(request);
  const next = renderNext(version, request.submission.fields.kind);
  if (text.includes(renderAction(version)) && text.includes(next)) return "";
  const read = readFrontmatter(text);
  if (!read.ok) return "";
  const { frontmatter } = read;
  const body = readBody(text.slice(frontmatter.body));
  return checkIntact(frontmatter, body, request, { editable: [], dropped: false })
    .problems.filter(({ code }) => code === "action_changed" || code === "outdated_note")
    .map(({ message }) => `\n> This text is not what was asked for. ${sentence(message)}`)
    .join("");
}

function patched(patch: Patch, request: FinalRequest, other: string): string {
  patch.set("status", request.status);
  patch.set("outcome", request.status);
  if ("decision" in request) {
    const { verb, reviewer, reason } = request.decision;
    patch.fill("decision", WORDS[verb]);
    if (reviewer !== "unnamed") patch.fill("reviewer", scalar(propertyText(reviewer, 200)));
    if (reason !== null) patch.fill("reason", quoted(propertyText(reason, 1_000)));
    patch.set("decided_at", request.decided_at);
  }
  const doubt = request.history.findLast(({ event }) => event === "outcome_lost");
  // When it happened, if it did, is what nobody saw.
  if ((request.status === "executed" || request.status === "failed") && doubt === undefined)
    patch.set("executed_at", request.finished_at);
  if (doubt !== undefined) patch.replace(renderDoubt(doubt.detail ?? ""), renderAnswered(request, doubt));
  const told = renderSummary(request) + other + renderOverwritten(patch.overwritten());
  patch.replace(`${CAME_BACK}\n\n`, "");
  if (!replaceQuestion(patch, told) && !patch.replace(APPROVED_AND_STARTED, told))
    patch.insertBeforeSections(told);
  patch.insertBeforeSections(`${renderResult(request)}\n\n${renderHistory(request)}`);
  return removeCallouts(patch.text());
}

/** The note with the question of what became of the action in place of the question whether to do it. */
export function askOutcome(text: string, request: UnknownRequest): string | null {
  const present = amendNote(text, request, { voids: false }) ?? text;
  try {
    return asking(present, request, true);
  } catch (error) {
    if (error instanceof Unpatchable) return asking(present, request, false);
    throw error;
  }
}

/** Properties that cannot take another line keep their `status`, or have none: what is asked is below them. */
function asking(text: string, request: UnknownRequest, setsStatus: boolean): string | null {
  const patch = openPatch(text);
  if (patch === null) return null;
  if (setsStatus) patch.set("status", "outcome_unknown");
  patch.insertBeforeSections(renderResolve(request) + renderOverwritten(patch.overwritten()));
  replaceQuestion(patch, APPROVED_AND_STARTED);
  return removeCallouts(patch.text());
}

function replaceQuestion(patch: Patch, text: string): boolean {
  return QUESTIONS.some((question) => patch.replace(question, text));
}

const APPROVED_AND_STARTED = "> [!info] This was approved and started.";

const WORDS = { approve: "approved", reject: "rejected", request_changes: "changes_requested" } as const;

/** A plug-in's or a person's own value of a property that the daemon has set is theirs, and is kept. */
function renderOverwritten(lines: string): string {
  return lines === "" ? "" : `\n\nThese properties said something else before:\n\n${fenced(lines, "text")}`;
}
