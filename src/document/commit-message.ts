import type { Event, EventType } from "../core/event.ts";
import type { Request } from "../core/request.ts";
import { wouldHave } from "../core/verdict.ts";
import { visibleLine } from "./visible.ts";

/** One journal record and the request's state after it: what one commit, or one block of a shared commit, tells. */
export interface Transition {
  readonly record: { readonly seq: number; readonly hash: string; readonly event: Event };
  readonly request: Request;
}

/** Where in the journal a commit stands: the record's number and hash. */
export interface AuditHead {
  readonly seq: number;
  readonly hash: string;
}

const SUBJECT_CHARACTERS = 72;
const VALUE_CHARACTERS = 120;
const REASON_CHARACTERS = 400;

const VERBS = {
  submitted: "request",
  joined: "ask again for",
  amended: "amend",
  allowed: "allow",
  denied: "deny",
  sent_back: "send back",
  roster_changed: "change the roster of",
  delegated: "delegate",
  voted: "vote for",
  reminded: "remind of",
  escalated: "escalate",
  vote_withdrawn: "withdraw a vote for",
  quorum_lost: "ask again for",
  approved: "approve",
  rejected: "reject",
  changes_requested: "request changes of",
  settled: "settle",
  taken_back: "take back",
  started: "start",
  retried: "retry",
  executed: "execute",
  failed: "fail",
  outcome_lost: "lose the outcome of",
  resolved_happened: "confirm",
  resolved_did_not: "disclaim",
  expired: "expire",
  cancelled: "cancel",
  archived: "archive",
  refused: "refuse",
} as const satisfies Record<EventType, string>;

/**
 * The commit message of one transition, or of several that share a commit: a sentence, what a person said, and one
 * block of trailers per event, each from `Request-Id` to `Audit-Head`. Whatever the title, a name or a reason holds, it
 * stays inside its own line, so it can add no trailer and no line.
 */
export function commitMessage(transitions: readonly Transition[]): string {
  const told = transitions.filter((one, i) => !continues(transitions[i - 1], one));
  const [only, second] = told;
  if (only === undefined) throw new Error("unreachable: a commit tells at least one transition");
  // All blocks stand in one paragraph, because git takes only the last paragraph for trailers.
  const trailers = transitions.flatMap(trailersOf).join("\n");
  if (second === undefined) {
    const reason = reasonOf(only.record.event);
    return [sentence(only), ...(reason === "" ? [] : [`because: ${reason}`]), `${trailers}\n`].join("\n\n");
  }
  const requests = new Set(told.map(({ request }) => request.submission.fields.id)).size;
  const subject = `record ${told.length} transitions of ${requests} ${requests === 1 ? "request" : "requests"}`;
  return [subject, told.map(sentence).join("\n"), `${trailers}\n`].join("\n\n");
}

/**
 * Whether a transition is only the daemon's next step behind the one before it: the start behind the approval that it
 * consumes, the move to `Done/` behind the outcome. Such a pair is one commit with one sentence.
 */
export function continues(before: Transition | undefined, after: Transition): boolean {
  if (before === undefined || before.record.seq + 1 !== after.record.seq) return false;
  if (before.request.submission.fields.id !== after.request.submission.fields.id) return false;
  const { type } = before.record.event;
  if (after.record.event.type === "started") return type === "approved" || type === "allowed";
  return after.record.event.type === "archived" && type !== "refused";
}

/** The journal positions that a commit message claims to stand for; empty for any other commit's message. */
export function auditHeads(message: string): AuditHead[] {
  const lastParagraph =
    message
      .trimEnd()
      .split(/\n[ \t]*\n/)
      .at(-1) ?? "";
  return [...lastParagraph.matchAll(/^Audit-Head: (\d{1,15}) (\S{1,128})$/gm)].flatMap(([, seq, hash]) =>
    seq === undefined || hash === undefined ? [] : [{ seq: Number(seq), hash }],
  );
}

function sentence({ record, request }: Transition): string {
  const { fields, title } = request.submission;
  return visibleLine(`${VERBS[record.event.type]} ${fields.id}: ${title}`, SUBJECT_CHARACTERS);
}

function trailersOf({ record, request }: Transition): string[] {
  const { fields, digest } = request.submission;
  const decision = "decision" in record.event ? record.event.decision : null;
  const verdict = "verdict" in record.event ? (record.event.verdict ?? null) : null;
  const trailers: [string, string | null][] = [
    ["Request-Id", fields.id],
    ["Event", record.event.type],
    ["Digest", "digest" in record.event ? record.event.digest : (decision?.digest ?? digest)],
    ["Reviewer", reviewerOf(record.event)],
    ["Assurance", decision?.assurance ?? null],
    ["Rule", verdict === null ? fields.rule : verdict.rule],
    ["Policy", verdict === null ? fields.policy : verdict.policy],
    ["Shadow", verdict === null ? null : wouldHave(verdict)],
    ["Audit-Head", `${record.seq} ${record.hash}`],
  ];
  return trailers.flatMap(([key, value]) => {
    const line = visibleLine(value ?? "", VALUE_CHARACTERS);
    return line === "" ? [] : [`${key}: ${line}`];
  });
}

function reviewerOf(event: Event): string | null {
  switch (event.type) {
    case "voted":
    case "approved":
    case "rejected":
    case "changes_requested":
      return event.decision.reviewer;
    case "settled":
      return event.reviewer;
    case "delegated":
      return event.from;
    case "vote_withdrawn":
    case "amended":
    case "taken_back":
    case "resolved_happened":
    case "resolved_did_not":
      return event.by;
    default:
      return null;
  }
}

function reasonOf(event: Event): string {
  if (event.type === "allowed" || event.type === "denied" || event.type === "sent_back")
    return visibleLine(event.verdict.reason, REASON_CHARACTERS);
  const reason = "decision" in event ? event.decision.reason : "reason" in event ? event.reason : null;
  return visibleLine(reason ?? "", REASON_CHARACTERS);
}
