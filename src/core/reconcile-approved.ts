import { attemptOf, constraintsOf } from "./attempt.ts";
import { type Due, MERGE_POLL_MS, NOTHING, record } from "./due.ts";
import type { Reading } from "./look.ts";
import { UNNAMED } from "./people.ts";
import { bringUpToDate, isUnclear, showWhenMissing, tellStanding } from "./quiet.ts";
import { approvalsOf, type Decision, type Request } from "./request.ts";
import { decisionOf } from "./statement.ts";
import { closesAt, iso, opensAt, wakeAt } from "./timing.ts";
import { standing } from "./verdict.ts";
import { byPerson, isEnough, withdrawnFrom, wrongWithVote } from "./voting.ts";
import type { World } from "./world.ts";

type Approved = Extract<Request, { status: "approved" }>;

export function reconcileApproved(request: Approved, world: World): Due {
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
  if (outdated !== null) return outdated;
  return now < opens || world.executor === "caller"
    ? tellStanding(world, wake_at)
    : { do: "nothing", wake_at };
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

function runOut(request: Approved, now: number): Due {
  return record({ type: "expired", at: iso(now), closes: iso(closesAt(request)) });
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

function saidInNote(decision: Decision): boolean {
  return decision.note_sha256 !== null;
}
