import type { Version } from "../core/amendment.ts";
import { formatDuration } from "../core/duration.ts";
import type { Request } from "../core/request.ts";
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

const TAKE_BACK = "> To take it back, untick the box or empty the word; to say no, write `rejected`.";

/** That an approved request does not start yet; the empty string where it may. */
export function renderStart(request: Request): string {
  if (request.status !== "approved" || request.opens === null || !("decision" in request)) return "";
  const by = inline(request.decision.reviewer);
  return `> [!info] Approved by ${by}; starts at ${shortTime(request.opens)} unless it is taken back.\n${TAKE_BACK}`;
}

/** To the second, as the other times in a note. */
export function shortTime(iso: string): string {
  return iso.replace(/\.\d+Z$/, "Z");
}

/** How that callout is known in a note: what its first line begins with, that line, and the one below. */
export const START_CALLOUT = {
  mark: "> [!info] Approved by ",
  head: (line: string) =>
    /^> \[!info\] Approved by .{1,400}; starts at \S{20} unless it is taken back\.\s*$/.test(line),
  below: (line: string) => line.trimEnd() === TAKE_BACK,
};
