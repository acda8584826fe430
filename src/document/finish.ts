import { versionOf } from "../core/amendment.ts";
import type { Problem } from "../core/codes.ts";
import {
  approversOf,
  type FinalRequest,
  type HistoryLine,
  type Request,
  type UnknownRequest,
} from "../core/request.ts";
import { heldBack } from "../core/shadow.ts";
import { tellRule } from "../core/verdict.ts";
import { amendNote } from "./amend.ts";
import { removeCallouts } from "./answer.ts";
import { readBody, sectionBelow } from "./body.ts";
import { sha256 } from "./digest.ts";
import { readFrontmatter } from "./frontmatter.ts";
import { checkIntact } from "./intact.ts";
import { HEADINGS, QUESTIONS } from "./labels.ts";
import {
  CAME_BACK,
  renderAction,
  renderAnswer,
  renderDoubt,
  renderNext,
  renderNote,
  renderResolve,
} from "./note.ts";
import { appended, openPatch, type Patch, Unpatchable } from "./patch.ts";
import { quoted, scalar } from "./properties.ts";
import { renderShadow } from "./shadow.ts";
import { fenced, fencedJson, inline, sentence, visibleLine } from "./visible.ts";

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

/**
 * The note with the daemon's callouts set to how often it was asked for (see `renderAsked`) and to these problems, or
 * taken out where there is nothing to say.
 */
export function answerNote(text: string, problems: readonly Problem[], asked = ""): string {
  const answer = renderAnswer(problems);
  const without = removeCallouts(text);
  if (answer === "" && asked === "") return without;
  const patch = openPatch(without);
  if (patch !== null && asked !== "") patch.insertBeforeSections(asked);
  if (answer === "") return patch === null ? without : patch.text();
  // Where the properties cannot be read, the end of the note is the only place that is certainly not in the way.
  if (patch === null) return appended(without, answer, "\n");
  patch.insertBeforeSections(answer);
  return patch.text();
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

/** A note that came back after its request was finished, or a copy of it, with a callout that says so. */
export function answerLate(text: string, request: Request, isCopy = false): string {
  const what = isCopy ? "This is a copy of a note whose" : "Too late: this";
  const says =
    `> [!info] ${what} request was already ${inline(request.status)}; nothing was done because of this ${isCopy ? "copy" : "note"}.\n` +
    `> The finished note is [[${request.submission.fields.id}]].`;
  const patch = openPatch(text);
  if (patch === null) return appended(text, says, "\n");
  patch.insertBeforeSections(says);
  return patch.text();
}

/** The finished note with a link to what was saved too late and is kept beside it: in its history, or at its end. */
export function linkLate(text: string, name: string): string {
  const lines = text.split("\n");
  const end = text.includes("\r\n") ? "\r" : "";
  const link = `${LATE_LINK}[[${name.replace(/\.md$/, "")}]]${end}`;
  const history = sectionBelow(readBody(text), HEADINGS.history);
  const last = history?.findLast((line) => line.text.trim() !== "");
  if (last === undefined) return `${text}${text.endsWith("\n") ? "" : `${end}\n`}${link}\n`;
  return [...lines.slice(0, last.index + 1), link, ...lines.slice(last.index + 1)].join("\n");
}

/** The finished note without those links: what finishing it once made of it. */
export function withoutLateLinks(text: string): string {
  return text
    .split("\n")
    .filter((line) => !line.startsWith(LATE_LINK))
    .join("\n");
}

const LATE_LINK = "- kept beside this note: ";

/** A note that could not be read when its request was finished, and is kept beside the finished one. */
export function answerUnread(text: string, request: Request): string {
  const { fields } = request.submission;
  const says =
    `> [!info] This note could not be read when the request was finished (${inline(request.status)}), so it decided nothing.\n` +
    `> The finished note is [[${fields.id}]].`;
  return appended(removeCallouts(text), says, "\n");
}

const WORDS = { approve: "approved", reject: "rejected", request_changes: "changes_requested" } as const;

const SUMMARIES: Readonly<Record<FinalRequest["status"], string>> = {
  executed: "[!success] Executed",
  failed: "[!failure] Approved, but the execution failed",
  rejected: "[!failure] Rejected",
  changes_requested: "[!question] Changes requested",
  expired: "[!failure] Expired: there was no decision in time, so nothing was done",
  cancelled: "[!info] Cancelled by the requester; nothing was done",
  denied: "[!failure] Denied by the policy; nothing was done",
};

function renderSummary(request: FinalRequest): string {
  const head = headOf(request);
  const { verdict } = request.status === "denied" ? request : request.submission;
  const held = "allowed_at" in request ? heldBack(verdict) : null;
  if (verdict !== undefined && held !== null) {
    const isHeld = "attempt" in request && request.attempt.constraints !== undefined;
    return `> ${head}\n${renderShadow(request.submission.fields.kind, verdict.reason, held, isHeld)}`;
  }
  if (verdict !== undefined && (request.status === "denied" || "allowed_at" in request)) {
    const says = request.status === "denied" ? "denies it" : "allows it, so nobody was asked";
    const policy = verdict.policy === null ? "" : `\n> Policy \`${verdict.policy}\`.`;
    return `> ${head}\n> ${sentence(`${capital(tellRule(verdict))} ${says}: ${verdict.reason}`)}${policy}`;
  }
  if (!("decision" in request)) return `> ${head}`;
  const { reviewer, via, assurance, reason } = request.decision;
  const approvers = approversOf(request);
  const all = approvers.map((name) => inline(name)).join(", ");
  const decided = approvers.length > 1 ? `Approved by ${all}; last` : "Decided";
  const who = `> ${decided} by ${inline(reviewer)} (${via.replaceAll("_", " ")}, assurance ${assurance}) at ${request.decided_at}.`;
  return [`> ${head}`, who, ...(reason === null ? [] : [`> Reason: ${inline(reason)}`])].join("\n");
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** A plug-in's or a person's own value of a property that the daemon has set is theirs, and is kept. */
function renderOverwritten(lines: string): string {
  return lines === "" ? "" : `\n\nThese properties said something else before:\n\n${fenced(lines, "text")}`;
}

function headOf(request: FinalRequest): string {
  const { event: last } = request.history.findLast(({ event }) => CONSENTS.has(event)) ?? {};
  const isAllowed = "allowed_at" in request;
  const inShadow = isAllowed && heldBack(request.submission.verdict) !== null ? " in shadow" : "";
  if (request.status === "expired" && (last === "approved" || last === "allowed")) {
    const { caller } = request.submission;
    const why = caller ? "the caller did not start it in time" : "its time to start ran out";
    return `[!failure] Expired: it was ${last}, but ${why}, so nothing was done`;
  }
  if (request.status === "failed" && isAllowed && !hasEvent(request, "resolved_did_not"))
    return `[!failure] Allowed${inShadow}, but the execution failed`;
  if (hasEvent(request, "resolved_did_not")) {
    const consent = isAllowed ? `Allowed${inShadow}` : "Approved";
    return `[!failure] ${consent} and started, but it did not happen`;
  }
  return request.status === "executed" ? `${SUMMARIES.executed}${inShadow}` : SUMMARIES[request.status];
}

/** What makes an approval, or undoes it. */
const CONSENTS: ReadonlySet<string> = new Set(["approved", "allowed", "taken_back", "sent_back"]);

/** What stands where the question whether it happened stood. */
function renderAnswered({ history }: FinalRequest, doubt: HistoryLine): string {
  const answer = history.findLast(({ event }) => event.startsWith("resolved_"));
  const happened = answer?.event === "resolved_happened" ? "it happened" : "it did not happen";
  const why = answer?.detail ? `: ${inline(answer.detail)}` : "";
  return (
    `> [!info] Its end was not seen: ${inline(doubt.detail ?? "")}.\n` +
    `> ${inline(answer?.by ?? "unnamed")} says that ${happened}${why}.`
  );
}

function renderResult(request: FinalRequest): string {
  return `${HEADINGS.result}\n\n${resultOf(request)}`;
}

function resultOf(request: FinalRequest): string {
  if (request.status === "failed") return cut(request.error, (text) => fenced(text, "text"));
  if (request.status !== "executed") return "Nothing was executed.";
  const { result } = request;
  if (typeof result === "string") return cut(result, (text) => fenced(text, "text"));
  return cut(JSON.stringify(result, null, 2), (text, whole) =>
    whole ? fencedJson(result) : fenced(text, "text"),
  );
}

/** What a note can hold of a result and stay a note; all of it is in the journal. */
const RESULT_CHARACTERS = 16_000;

function cut(text: string, render: (text: string, whole: boolean) => string): string {
  if (text.length <= RESULT_CHARACTERS) return render(text, true);
  const said = `The first ${RESULT_CHARACTERS} of ${text.length} characters; all of it has the SHA-256 ${sha256(text)}.`;
  // A cut must not leave half of a character that takes two units.
  return `${render(text.slice(0, RESULT_CHARACTERS).toWellFormed(), false)}\n\n${said}`;
}

/** Up to the end only: what was refused later must not make the same finished note look like another one. */
function renderHistory({ history, finished_at }: FinalRequest): string {
  const lines = history.filter(
    (line, i) =>
      !(line.event === "refused" && line.at > finished_at) &&
      !(line.event === "settled" && repeats(line, history[i - 1])),
  );
  return `${HEADINGS.history}\n\n${lines.map(historyLine).join("\n")}`;
}

function historyLine({ at, event, by, detail }: HistoryLine): string {
  const who = by === null ? "" : ` by ${inline(by)}`;
  const what = detail === null ? "" : `: ${inline(detail)}`;
  return `- ${at} ${HISTORY_WORDS[event] ?? event.replaceAll("_", " ")}${who}${what}`;
}

/** Where an event's own name would not tell a person what it was. */
const HISTORY_WORDS: Readonly<Record<string, string>> = {
  joined: "asked again",
  settled: "rejection completed",
  outcome_lost: "outcome unknown",
  resolved_happened: "resolved as happened",
  resolved_did_not: "resolved as not happened",
};

function repeats(line: HistoryLine, before: HistoryLine | undefined): boolean {
  return line.by === before?.by && line.detail === before.detail;
}

function hasEvent(request: Request, event: string): boolean {
  return request.history.some((line) => line.event === event);
}
