import type { Version } from "../core/amendment.ts";
import { formatDuration } from "../core/duration.ts";
import { approvalsOf, type Request } from "../core/request.ts";
import { inline } from "./visible.ts";

/** When what is approved starts, in sentences; none where nothing but the decision is waited for. */
export function tellTiming({ not_before, verdict }: Version): readonly string[] {
  const { cool_off_ms = null, execute_by_ms = null, says } = verdict ?? {};
  const from = not_before === undefined ? "the approval" : "the approval, or of that time where it is later";
  return [
    ...(not_before === undefined ? [] : [`It does not start before ${not_before}.`]),
    ...(cool_off_ms === null || says !== "require_approval"
      ? []
      : [`It starts ${formatDuration(cool_off_ms)} after the approval, which can be taken back until then.`]),
    ...(execute_by_ms === null
      ? []
      : [`Where it cannot start within ${formatDuration(execute_by_ms)} of ${from}, it is not done.`]),
  ];
}

const SAY_NO = "> To say no, write `rejected`.";
const TAKE_BACK = "> To take it back, untick the box or empty the word; to say no, write `rejected`.";

/**
 * Who has approved, and what comes of it when: of what starts later, and of what its caller carries out, which may take
 * its time. The empty string otherwise.
 */
export function renderApproved(request: Request): string {
  if (!("decision" in request)) return "";
  const { submission } = request;
  const by = `> [!info] Approved by ${inline(request.decision.reviewer)};`;
  const caller = inline(submission.fields.requester);
  if (request.status === "executing" && submission.caller) {
    return `${by} ${caller} has been carrying it out since ${shortTime(request.started_at)}.`;
  }
  if (request.status !== "approved" || (request.opens === null && !submission.caller)) return "";
  const unless = approvalsOf(request).some(({ note_sha256 }) => note_sha256 !== null) ? TAKE_BACK : SAY_NO;
  const [opens, lapses] = [request.opens, request.lapses].map((at) => (at === null ? null : shortTime(at)));
  const window = `${opens ? ` from ${opens}` : ""}${lapses ? ` until ${lapses}` : ""}`;
  const what = submission.caller ? `${caller} may carry it out${window}` : `starts at ${opens}`;
  return `${by} ${what} unless it is taken back.\n${unless}`;
}

/** To the second, as the other times in a note. */
export function shortTime(iso: string): string {
  return iso.replace(/\.\d+Z$/, "Z");
}

/** How that callout is known in a note: what its first line begins with, that line, and the one below. */
export const APPROVED_CALLOUT = {
  mark: "> [!info] Approved by ",
  head: (line: string) =>
    /^> \[!info\] Approved by .{0,500}; (?:(?:starts at \S{20}|.{0,500} may carry it out(?: from \S{20})?(?: until \S{20})?) unless it is taken back|.{0,500} has been carrying it out since \S{20})\.\s*$/.test(
      line,
    ),
  below: (line: string) => [TAKE_BACK, SAY_NO].includes(line.trimEnd()),
};
