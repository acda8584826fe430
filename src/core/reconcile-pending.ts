import { type Due, MERGE_POLL_MS, NOTHING, record } from "./due.ts";
import { nextNudge, nudgeDue } from "./escalation.ts";
import type { Reading } from "./look.ts";
import { UNNAMED } from "./people.ts";
import {
  answer,
  bringUpToDate,
  isProblem,
  isUnclear,
  namedFrom,
  quietFrom,
  showWhenMissing,
} from "./quiet.ts";
import type { Request, Verb } from "./request.ts";
import { decisionOf } from "./statement.ts";
import { iso, windowOf } from "./timing.ts";
import {
  approvalBy,
  byPerson,
  decidingVote,
  isPassedOn,
  isUntick,
  newBallots,
  newDelegation,
  rosterDue,
  withdrawnFrom,
  wrongWithVote,
} from "./voting.ts";
import type { World } from "./world.ts";

export function reconcilePending(request: Request, world: World): Due {
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

/** What the policy answered when the request was made, where that needs no person. */
function verdictDue({ submission }: Request, { now, limits }: World): Due | null {
  const { verdict, fields } = submission;
  if (verdict?.says === "deny") return record({ type: "denied", at: iso(now), verdict });
  // Only a crash can have come between, and what it left behind for too long is not wanted any more.
  if (verdict?.says !== "allow" || now >= Date.parse(fields.expires)) return null;
  return record({ type: "allowed", at: iso(now), verdict, ...windowOf(submission, now, limits) });
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

function alreadyRefused(request: Request, code: string): boolean {
  return request.history.some(({ event, detail }) => event === "refused" && detail?.startsWith(`${code}:`));
}
