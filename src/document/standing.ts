import { approvalsOf, approversOf, askedOf, type Request } from "../core/request.ts";
import { type Missing, missingIn } from "../core/voting.ts";
import { renderApproved } from "./timing.ts";
import { inline } from "./visible.ts";

/**
 * How a request stands: how often it was asked for and who has approved while it waits for a decision, and what comes of
 * it when it is approved and waits for that, or is its caller's; the empty string otherwise.
 */
export function renderStanding(request: Request): string {
  return [renderAsked(request), renderVotes(request), renderApproved(request)]
    .filter((part) => part !== "")
    .join("\n\n");
}

export const VOTES_HEAD = "> [!info] Where this stands";

/** Who has approved, what is missing, and who has passed it on; the empty string where nobody has. */
function renderVotes(request: Request): string {
  const { status, delegations = [] } = request;
  const approvers = approversOf(request);
  const approved = approvers.map((name) => inline(name));
  const idle = approvalsOf(request).flatMap(({ reviewer }) =>
    approvers.includes(reviewer) ? [] : [inline(reviewer)],
  );
  const isUntouched = approved.length + idle.length + delegations.length === 0;
  if (status !== "pending" || isUntouched) return "";
  return [
    VOTES_HEAD,
    ...(approved.length === 0 ? [] : [`> Approved so far by ${approved.join(", ")}.`]),
    ...(idle.length === 0
      ? []
      : [`> Does not count, since they may not decide any more: ${idle.join(", ")}.`]),
    `> Still needed: ${missingIn(request).map(tellMissing).join(" and ")}.`,
    ...delegations.map(({ from, to }) => `> Passed on: ${inline(from)} to ${inline(to)}.`),
  ].join("\n");
}

/** What one group still lacks, and who could give it. */
export function tellMissing({ of, count, persons }: Missing): string {
  if (of === null || persons === null) return `${count} of anybody`;
  const names = inline(persons.join(", ") || "nobody now");
  const isGroup = persons.join() !== of.join();
  return `${count} of ${inline(of.join(", "))}${isGroup ? ` (${names})` : ""}`;
}

/** That the request was asked for more than once, for as long as it waits; the empty string otherwise. */
function renderAsked(request: Request): string {
  const asked = askedOf(request);
  if (request.status !== "pending" || asked === 1) return "";
  const { requester } = request.submission.fields;
  return `> [!info] Asked ${asked} times by ${inline(requester)}; one decision answers all.`;
}

/** How often a line of a note says that it was asked for; null when it is another line. */
export function askedInLine(line: string): number | null {
  const found = /^> \[!info\] Asked (\d{1,9}) times by .{0,500}; one decision answers all\.$/.exec(
    line.trimEnd(),
  );
  return found === null ? null : Number(found[1]);
}
