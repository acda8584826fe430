import { type Due, MERGE_POLL_MS, NOTHING, record } from "./due.ts";
import { UNNAMED } from "./people.ts";
import { answer, isUnclear, namedFrom, showWhenMissing, takeAway, tellStanding } from "./quiet.ts";
import { reconcileApproved } from "./reconcile-approved.ts";
import { reconcilePending } from "./reconcile-pending.ts";
import { isClosed, isReportable, type Request } from "./request.ts";
import { iso } from "./timing.ts";
import type { World } from "./world.ts";

/** How long a reason may go on being typed behind a rejection, however often the note is saved. */
const REASON_LIMIT_MS = 60_000;

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
  if (now < deadline) return tellStanding(world, deadline);
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
