import { isScalar } from "yaml";
import { type Problem, problem, stopsAll } from "../core/codes.ts";
import type { Ballot, Reading } from "../core/look.ts";
import { approvalsOf, type Request, rosterIn, type Verb } from "../core/request.ts";
import { isAtLeast } from "../core/verdict.ts";
import { isBy } from "../core/voting.ts";
import { answerIn, standingIn } from "./answer.ts";
import { hasOtherBoxes } from "./ballot-boxes.ts";
import { type Body, decisionArea, readBody } from "./body.ts";
import { type Boxes, readBoxes } from "./boxes.ts";
import { decode, type Frontmatter, readFrontmatter } from "./frontmatter.ts";
import { checkIntact } from "./intact.ts";
import { HEADINGS } from "./labels.ts";
import { renderNote } from "./note.ts";
import { renderStanding } from "./standing.ts";
import { visibleLine } from "./visible.ts";
import { isEmpty, readText, readWord, type Statement, WORDS } from "./words.ts";

/** What the daemon itself writes into `status` of a waiting note; never a person's statement. */
const OWN_STATUS = new Set(["pending", "outcome_unknown"]);

/**
 * Reads a note's bytes; `dropped` is the verb of the folder that the note was dragged to, null in the pending folder.
 * Never throws: a file half-written by a person is an ordinary input.
 */
export function readNote(
  bytes: Uint8Array,
  request: Request,
  dropped: Verb | null = null,
  editable: readonly string[] = [],
): Reading {
  if (dropped === null && sameAsWritten(bytes, request)) {
    return { ...UNTOUCHED, shown: request.submission.digest };
  }
  const decoded = decode(bytes);
  if ("problems" in decoded) return unreadable(decoded.problems);
  const { text } = decoded;
  const front = readFrontmatter(text);
  if (!front.ok) return unreadable(front.problems, text);

  const { frontmatter } = front;
  const body = readBody(text.slice(frontmatter.body));
  const decision = readWord(frontmatter, "decision", new Set());
  const status = readWord(frontmatter, "status", OWN_STATUS);
  const { checklist = [] } = request.submission.verdict ?? {};
  const boxes = readBoxes(body, frontmatter.bodyLine, checklist);
  const reviewer = readText(frontmatter, "reviewer");
  const reason = readText(frontmatter, "reason");
  const passed = readText(frontmatter, "delegate_to");
  const folder: Statement[] = dropped === null ? [] : [{ verb: dropped, via: "folder", line: 1, by: null }];
  const statements = [...folder, ...decision.statements, ...status.statements, ...ticks(boxes)].map(
    (one): Statement => ({ ...one, by: one.by ?? reviewer.text }),
  );
  const said = unrecorded(statements, request);
  const beside = besideTheFields(frontmatter, said);
  const intact = checkIntact(frontmatter, body, request, { editable, dropped: dropped !== null });
  const problems = [
    ...decision.problems,
    ...status.problems,
    ...boxes.problems,
    ...reviewer.problems,
    ...passed.problems,
    ...conflictAmong(said),
    ...unproven(said, request, boxes),
    ...beside,
    ...unreadableWhereDecided(body, frontmatter.bodyLine),
    ...mergeMarks(body, frontmatter.bodyLine),
    ...intact.problems,
  ];
  const clear = problems.some(stopsAll) ? null : (said[0] ?? null);
  return {
    verb: clear?.verb ?? null,
    via: clear?.via ?? null,
    objects: statements.some(({ verb }) => verb !== "approve"),
    said: clear === null ? null : saidBy(clear, said, request),
    approvals: clear?.verb === "approve" ? statements.flatMap(ballotOf) : [],
    unrecorded: said.some((one) => !isRecorded(one, request)),
    dropped: dropped !== null,
    unticked: boxes.named.filter(({ ticked }) => !ticked).map(({ name }) => name),
    wordless:
      dropped === null &&
      decision.raw === "" &&
      status.raw === "" &&
      !boxes.ticked.some(({ verb }) => verb === "approve"),
    delegate_to: passed.text,
    resolution: problems.some(stopsAll) ? null : boxes.resolution,
    reviewer: reviewer.text,
    reason: reason.text,
    proposal: problems.every(isProposal) ? intact.proposal : null,
    shown: intact.shown,
    outdated: dropped === null && intact.outdated,
    problems,
    half_typed:
      problems.filter((found) => !isProposal(found)).length === 1 &&
      (decision.half_typed || status.half_typed),
    fingerprint: JSON.stringify([
      ...[dropped, decision.raw, status.raw, reviewer.text, reason.text, passed.text, boxes.marks],
      beside.length,
    ]),
    answer: answerIn(text),
    stale: standingIn(text) !== renderStanding(asWaiting(request)) || hasOtherBoxes(body, asWaiting(request)),
    asks_outcome: boxes.asks_outcome,
  };
}

function isProposal({ code }: Problem): boolean {
  return code === "action_proposed";
}

/** Most looks are at notes that nobody has touched: those need no parsing. */
const UNTOUCHED: Reading = {
  verb: null,
  via: null,
  objects: false,
  said: null,
  approvals: [],
  unrecorded: false,
  dropped: false,
  unticked: [],
  wordless: false,
  delegate_to: null,
  resolution: null,
  reviewer: null,
  reason: null,
  proposal: null,
  shown: null,
  outdated: false,
  problems: [],
  half_typed: false,
  fingerprint: "untouched",
  answer: "",
  stale: false,
  asks_outcome: false,
};

function sameAsWritten(bytes: Uint8Array, request: Request): boolean {
  return request.status === "pending" && Buffer.compare(bytes, Buffer.from(renderNote(request))) === 0;
}

/** The reading of what is no readable note: no statement, only problems. */
export function unreadable(problems: readonly Problem[], text = ""): Reading {
  return {
    ...UNTOUCHED,
    problems,
    wordless: false,
    fingerprint: `unreadable ${problems.map((found) => found.code).join(" ")}`,
    answer: answerIn(text),
  };
}

/**
 * What is said besides the approvals that are recorded already, since a vote stays in the note when the next person
 * comes. Where nothing else is said, the recorded ones.
 */
function unrecorded(statements: readonly Statement[], request: Request): readonly Statement[] {
  if (rosterIn(request) === null) return statements;
  const others = statements.filter((one) => !isRecorded(one, request));
  return others.length === 0 ? statements : others;
}

function isRecorded({ verb, by }: Statement, request: Request): boolean {
  if (rosterIn(request) === null) return false;
  return verb === "approve" && approvalsOf(request).some((vote) => isBy(vote, by));
}

function saidBy({ verb }: Statement, said: readonly Statement[], request: Request): string {
  if (rosterIn(request) === null) return verb;
  return JSON.stringify([verb, ...said.map(({ by }) => by)]);
}

function ballotOf({ verb, by, via }: Statement): Ballot[] {
  return verb === "approve" ? [{ reviewer: by, via }] : [];
}

/** As it would be if it waited now: a reading does not depend on the status. */
function asWaiting(request: Request): Request {
  const { submission, amendment, revision, history, votes, roster, delegations, asked } = request;
  return {
    status: "pending",
    submission,
    revision,
    history,
    ...(amendment && { amendment }),
    ...(votes && { votes }),
    ...(roster && { roster }),
    ...(delegations && { delegations }),
    ...(asked !== undefined && { asked }),
  };
}

/** What an approval lacks by the request's rule, whoever gives it. */
function unproven(said: readonly Statement[], { submission }: Request, boxes: Boxes): Problem[] {
  const { verdict } = submission;
  if (verdict === undefined || said[0]?.verb !== "approve") return [];
  const open = verdict.checklist.filter((point) => !boxes.checked.has(point));
  return [
    ...(isAtLeast("edit", verdict.min_assurance) ? [] : [problem("assurance_too_low")]),
    ...(open.length === 0
      ? []
      : [
          problem(
            "checklist_open",
            null,
            `Not ticked yet: ${open.map((point) => `“${visibleLine(point, 80)}”`).join(", ")}.`,
          ),
        ]),
  ];
}

function conflictAmong(said: readonly Statement[]): Problem[] {
  const other = said.find((statement) => statement.verb !== said[0]?.verb);
  const first = said[0];
  if (first === undefined || other === undefined) return [];
  const tell = ({ verb, via, line }: Statement) => {
    if (via === "folder") return `${NAMES[verb]} (the folder it was moved to)`;
    return `${NAMES[verb]} (${via.endsWith("box") ? "box" : `**${via}**`}, line ${line})`;
  };
  return [problem("conflict", null, `The note says ${tell(first)} and ${tell(other)}.`)];
}

/** A property of the person's own that is named like a decision, as a checkbox for instance: nothing reads it. */
function besideTheFields({ properties }: Frontmatter, said: readonly Statement[]): Problem[] {
  return [...properties.values()].flatMap((property) => {
    const { key, line, node } = property;
    const verb = Object.hasOwn(WORDS, key) ? WORDS[key] : undefined;
    if (verb === undefined || isEmpty(property) || (isScalar(node) && node.value === false)) return [];
    if (said.length > 0 && said.every((statement) => statement.verb === verb)) return [];
    const message = `**${key}** is not a property that decides; the word belongs into **decision**.`;
    return [problem("unclear_value", line, message)];
  });
}

/** Programs do not agree on what a lone CR is, and a terminal acts on other controls: each shows another decision. */
function unreadableWhereDecided(body: Body, firstLine: number): Problem[] {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the point.
  const control = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/;
  const found = decisionArea(body, HEADINGS.next).find(({ text }) => control.test(text));
  if (found === undefined) return [];
  const message = "An invisible control character stands where one decides.";
  return [problem("control_character", firstLine + found.index, message)];
}

/**
 * What an unfinished merge leaves; a person deciding on such a note may be looking at somebody else's side. Where one
 * decides, one mark is enough; elsewhere lines are not counted, since the callout that tells of them moves them.
 */
function mergeMarks(body: Body, firstLine: number): Problem[] {
  const mark = /^(<{7}|>{7}|\|{7})( |$)/;
  const near = decisionArea(body, HEADINGS.next).find(({ fence, text }) => fence === null && mark.test(text));
  if (near !== undefined) return [problem("merge_conflict", firstLine + near.index)];
  // An agent's own text may hold such lines, but never as JSON.
  const shown = body.lines.filter(({ fence }) => fence === null || isJson(body.lines[fence]?.text ?? ""));
  const has = (start: string) => shown.some(({ text }) => text.startsWith(start));
  return has("<<<<<<< ") && has(">>>>>>> ") ? [problem("merge_conflict")] : [];
}

function isJson(fence: string): boolean {
  return /^`{3,}json\s*$/.test(fence);
}

function ticks(boxes: Boxes): readonly Statement[] {
  const named = boxes.named.filter(({ ticked }) => ticked);
  return [
    ...boxes.ticked.map(({ verb, line }): Statement => ({ verb, via: "box", line, by: null })),
    ...named.map(({ name, line }): Statement => ({ verb: "approve", via: "own_box", line, by: name })),
  ];
}

const NAMES: Readonly<Record<Verb, string>> = {
  approve: "approved",
  reject: "rejected",
  request_changes: "changes_requested",
};
