import { approversOf, type FinalRequest, type HistoryLine, type Request } from "../core/request.ts";
import { heldBack } from "../core/shadow.ts";
import { tellRule } from "../core/verdict.ts";
import { sha256 } from "./digest.ts";
import { HEADINGS } from "./labels.ts";
import { renderShadow } from "./shadow.ts";
import { fenced, fencedJson, inline, sentence } from "./visible.ts";

const SUMMARIES: Readonly<Record<FinalRequest["status"], string>> = {
  executed: "[!success] Executed",
  failed: "[!failure] Approved, but the execution failed",
  rejected: "[!failure] Rejected",
  changes_requested: "[!question] Changes requested",
  expired: "[!failure] Expired: there was no decision in time, so nothing was done",
  cancelled: "[!info] Cancelled by the requester; nothing was done",
  denied: "[!failure] Denied by the policy; nothing was done",
};

/** The callout that stands where the question stood: what came of it, and who decided. */
export function renderSummary(request: FinalRequest): string {
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
export function renderAnswered({ history }: FinalRequest, doubt: HistoryLine): string {
  const answer = history.findLast(({ event }) => event.startsWith("resolved_"));
  const happened = answer?.event === "resolved_happened" ? "it happened" : "it did not happen";
  const why = answer?.detail ? `: ${inline(answer.detail)}` : "";
  return (
    `> [!info] Its end was not seen: ${inline(doubt.detail ?? "")}.\n` +
    `> ${inline(answer?.by ?? "unnamed")} says that ${happened}${why}.`
  );
}

/** The section with what the handler gave, or that nothing was executed. */
export function renderResult(request: FinalRequest): string {
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
export function renderHistory({ history, finished_at }: FinalRequest): string {
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
