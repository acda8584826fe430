import type { Version } from "./amendment.ts";
import { type Problem, problem, stopsAll } from "./codes.ts";
import { type Constraints, stricterOf } from "./constraints.ts";
import { nextNudge, nudgeDue } from "./escalation.ts";
import type { Event } from "./event.ts";
import type { Look, Reading } from "./look.ts";
import type { Memory } from "./memory.ts";
import { type People, UNNAMED } from "./people.ts";
import {
  type Attempt,
  approvalsOf,
  type Decision,
  isClosed,
  isReportable,
  type Request,
  type Verb,
} from "./request.ts";
import { closesAt, type Limits, opensAt, wakeAt, windowOf } from "./timing.ts";
import { standing, type Verdict } from "./verdict.ts";
import {
  approvalBy,
  byPerson,
  decidingVote,
  isEnough,
  isPassedOn,
  isUntick,
  newBallots,
  newDelegation,
  problemsWithVotes,
  rosterDue,
  withdrawnFrom,
  wrongWithVote,
} from "./voting.ts";

/** How long a note must be quiet before the daemon writes an answer into it. */
const QUIET_MS = 10_000;
/** The same while its word is the beginning of a valid one. */
const TYPING_MS = 30_000;
/** The same where copies of a note differ: a sync tool may still be moving one of them, and a write would bring it back. */
const SYNC_MS = 120_000;
/** How long no file may have had the request's own name before one of another name is the note. */
const UNNAMED_MS = 2_000;
/** How long a reason may go on being typed behind a rejection, however often the note is saved. */
const REASON_LIMIT_MS = 60_000;
/** How long a note that came back too late must be let alone before it is kept: nobody waits for that. */
const LATE_MS = 1_000;
/** How soon to look again while the vault's repository is in a merge. */
const MERGE_POLL_MS = 1_000;

/** Everything besides the journal that can matter for what is due. */
export interface World {
  /** The daemon's clock, in ms since the epoch. */
  readonly now: number;
  readonly look: Look;
  readonly memory: Memory | null;
  readonly people: People;
  /** Whether this process is executing the request at this moment. */
  readonly running: boolean;
  /** Whether the request was submitted by this process and its note has not been written yet. */
  readonly fresh: boolean;
  readonly halted: boolean;
  /** Whether the clock cannot be trusted: then only a no counts, and nothing is decided by time. */
  readonly frozen: boolean;
  /** Whether the vault's repository is in the middle of a merge or rebase. */
  readonly merging: boolean;
  /** How this kind is executed; null when the configuration does not have it any more. */
  readonly executor: "daemon" | "caller" | null;
  /** How long an approved request may wait for its start, by the configuration. */
  readonly limits: Limits;
  /** How long a typed statement must stand unchanged before it acts, in ms; the same for ticks. */
  readonly settle_ms: number;
  readonly settle_ticks_ms: number;
  /** What the note's proposal makes of the action, or what is wrong with it; null where none is proposed. */
  readonly proposed: Version | Problem | null;
  /** What the policy, as it is now, says of the request; only where it is approved and not started. */
  readonly verdict: Verdict | null;
  /** What the request becomes where that asks for a decision of its own. */
  readonly renewed: { readonly digest: string; readonly expires: string } | null;
}

/** The next thing due for one request. `wake_at` (ms) says when to look again if nothing else happens. */
export type Due =
  | { readonly do: "record"; readonly event: Event }
  | { readonly do: "show"; readonly came_back: boolean }
  | { readonly do: "answer"; readonly problems: readonly Problem[]; readonly wake_at: number | null }
  /** Brings the note up to date with the action as a person changed it, and takes out what was said before. */
  | { readonly do: "show_amended"; readonly wake_at: number | null }
  | { readonly do: "ask_outcome" }
  | { readonly do: "archive" }
  | { readonly do: "keep_late" }
  | { readonly do: "nothing"; readonly wake_at: number | null };

const NOTHING: Due = { do: "nothing", wake_at: null };

/**
 * What is due for one request, from its recorded state, the note as it is, and the clock alone: right even when every
 * earlier event was lost, and finishing whatever a crash left half done.
 */
export function reconcile(request: Request, world: World): Due {
  if (isClosed(request)) return world.look.at === "folder" ? takeAway({ do: "keep_late" }, world) : NOTHING;
  if (isReportable(request)) return takeAway({ do: "archive" }, world);
  switch (request.status) {
    case "pending":
      return reconcilePending(request, world);
    case "approved":
      return reconcileApproved(request, world);
    case "executing":
      return reconcileExecuting(request, world);
    case "outcome_unknown":
      return reconcileUnknown(request, world);
    case "rejected":
      return settleRejection(request, world);
    default:
      return takeAway({ do: "archive" }, world);
  }
}

/** A save in place shows an empty or half note for a moment: taken away then, it would be torn from what follows. */
function takeAway(due: Due, { now, look, memory }: World): Due {
  const isEmpty = look.at === "folder" && look.reading.problems.some(({ code }) => code === "empty_note");
  const wait = isEmpty ? QUIET_MS : due.do === "keep_late" ? LATE_MS : 0;
  const wake_at = (memory?.bytes_since ?? now) + wait;
  return now < wake_at ? { do: "nothing", wake_at } : due;
}

function reconcilePending(request: Request, world: World): Due {
  const { now, look } = world;
  if (world.frozen) return whileFrozen(request, world);
  const verdict = verdictDue(request, world);
  if (verdict !== null) return verdict;
  const roster = rosterDue(request, world);
  if (roster !== null) return record(roster);
  const deadline = Date.parse(request.submission.fields.expires);
  const reading = look.at === "folder" ? look.reading : null;
  const verb = reading?.verb ?? null;
  const seen = world.memory?.said_since ?? now;
  if (reading !== null && verb !== null && seen < deadline) {
    const due = decideWhenSettled(request, verb, reading, world);
    if (due !== null) return due;
  }
  if (now >= deadline) {
    const isNew =
      verb !== "approve" || (reading !== null && newBallots(request, reading, world.people).length > 0);
    if (
      reading !== null &&
      verb !== null &&
      isNew &&
      seen >= deadline &&
      !alreadyRefused(request, "too_late")
    ) {
      const detail = `${verb} was first seen after the deadline`;
      return record({ type: "refused", at: iso(now), code: "too_late", by: reading.reviewer, detail });
    }
    return record({ type: "expired", at: iso(now) });
  }
  const nudge = nudgeDue(request, now);
  if (nudge !== null) return record(nudge);
  const next = Math.min(deadline, nextNudge(request));
  if (look.at === "nowhere") return showWhenMissing(world, next);
  return (
    withdraw(request, look.reading, world) ??
    passOn(request, look.reading, world, next) ??
    complete(request, look.reading, world) ??
    bringUpToDate(request, world, next) ??
    takeUp(look.reading, world, next) ??
    answer(request, look.reading, world, next)
  );
}

/** What goes on by a clock that cannot be trusted: whoever says no is heard, and whoever has to be asked is asked. */
function whileFrozen(request: Request, world: World): Due {
  const { look } = world;
  const { verdict } = request.submission;
  if (verdict?.says === "deny") return record({ type: "denied", at: iso(world.now), verdict });
  if (look.at === "nowhere") return verdict?.says === "allow" ? NOTHING : showWhenMissing(world, null);
  const { verb } = look.reading;
  if (verb === null || verb === "approve") return NOTHING;
  return decideWhenSettled(request, verb, look.reading, world) ?? NOTHING;
}

/** A person's own tick taken out again, while others are still waited for. */
function withdraw(request: Request, reading: Reading, { now, memory, people, settle_ms }: World): Due | null {
  const vote = withdrawnFrom(request, reading, people);
  if (vote === null) return null;
  // The next person may be about to write another word there.
  const due = isUntick(vote, reading, people) ? now : (memory?.fields_since ?? now) + settle_ms;
  if (now < due) return { do: "nothing", wake_at: due };
  return record({ type: "vote_withdrawn", at: iso(now), by: vote.reviewer });
}

/** Where the votes have become enough by themselves: somebody may decide again, or fewer are needed. */
function complete(request: Request, reading: Reading, { now, merging, limits }: World): Due | null {
  const { verb, problems } = reading;
  if (problems.length > 0 || (verb !== null && verb !== "approve")) return null;
  const decision = decidingVote(request);
  if (decision === null) return null;
  if (merging) return { do: "nothing", wake_at: now + MERGE_POLL_MS };
  return record({ type: "approved", at: iso(now), decision, ...windowOf(request.submission, now, limits) });
}

/** A decision that its reviewer passes on, once the name has stood unchanged for a while. */
function passOn(request: Request, reading: Reading, world: World, deadline: number): Due | null {
  const { now, memory, people } = world;
  if (isUnclear(reading)) return null;
  const passed = newDelegation(request, reading, people);
  if (passed === null || passed.code !== null) return null;
  if (world.merging) return { do: "nothing", wake_at: Math.min(now + MERGE_POLL_MS, deadline) };
  const due = Math.max((memory?.fields_since ?? now) + world.settle_ms, namedFrom(world));
  if (now < due) return { do: "nothing", wake_at: Math.min(due, deadline) };
  const { from, to } = passed;
  return record({ type: "delegated", at: iso(now), from, to, via: "delegate_to", reason: reading.reason });
}

/** What the policy answered when the request was made, where that needs no person. */
function verdictDue({ submission }: Request, { now, limits }: World): Due | null {
  const { verdict, fields } = submission;
  if (verdict?.says === "deny") return record({ type: "denied", at: iso(now), verdict });
  // Only a crash can have come between, and what it left behind for too long is not wanted any more.
  if (verdict?.says !== "allow" || now >= Date.parse(fields.expires)) return null;
  return record({ type: "allowed", at: iso(now), verdict, ...windowOf(submission, now, limits) });
}

/** The policy once more, before anything can start: it may have changed since the answer. */
function reconsider(request: Approved, world: World): Due | null {
  const { now, verdict, renewed, look } = world;
  if (verdict === null || renewed === null) {
    return isEnough(request, request.submission.verdict, world) ? null : loseQuorum(world);
  }
  const found = standing(request, verdict, isEnough(request, verdict, world));
  if (found === "holds") return null;
  if (found === "unseated") return loseQuorum(world);
  if (found === "denied") return record({ type: "denied", at: iso(now), verdict });
  const note_sha256 = look.at === "folder" ? look.sha256 : null;
  return record({ type: "sent_back", at: iso(now), verdict, ...renewed, note_sha256 });
}

function loseQuorum({ now }: World): Due {
  const reason = "not all who approved it may do so any more";
  return record({ type: "quorum_lost", at: iso(now), reason });
}

/** A person's change of the action, once they have left the note alone: from then on it needs a fresh decision. */
function takeUp(reading: Reading, world: World, deadline: number): Due | null {
  const { now, look, proposed } = world;
  if (proposed === null || isProblem(proposed) || look.at === "nowhere") return null;
  const due = quietFrom(reading, world);
  if (now < due) return { do: "nothing", wake_at: Math.min(due, deadline) };
  if (world.merging) return { do: "nothing", wake_at: Math.min(now + MERGE_POLL_MS, deadline) };
  const by = reading.reviewer ?? UNNAMED;
  return record({ type: "amended", at: iso(now), ...proposed, by, via: "note", note_sha256: look.sha256 });
}

/**
 * A note that still shows the action as it was: from the same bytes at once, since the process that recorded the change
 * may have ended before it wrote; from others when they have been left alone. A note that has shown the present action
 * and shows the former one again was put back by somebody, who is told and not fought.
 */
function bringUpToDate(request: Request, world: World, deadline: number | null): Due | null {
  const { now, look, memory } = world;
  if (look.at === "nowhere" || !look.reading.outdated || isUnclear(look.reading)) return null;
  if (memory?.shown === request.submission.digest) return null;
  const due = look.sha256 === request.amendment?.note_sha256 ? now : quietFrom(look.reading, world);
  if (now < due) return { do: "nothing", wake_at: deadline === null ? due : Math.min(due, deadline) };
  return { do: "show_amended", wake_at: deadline };
}

/** Null where what is said does not count, or is recorded already. */
function decideWhenSettled(request: Request, verb: Verb, reading: Reading, world: World): Due | null {
  const { now, memory, people } = world;
  if (verb === "approve") return approveWhenSettled(request, reading, world);
  if (wrongWithVote(request, verb, reading.reviewer, people) !== null) return null;
  const decision = byPerson(decisionOf(request, verb, reading, world), request, people);
  // A "no" blocks at once; only its reason is waited for. Everything else must have stood still first.
  if (verb === "reject") {
    return record({ type: "rejected", at: iso(now), decision, settled: world.settle_ms === 0 });
  }
  if (world.merging) return { do: "nothing", wake_at: now + MERGE_POLL_MS };
  const due = Math.max((memory?.fields_since ?? now) + world.settle_ms, namedFrom(world));
  if (now < due) return { do: "nothing", wake_at: due };
  return record({ type: "changes_requested", at: iso(now), decision });
}

/** The next approval that stands in the note and counts: the decision, or a vote. */
function approveWhenSettled(request: Request, reading: Reading, world: World): Due | null {
  const { now, memory, people } = world;
  if (reading.problems.length > 0) return null;
  const ballot = newBallots(request, reading, people).find(
    (one) =>
      wrongWithVote(request, "approve", one.reviewer, people) === null &&
      !isPassedOn(request, reading, one, people),
  );
  if (ballot === undefined) return null;
  if (world.merging) return { do: "nothing", wake_at: now + MERGE_POLL_MS };
  const isTick = ballot.via === "box" || ballot.via === "own_box" || ballot.via === "folder";
  const settle = isTick ? world.settle_ticks_ms : world.settle_ms;
  const due = Math.max((memory?.fields_since ?? now) + settle, namedFrom(world));
  if (now < due) return { do: "nothing", wake_at: due };
  const { reviewer, via } = ballot;
  const said = { ...decisionOf(request, "approve", reading, world), reviewer: reviewer ?? UNNAMED, via };
  const window = windowOf(request.submission, now, world.limits);
  return record(approvalBy(byPerson(said, request, people), request, { at: iso(now), window }));
}

type Approved = Extract<Request, { status: "approved" }>;

function reconcileApproved(request: Approved, world: World): Due {
  const { now } = world;
  const [opens, closes] = [opensAt(request), closesAt(request)];
  const against = againstApproval(request, world);
  if (against !== null) return against;
  if (world.frozen) return NOTHING;
  if (now >= closes) return runOut(request, now);
  if (request.lapses === null && now >= opens && !world.halted && world.executor === "daemon") {
    const attempt = attemptOf(request, "daemon", null, constraintsOf(request, world));
    return record({ type: "started", at: iso(now), attempt });
  }
  const wake_at = wakeAt(now < opens ? Math.min(opens, closes) : closes);
  const outdated = bringUpToDate(request, world, wake_at);
  return outdated ?? (now < opens ? tellStart(world, Math.min(opens, closes)) : { do: "nothing", wake_at });
}

function runOut(request: Approved, now: number): Due {
  return record({ type: "expired", at: iso(now), closes: iso(closesAt(request)) });
}

/** Tells in the note when it starts, once nobody has touched it for a while. */
function tellStart(world: World, wake_at: number): Due {
  const { now, look } = world;
  if (look.at === "nowhere" || isUnclear(look.reading)) return { do: "nothing", wake_at };
  const due = quietFrom(look.reading, world);
  if (now >= due) return { do: "answer", problems: look.reading.problems, wake_at };
  return { do: "nothing", wake_at: Math.min(due, wake_at) };
}

/** Whether what is in the vault now keeps an approved request from being started. */
export function isContested(request: Request, world: World): boolean {
  return request.status === "approved" && againstApproval(request, world) !== null;
}

/**
 * What is due, before anything else, because of what a person has said or done since the approval, or because of what
 * the policy says by now; null when nothing is.
 */
function againstApproval(request: Approved, world: World): Due | null {
  const { now, look } = world;
  const changed = world.frozen ? null : reconsider(request, world);
  const said = "decision" in request ? request.decision : null;
  const stood = approvalsOf(request).some(saidInNote);
  const closes = world.frozen ? Number.POSITIVE_INFINITY : closesAt(request);
  if (look.at === "folder") {
    const { reading, sha256 } = look;
    const { verb } = reading;
    const isEntitled = verb !== null && wrongWithVote(request, verb, reading.reviewer, world.people) === null;
    if (verb === "reject" && isEntitled) {
      const decision = byPerson(decisionOf(request, "reject", reading, world), request, world.people);
      return record({ type: "rejected", at: iso(now), decision, settled: world.settle_ms === 0 });
    }
    if (changed !== null) return changed;
    if (now >= closes) return runOut(request, now);
    if (verb !== "approve" && world.merging) return { do: "nothing", wake_at: now + MERGE_POLL_MS };
    const withdrawn = withdrawnFrom(request, reading, world.people);
    if (withdrawn !== null) {
      return record({ type: "taken_back", at: iso(now), by: withdrawn.reviewer, reason: null });
    }
    if (verb === "request_changes" && isEntitled) {
      const due = (world.memory?.fields_since ?? now) + world.settle_ms;
      if (now < due) return { do: "nothing", wake_at: due };
      const decision = byPerson(
        decisionOf(request, "request_changes", reading, world),
        request,
        world.people,
      );
      return record({ type: "changes_requested", at: iso(now), decision });
    }
    if (stood && takesBack(reading, sha256 !== said?.note_sha256)) {
      // A save in place shows an empty note for a moment: nothing starts meanwhile, but it takes nothing back either.
      const due = (world.memory?.fields_since ?? now) + world.settle_ms;
      if (isUnclear(reading) && now < due) return { do: "nothing", wake_at: due };
      const by = reading.reviewer ?? UNNAMED;
      return record({ type: "taken_back", at: iso(now), by, reason: reading.reason, only: "note" });
    }
    // A no of somebody who may not decide, or beside a yes, ends nothing; nothing starts either while it stands there.
    return reading.objects ? { do: "nothing", wake_at: wakeAt(closes) } : null;
  }
  if (changed !== null) return changed;
  // Out of the decision folders, what the note said does not count; deleted, it is made again and asks again.
  return stood && now < closes ? showWhenMissing(world, wakeAt(closes)) : null;
}

/**
 * Whether a note that was read as an approval does not say so any more: also with the same bytes in another folder, or
 * under another configuration. What is only remembered of it counts where the bytes have changed: a note that is saved
 * again as it was shows half of it for a moment.
 */
function takesBack({ verb, problems }: Reading, edited: boolean): boolean {
  return verb === null || problems.some(({ code }) => edited || code !== "approval_of_other");
}

function reconcileExecuting(request: Extract<Request, { status: "executing" }>, world: World): Due {
  const { now } = world;
  if (request.attempt.executor === "daemon") {
    if (world.running) return NOTHING;
    return record({
      type: "outcome_lost",
      at: iso(now),
      cause: "Countersign stopped while the action was running",
    });
  }
  const deadline = request.attempt.deadline === null ? now : Date.parse(request.attempt.deadline);
  if (world.frozen) return NOTHING;
  if (now < deadline) return { do: "nothing", wake_at: deadline };
  return record({
    type: "outcome_lost",
    at: iso(now),
    cause: "the caller claimed the action and did not report before its grant ran out",
  });
}

function reconcileUnknown(request: Request, world: World): Due {
  const { now, look } = world;
  if (look.at === "nowhere") return showWhenMissing(world, null);
  const { reading } = look;
  if (reading.resolution !== null) {
    if (world.merging) return { do: "nothing", wake_at: now + MERGE_POLL_MS };
    if (now < namedFrom(world)) return { do: "nothing", wake_at: namedFrom(world) };
    const type = reading.resolution === "happened" ? "resolved_happened" : "resolved_did_not";
    return record({ type, at: iso(now), by: reading.reviewer ?? UNNAMED, reason: reading.reason });
  }
  if (!reading.asks_outcome && !isUnclear(reading)) return { do: "ask_outcome" };
  return answer(request, reading, world, null);
}

/** A rejection's reason may still be on its way: wait until the person's fields have been still for `settle`. */
function settleRejection(request: Extract<Request, { status: "rejected" }>, world: World): Due {
  const { now, look, memory } = world;
  // A clock that was set back must not hold it up.
  const decided = Math.min(Date.parse(request.decided_at), now);
  const { reviewer, reason } = request.decision;
  if (look.at === "nowhere") {
    return record({ type: "settled", at: iso(now), reviewer, reason });
  }
  const quiet = Math.max(decided, memory?.fields_since ?? decided) + world.settle_ms;
  const due = Math.min(quiet, decided + REASON_LIMIT_MS);
  if (now < due) return { do: "nothing", wake_at: due };
  return record({
    type: "settled",
    at: iso(now),
    reviewer: look.reading.reviewer ?? reviewer,
    reason: look.reading.reason ?? reason,
  });
}

function showWhenMissing(world: World, deadline: number | null): Due {
  if (world.fresh) return { do: "show", came_back: false };
  if (world.look.at === "nowhere" && world.look.confirmed) return { do: "show", came_back: true };
  return { do: "nothing", wake_at: deadline };
}

/**
 * Tells in the note what is unclear and how often it was asked for, or takes that away again, once nobody has touched
 * it for a while.
 */
function answer(request: Request, reading: Reading, world: World, deadline: number | null): Due {
  const { now } = world;
  const problems = problemsIn(request, reading, world);
  const told = reading.answer !== "" || (reading.stale && request.status === "pending");
  if (problems.length === 0 && !told) return { do: "nothing", wake_at: deadline };
  const due = quietFrom(reading, world);
  if (now >= due) return { do: "answer", problems, wake_at: deadline };
  return { do: "nothing", wake_at: deadline === null ? due : Math.min(due, deadline) };
}

/**
 * From when on a file of another name counts as the note: many programs take the note away for a moment when they save
 * it, and a copy beside it must not decide meanwhile.
 */
function namedFrom({ memory }: World): number {
  return memory?.unnamed_since == null ? Number.NEGATIVE_INFINITY : memory.unnamed_since + UNNAMED_MS;
}

/** When the note has been left alone for long enough to be written into. */
function quietFrom(reading: Reading, { memory, now }: World): number {
  return (memory?.bytes_since ?? now) + quietFor(reading);
}

function quietFor({ half_typed, problems }: Reading): number {
  if (problems.some(({ code }) => code === "copies_disagree" || code === "copy_decides")) return SYNC_MS;
  return half_typed ? TYPING_MS : QUIET_MS;
}

/** What is unclear in the note, and what in it is clear and does not count. */
export function problemsIn(
  request: Request,
  reading: Reading,
  { proposed, people }: Pick<World, "proposed" | "people">,
): readonly Problem[] {
  const isRefused = proposed !== null && isProblem(proposed);
  const written = isRefused
    ? reading.problems.map((found) => (found.code === "action_proposed" ? proposed : found))
    : reading.problems;
  if (request.status === "approved") return [...written, ...problemsWithVotes(request, reading, people)];
  if (request.status !== "pending") return written;
  const passed = isUnclear(reading) ? null : newDelegation(request, reading, people);
  const notPassed =
    passed === null || passed.code === null ? [] : [problem(passed.code, null, passed.message)];
  return [...written, ...problemsWithVotes(request, reading, people), ...notPassed];
}

function isProblem(proposed: Version | Problem): proposed is Problem {
  return "code" in proposed;
}

function decisionOf(request: Request, verb: Verb, reading: Reading, world: World): Decision {
  return {
    verb,
    reviewer: reading.reviewer ?? UNNAMED,
    reason: reading.reason,
    digest: request.submission.digest,
    assurance: "edit",
    seen_at: iso(world.memory?.said_since ?? world.now),
    via: reading.via ?? "note",
    note_sha256: world.look.at === "folder" ? world.look.sha256 : null,
  };
}

/** The one attempt that an approval allows; its key stays the same however often a handler asks for it. */
export function attemptOf(
  request: Request,
  executor: Attempt["executor"],
  deadline: string | null,
  constraints: Constraints | null,
): Attempt {
  const attempt = { number: 1, idempotency_key: `${request.submission.fields.id}-1`, executor, deadline };
  return constraints === null ? attempt : { ...attempt, constraints };
}

/** What an approved action is held to: by what was approved, and by what the policy says now. */
export function constraintsOf(
  { submission }: Request,
  { verdict }: Pick<World, "verdict">,
): Constraints | null {
  return stricterOf(submission.verdict?.constraints ?? null, verdict?.constraints ?? null);
}

/** Whether anything in the note keeps its statements from counting. */
function isUnclear(reading: Reading): boolean {
  return reading.problems.some(stopsAll);
}

function saidInNote(decision: Decision): boolean {
  return decision.note_sha256 !== null;
}

function alreadyRefused(request: Request, code: string): boolean {
  return request.history.some(({ event, detail }) => event === "refused" && detail?.startsWith(`${code}:`));
}

function record(event: Event): Due {
  return { do: "record", event };
}

/** Milliseconds since the epoch as ISO 8601 in UTC. */
export function iso(ms: number): string {
  return new Date(ms).toISOString();
}
