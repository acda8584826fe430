import type { Submission } from "../core/request.ts";
import { attemptNumber, type Past, type Previous } from "../core/retry.ts";
import type { Body } from "./body.ts";
import { HEADINGS } from "./labels.ts";
import { inline, sentence } from "./visible.ts";

/** The properties that say which attempt a request is, and behind which it comes; none for a first one. */
export function attemptProperties(submission: Submission): ReadonlyMap<string, string> {
  const number = attemptNumber(submission);
  if (number === 1) return new Map();
  const { previous } = submission;
  return new Map([
    ["attempt", String(number)],
    ...(previous === undefined ? [] : ([["previous", previous.id]] as const)),
  ]);
}

/** The first line of a note about an action to which a person said no before. */
export function renderRefusedBefore(past: Past): string {
  return `> [!warning] The same action ${outcomeOf(past)}${reasonOf(past)} See [[${past.id}]].`;
}

/** Which attempt it is, what was said of the one before, and what has changed since. */
export function renderPrevious(submission: Submission, previous: Previous): string {
  const { max_attempts } = submission;
  const of = max_attempts === undefined ? "" : ` of ${max_attempts}`;
  const said = `This is attempt ${attemptNumber(submission)}${of}. The one before, [[${previous.id}]], ${outcomeOf(previous)}${reasonOf(previous)}`;
  const changes = previous.changes.map((change) => `- ${sentence(change)}.`).join("\n");
  return [HEADINGS.since, said, changes === "" ? "Nothing in the action has changed since." : changes].join(
    "\n\n",
  );
}

/** Whether the note still shows its first line about a no; true where it has none. */
export function showsRefusal({ lines }: Body, { refused_before }: Submission): boolean {
  if (refused_before === undefined) return true;
  const shown = renderRefusedBefore(refused_before);
  return lines.find(({ text }) => text.trim() !== "")?.text.trimEnd() === shown;
}

const OUTCOMES: Readonly<Record<Past["outcome"], string>> = {
  executed: "was executed",
  failed: "failed",
  rejected: "was rejected",
  changes_requested: "was sent back for changes",
  expired: "expired",
  cancelled: "was cancelled",
  denied: "was denied by the policy",
};

function outcomeOf({ outcome, at, by }: Past): string {
  const who = by === null ? "" : ` by ${inline(by)}`;
  return `${OUTCOMES[outcome]} at ${at.replace(/\.\d+Z$/, "Z")}${who}`;
}

function reasonOf({ reason }: Past): string {
  if (reason === null) return ".";
  const told = inline(reason, 600);
  return `: ${told}${/[.!?…]$/.test(told) ? "" : "."}`;
}
