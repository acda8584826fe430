import { tellChanges, type Version, versionOf } from "../core/amendment.ts";
import type { Problem } from "../core/codes.ts";
import { tellConstraints } from "../core/constraints.ts";
import type { Json, JsonObject } from "../core/json.ts";
import type { Adopted, Request, RequestId, Submission, UnknownRequest } from "../core/request.ts";
import { isOpenToAll } from "../core/roster.ts";
import { heldBack } from "../core/shadow.ts";
import { tellRule, type Verdict } from "../core/verdict.ts";
import { namesOnBoxes, questionFor, renderBoxes } from "./ballot-boxes.ts";
import { sha256 } from "./digest.ts";
import { renderPrevious, renderRefusedBefore } from "./earlier.ts";
import { NOTE_LIMIT_BYTES, NOTE_LIMIT_LINES } from "./frontmatter-split.ts";
import { BOXES, DOUBT_HEAD, HEADINGS } from "./labels.ts";
import { groupsOf, ownProperties, renderValue } from "./properties.ts";
import { renderStanding } from "./standing.ts";
import { tellTiming } from "./timing.ts";
import { fenced, fencedJson, inline, sentence } from "./visible.ts";

export const ANSWER_HEAD = "> [!warning] Not decided yet";

export const CAME_BACK = `> [!info] This note was missing and has been written again, because the request still waits.
> To say no, write \`rejected\` into **decision** or tick **Reject**; deleting the note decides nothing.`;

/** The note of a request that waits for a person: for a decision, or for what became of an unknown outcome. */
export function renderNote(request: Request, cameBack = false): string {
  const { submission, status } = request;
  const standing = renderStanding(request);
  const properties = [
    `status: ${status === "outcome_unknown" ? status : "pending"}`,
    "decision:",
    "reviewer:",
    "reason:",
    ...(namesOnBoxes(request) === null ? [] : ["delegate_to:"]),
    ...[...ownProperties(submission)].map(([key, value]) => `${key}: ${renderValue(key, value)}`),
  ];
  const { previous, refused_before } = submission;
  const parts = [
    `---\n${properties.join("\n")}\n---`,
    ...(refused_before === undefined ? [] : [renderRefusedBefore(refused_before)]),
    ...(request.status === "outcome_unknown"
      ? [renderResolve(request)]
      : [
          ...(isAsked(submission) ? [questionFor(request)] : []),
          ...(cameBack ? [CAME_BACK] : []),
          ...(isAsked(submission) ? [renderBoxes(request)] : []),
        ]),
    ...(standing === "" ? [] : [standing]),
    ...(request.amendment === undefined ? [] : [renderAmendment(request)]),
    renderNext(versionOf(request), submission.fields.kind),
    ...(previous === undefined ? [] : [renderPrevious(submission, previous)]),
    renderAction(versionOf(request)),
    ...(submission.adopted === undefined ? [] : [renderOriginal(submission.fields.id, submission.adopted)]),
    ...(isAsked(submission) ? [renderWhy(submission.verdict)] : []),
    `${HEADINGS.notes}\n`,
  ];
  return parts.join("\n\n");
}

/** The question what became of an action whose end was not seen, with its two boxes. */
export function renderResolve({ cause }: UnknownRequest): string {
  return `${renderDoubt(cause)}\n\n- [ ] ${BOXES.happened}\n- [ ] ${BOXES.did_not}`;
}

export function renderDoubt(cause: string): string {
  return `${DOUBT_HEAD}
> The action was started, but its end was not seen: ${inline(cause)}.
> It is not tried again. Look where it would have happened, then tick one box; your name goes into **reviewer**.`;
}

/** What approving leads to, in the operator's words filled with the agent's values. */
export function renderNext(version: Version, kind: string): string {
  const { next_effect } = version;
  const effect =
    next_effect === ""
      ? `The action \`${kind}\` is carried out once, with the parameters below.`
      : fenced(next_effect, "text");
  const timing = tellTiming(version).join("\n");
  return [HEADINGS.next, effect, ...(timing === "" ? [] : [timing])].join("\n\n");
}

/** The stored parameters: all of them as JSON, and texts of several lines once more as a person reads them. */
export function renderAction({ params }: Pick<Version, "params">): string {
  const texts = Object.entries(params).flatMap(([name, value]) => textsToRead(value, name));
  return [HEADINGS.action, renderParams(params), ...texts.map(renderText)].join("\n\n");
}

/** All of the params as JSON. Long ones come last, so that they cannot push a short one out of sight. */
export function renderParams(params: JsonObject): string {
  const isLong = ([, value]: [string, Json]) => JSON.stringify(value).length > LONG_CHARACTERS;
  const entries = Object.entries(params);
  const ordered = [...entries.filter((entry) => !isLong(entry)), ...entries.filter(isLong)];
  return fencedJson(Object.fromEntries(ordered));
}

/** Nobody reads more than this of one text. */
const LONG_CHARACTERS = 4_000;
const HEAD_CHARACTERS = 1_500;
const TAIL_CHARACTERS = 500;

/** The texts in a value that JSON makes hard to read, being long or of several lines, each with the path to it. */
function textsToRead(value: Json, path: string): [path: string, text: string][] {
  if (typeof value === "string") {
    return value.length > LONG_CHARACTERS || value.includes("\n") ? [[path, value]] : [];
  }
  if (value === null || typeof value !== "object") return [];
  return Object.entries(value).flatMap(([key, inner]) => textsToRead(inner, `${path}.${key}`));
}

/** A text as it is; a long one by what tells it from any other, and by its two ends. */
function renderText([path, text]: [string, string]): string {
  if (text.length <= LONG_CHARACTERS) return `${inline(path)}:\n\n${fenced(text, "text")}`;
  const left = text.length - HEAD_CHARACTERS - TAIL_CHARACTERS;
  const [head, tail] = [text.slice(0, HEAD_CHARACTERS), text.slice(-TAIL_CHARACTERS)];
  const ends = `${head.toWellFormed()}\n\n[${left} characters left out here]\n\n${tail.toWellFormed()}`;
  const lines = text.split("\n").length;
  const size = `${text.length} characters in ${lines} line${lines === 1 ? "" : "s"}, SHA-256 ${sha256(text)}`;
  return `${inline(path)}: ${size}. All of it stands above; this is how it begins and ends:\n\n${fenced(ends, "text")}`;
}

/** What a note has besides the action; the rest of what is read of a note is left for the action and the person. */
const NOTE_RESERVE_BYTES = 64 * 1024;

/** Whether a note can show it and be read back whole: one that could not could never be approved. */
export function fitsNote(version: Pick<Version, "params" | "next_effect">): boolean {
  const shown = `${renderAction(version)}\n${version.next_effect}`;
  if (shown.split("\n").length > NOTE_LIMIT_LINES / 2) return false;
  return Buffer.byteLength(shown) <= NOTE_LIMIT_BYTES - NOTE_RESERVE_BYTES;
}

/** That the action is no longer the one that was asked for, and how it differs. */
export function renderAmendment({ status, submission, amendment }: Request): string {
  if (amendment === undefined) throw new Error("only a changed action is told of");
  const { by, at, asked, before, sent_back } = amendment;
  if (sent_back !== undefined) {
    const wasInShadow = heldBack(before.verdict) !== null;
    return renderSentBack(at, sent_back, { isOpen: status === "pending", wasInShadow });
  }
  const changes = tellChanges(asked.params, submission.fields.params, "now");
  // Somebody may have changed and approved it in one step.
  const still = status === "pending" ? "; what is shown below needs a decision of its own" : "";
  return [
    `> [!info] ${inline(by ?? "unnamed")} changed the action at ${at}`,
    ...(changes.length === 0 ? ["It is again what was asked for"] : changes).map(
      (change) => `> - ${sentence(change)}.`,
    ),
    `> What was decided before that does not count${still}.`,
  ].join("\n");
}

function renderSentBack(
  at: string,
  because: string,
  { isOpen, wasInShadow }: { isOpen: boolean; wasInShadow: boolean },
): string {
  const still = isOpen ? "; it needs a decision of its own" : "";
  const why = wasInShadow
    ? `Such actions were in shadow, so nobody had been asked. At ${at} they no longer were`
    : `The policy had become stricter at ${at}`;
  return [
    `> [!info] ${why}, so this was sent back`,
    `> ${sentence(because)}`,
    `> What was decided or allowed before that does not count${still}.`,
  ].join("\n");
}

/** The foreign note that the request was made from: what the reviewer was shown of it, and where the rest is. */
export function renderOriginal(id: RequestId, { name, sha256, text, characters }: Adopted): string {
  const cut =
    text.length < characters ? ` Here are its first ${text.length} of ${characters} characters.` : "";
  const said =
    `This was asked for by the note “${inline(name)}”, kept as [[${id}-original]] (SHA-256 \`${sha256}\`).${cut} ` +
    "Nothing in it decides, whatever it says.";
  return [HEADINGS.original, said, fenced(text, "text")].join("\n\n");
}

/** Whether a person is asked at all: what the policy allows or denies by itself never waits. */
export function isAsked({ verdict }: Submission): boolean {
  return verdict === undefined || verdict.says === "require_approval";
}

/** The rule that asks for a person, its reason, and what makes the action risky. */
export function renderWhy(verdict: Verdict | undefined): string {
  if (verdict === undefined) {
    return `${HEADINGS.why}\n\nThere is no policy, so every action needs a person, and anyone may decide.`;
  }
  const { reason, risk, factors, tags, constraints, editable } = verdict;
  const held = tellConstraints(constraints);
  const parts = [
    `${sentence(`${tellRuleInNote(verdict)}: ${reason}`)} ${tellApprovers(verdict)}`,
    `Risk: ${risk}${factors.length === 0 ? ", because no risk factor is there." : ", because of:"}`,
    ...(factors.length === 0 ? [] : [factors.map((factor) => `- ${inline(factor)}`).join("\n")]),
    ...(held.length === 0
      ? []
      : [`What carries it out is held to:\n\n${held.map((clause) => `- ${inline(clause)}`).join("\n")}`]),
    ...(tags.length === 0 ? [] : [`Tags: ${tags.map((tag) => inline(tag)).join(", ")}`]),
    ...(editable.length === 0
      ? []
      : [
          `Before you approve, you may change in the JSON above: ${editable.map((path) => inline(path)).join(", ")}.`,
        ]),
  ];
  return [HEADINGS.why, ...parts].join("\n\n");
}

/** How many of whom have to approve, in a sentence or two. */
function tellApprovers(verdict: Verdict): string {
  const { approvers, min_assurance } = verdict;
  const groups = approvers.map(
    ({ of, quorum }) => `${quorum} of ${of === null ? "anybody" : inline(of.join(", "))}`,
  );
  const who = isOpenToAll(groupsOf(verdict))
    ? "Anyone may decide."
    : `It takes the approval of ${groups.join(" and ")}.`;
  return min_assurance === "edit" ? who : `${who} An approval must have the assurance \`${min_assurance}\`.`;
}

function tellRuleInNote(verdict: Verdict): string {
  const told = tellRule(verdict);
  return `${told.charAt(0).toUpperCase()}${told.slice(1)} asks for a person`;
}

/** What the daemon has to tell inside a note, as one callout; the empty string when there is nothing. */
export function renderAnswer(problems: readonly Problem[]): string {
  if (problems.length === 0) return "";
  return [ANSWER_HEAD, ...problems.map((found) => `> - ${renderProblem(found)}`)].join("\n");
}

/** One line about what was not understood, and what to do about it. */
export function renderProblem({ line, message, hint }: Problem): string {
  const where = line === null ? "" : `Line ${line}: `;
  return `${where}${sentence(message)} ${hint}`;
}
