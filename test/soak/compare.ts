import { basename } from "node:path";
import { type Ballot, type Files, isNobodys, type Verdict } from "./ballot.ts";
import type { Recorded } from "./journal.ts";
import type { State, Told } from "./told.ts";
import { SETTLE_MS } from "./world.ts";

/**
 * Between the daemon's reading of a note and the record that it makes of it. Generous, since the machine may do
 * something else in between; what nobody said at any time is found all the same.
 */
const SLACK_MS = 1_000;
/** What stands so long beyond `settle`, the daemon running, must have been acted on before it went. */
const SURELY_MS = 4_000;
/** Clocks are read to the millisecond. */
const ROUNDING_MS = 3;
/** What stood for longer, it must have seen; anything shorter it may have missed. */
const SEEN_MS = 1_500;

const FINAL = new Set([
  "executed",
  "failed",
  "rejected",
  "changes_requested",
  "cancelled",
  "expired",
  "resolved_happened",
  "resolved_did_not",
]);

/** A time in which the daemon could not act. */
export interface Interval {
  readonly from: number;
  readonly to: number;
}

export interface Outcome {
  readonly told: Told;
  readonly records: readonly Recorded[];
  readonly executions: number;
  /** While it was dead. */
  readonly absences: readonly Interval[];
  /** While it did not answer: what stood in these times, it may not have seen. */
  readonly stalls: readonly Interval[];
  /** While nothing may be started, for certain. */
  readonly halts: readonly Interval[];
  /** When the comparison is made. */
  readonly now: number;
}

export function finalOf(records: readonly Recorded[]): string | null {
  return records.find(({ type }) => FINAL.has(type))?.type ?? null;
}

/** What must never have happened, whatever may still come; in sentences. */
export function wrongs(outcome: Outcome): string[] {
  const { records, executions, absences, halts } = outcome;
  const types = records.map(({ type }) => type);
  return [
    ...(executions > 1 ? [`it was executed ${executions} times`] : []),
    ...(executions > 0 && !types.includes("started") ? ["it was executed without a recorded start"] : []),
    ...records.flatMap((record, i) => judge(outcome, record, records.slice(0, i))),
    ...(types.includes("outcome_lost") && absences.length === 0 ? ["its outcome was lost"] : []),
    // A halt catches what is recorded as started and has not begun.
    ...(types.includes("failed") && (executions > 0 || halts.length === 0) ? ["it failed"] : []),
    ...(types.filter((type) => FINAL.has(type)).length > 1 ? ["it was finished twice"] : []),
    ...overlooked(outcome),
  ];
}

/** Whether a record has something that it came from, at its time. */
function judge(outcome: Outcome, { type, at, via }: Recorded, before: readonly Recorded[]): string[] {
  const { told } = outcome;
  const called = (verb: string) => told.calls.some((call) => call.verb === verb && call.began <= at);
  const missing = (what: string) => [`${what} at ${new Date(at).toISOString()}`];
  switch (type) {
    case "approved":
      if (via === "http") return called("approve") ? [] : missing("approved by a call that nobody made");
      if (!stood(told, at, ["approve"])) return missing("approved while no approval stood in its note");
      return isTyped(via) && !settled(outcome, at) ? missing("approved before it had settled") : [];
    case "started": {
      if (outcome.halts.some(({ from, to }) => from < at && at < to)) return missing("started during a halt");
      const approval = before.findLast((record) => record.type === "approved");
      if (approval?.via === "http" || stood(told, at, ["approve"])) return [];
      return missing("started while no approval stood in its note");
    }
    case "rejected":
      if (via === "http") return called("reject") ? [] : missing("rejected by a call that nobody made");
      return stood(told, at, ["reject"]) ? [] : missing("rejected while no rejection stood in its note");
    case "changes_requested":
      return stood(told, at, ["request_changes"]) ? [] : missing("changes requested that nobody asked for");
    case "taken_back":
      // A note that was deleted before the start is written again, and asks anew.
      return stood(told, at, ["silent", "unclear", "request_changes", "reject", "nowhere"])
        ? []
        : missing("taken back by nobody");
    case "cancelled":
      return called("cancel") ? [] : missing("cancelled by nobody");
    case "expired":
      return missing(type);
    default:
      return [];
  }
}

const isTyped = (via: string | null) => via === "decision" || via === "status";

type Span = State & { readonly until: number; readonly surely_until: number };

/** Each state with the time until which it may have been seen, and until which it stood for certain. */
function spans({ states }: Told): Span[] {
  return states.map((state, i) => {
    const next = states[i + 1] ?? { began: Number.POSITIVE_INFINITY, done: Number.POSITIVE_INFINITY };
    return { ...state, until: next.done, surely_until: next.began };
  });
}

/** How much of a time the daemon was awake, in ms. */
function awake(from: number, to: number, stalls: readonly Interval[]): number {
  const asleep = stalls.map((stall) => Math.max(0, Math.min(stall.to, to) - Math.max(stall.from, from)));
  return to - from - asleep.reduce((sum, ms) => sum + ms, 0);
}

function stood(told: Told, at: number, verdicts: readonly Verdict[]): boolean {
  return spans(told).some(
    ({ began, until, ballot }) => verdicts.includes(ballot.verdict) && began <= at && until >= at - SLACK_MS,
  );
}

/** Whether the word began to stand early enough; what was too short to be seen in between does not count against it. */
function settled({ told, stalls }: Outcome, at: number): boolean {
  const seen = spans(told).filter(({ began }) => began <= at);
  const last = seen.findLastIndex(
    ({ done, surely_until, ballot }) =>
      !ballot.says_approve && awake(done, Math.min(surely_until, at), stalls) >= SEEN_MS,
  );
  const first = seen.slice(last + 1).find(({ ballot }) => ballot.says_approve);
  return first !== undefined && first.began <= at - SETTLE_MS + ROUNDING_MS;
}

/** What stood in the note long enough, and came to nothing. */
function overlooked({ told, records, absences, stalls, now }: Outcome): string[] {
  const end = records.find(({ type }) => FINAL.has(type) || type === "approved" || type === "started");
  return standing(told, stalls).flatMap(({ began, until, verdict }) => {
    if (verdict !== "approve" && verdict !== "reject" && verdict !== "request_changes") return [];
    const to = Math.min(until, now);
    if (awake(began, to, stalls) < SETTLE_MS + SURELY_MS || absences.some(meets(began, to))) return [];
    if (end !== undefined && end.at <= to) return [];
    return [
      `${verdict} stood from ${new Date(began).toISOString()} to ${new Date(to).toISOString()}, unheard`,
    ];
  });
}

const meets =
  (from: number, to: number) =>
  (interval: Interval): boolean =>
    interval.from < to && interval.to > from;

/** Runs of one and the same verdict, from when it stood for certain; an approval that need not count is left out. */
function standing(
  told: Told,
  stalls: readonly Interval[],
): { began: number; until: number; verdict: Verdict }[] {
  const runs: { began: number; until: number; verdict: Verdict }[] = [];
  const from = misledFrom(told, stalls);
  for (const { began, done, until, ballot } of spans(told)) {
    const verdict = began >= from && ballot.verdict === "approve" ? "unclear" : ballot.verdict;
    const last = runs.at(-1);
    if (last?.verdict === verdict) runs[runs.length - 1] = { ...last, until };
    else runs.push({ began: done, until, verdict });
  }
  return runs;
}

/**
 * From when on an approval may have been given over another text, so that mending that does not have to make it count:
 * also where one half of a save was followed by another's, or by another text, before anybody could see what it became.
 */
function misledFrom(told: Told, stalls: readonly Interval[]): number {
  const all = spans(told);
  const isBrief = ({ done, until }: Span) => awake(done, until, stalls) < SEEN_MS;
  const first = all.find(({ ballot: { says_approve, approves_other, verdict, shows_other } }, i) => {
    if (!(says_approve || approves_other) || verdict === "approve") return false;
    const [before, next] = [all.slice(0, i), all[i + 1]];
    const lately = before.slice(before.findLastIndex((span) => !isBrief(span)) + 1);
    return (
      shows_other ||
      next === undefined ||
      isBrief(next) ||
      before.some(({ ballot }) => ballot.shows_other) ||
      lately.some(({ ballot }) => ballot.is_cut)
    );
  });
  return first?.began ?? Number.POSITIVE_INFINITY;
}

/** What is still to come: empty once the daemon is through with everything that the hands have left. */
export function unfinished(
  { told, records, stalls }: Outcome,
  {
    files,
    ballot,
    dashboard,
  }: { readonly files: Files; readonly ballot: Ballot; readonly dashboard: string },
): string[] {
  const paths = [...files.keys()];
  const final = finalOf(records);
  const there = paths.filter((path) => /^(Pending_Approval|Approved|Rejected)\/[^.~#][^/]*\.md$/.test(path));
  const nobodys = there.filter((path) => isNobodys(basename(path), files.get(path) ?? "", told.id));
  const isListed = (heading: string, name: string) => tells(dashboard, heading, name);
  const unlisted = nobodys
    .filter((path) => !isListed("Not known", basename(path)))
    .map((path) => `${path} cannot be read, and the dashboard does not say so`);
  if (final !== null) {
    return [
      ...(records.some(({ type }) => type === "archived") ? [] : ["it is finished and not archived"]),
      ...unlisted,
      ...there
        .filter((path) => !nobodys.includes(path))
        .map((path) => `it is finished, and ${path} is still there`),
      ...(paths.some((path) => path.startsWith("Done/")) ? [] : ["it is finished and not in Done"]),
    ];
  }
  const { verdict } = ballot;
  const expected = standing(told, stalls).at(-1)?.verdict;
  const isMixed = paths.some((path) => path.includes("(saved meanwhile"));
  const acts = (one: Verdict | undefined) =>
    one === "reject" ||
    one === "request_changes" ||
    (one === "approve" && misledFrom(told, stalls) === Number.POSITIVE_INFINITY);
  return [
    ...unlisted,
    ...(acts(verdict) ? [`its files say ${verdict}`] : []),
    ...(!isMixed && acts(expected) ? [`the last that was said is ${expected}`] : []),
    ...(verdict === "nowhere" && !isListed("Moved away", told.id)
      ? ["its note is neither there nor listed as moved"]
      : []),
    ...(verdict === "unclear" && !isListed("Not understood", told.id)
      ? ["the dashboard does not say it is unclear"]
      : []),
  ];
}

/** Whether a list of the dashboard names something, or says that it has more than it shows. */
function tells(dashboard: string, heading: string, name: string): boolean {
  const section = dashboard.split(/^## /m).find((part) => part.startsWith(heading)) ?? "";
  return section.includes(name) || /^- and \d+ more$/m.test(section);
}
