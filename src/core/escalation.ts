import type { Event } from "./event.ts";
import type { Request } from "./request.ts";
import { soonAt } from "./waiting.ts";

/**
 * What is done while nobody decides: people are reminded, and others are asked as well. Neither decides anything, and
 * what was missed while the daemon was away is made up for.
 */

/** A level of the rule's escalation that was reached. */
export interface Reached {
  /** From 1. */
  readonly level: number;
  /** Names of persons and groups. */
  readonly to: readonly string[];
}

/** The levels that were reached, in their order. */
export function reachedLevels({ escalated = [] }: Pick<Request, "escalated">): readonly Reached[] {
  return escalated;
}

/** Whom it was escalated to by now. */
export function escalatedTo(request: Pick<Request, "escalated">): readonly string[] {
  return [...new Set(reachedLevels(request).flatMap(({ to }) => to))];
}

/** The level that is due next, and when (ms); null where there is none. */
function nextLevel({ submission, ...request }: Request): (Reached & { readonly at: number }) | null {
  const before = reachedLevels(request).length;
  const next = submission.verdict?.escalate[before];
  if (next === undefined) return null;
  return { level: before + 1, to: next.to, at: Date.parse(submission.fields.created) + next.after_ms };
}

const MINUTE_MS = 60_000;

/** When people are reminded (ms), the first time and the last; a time that leaves them less than a minute is left out. */
function reminders(request: Request): readonly number[] {
  const { fields } = request.submission;
  const expires = Date.parse(fields.expires);
  const life = expires - Date.parse(fields.created);
  const times = [soonAt(request), expires - Math.min(life / 12, 10 * MINUTE_MS)];
  return times.filter((at) => expires - at >= MINUTE_MS);
}

/** What is due to be recorded of a waiting request; null where nothing is. */
export function nudgeDue(request: Request, now: number): Event | null {
  const at = new Date(now).toISOString();
  const level = nextLevel(request);
  if (level !== null && now >= level.at) {
    return { type: "escalated", at, level: level.level, to: level.to };
  }
  // Of several that were missed, the last says it all.
  const reached = reminders(request).filter((due) => now >= due).length;
  return reached > (request.reminded ?? 0) ? { type: "reminded", at, level: reached } : null;
}

/** When something of this is due next (ms); never, where nothing is. */
export function nextNudge(request: Request): number {
  const reminder = reminders(request)[request.reminded ?? 0];
  return Math.min(nextLevel(request)?.at ?? Infinity, reminder ?? Infinity);
}
