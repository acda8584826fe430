import type { Version } from "./amendment.ts";
import { type Problem, problem, stopsAll } from "./codes.ts";
import type { Due } from "./due.ts";
import type { Reading } from "./look.ts";
import type { Request } from "./request.ts";
import { newDelegation, problemsWithVotes } from "./voting.ts";
import type { World } from "./world.ts";

/** How long a note must be quiet before the daemon writes an answer into it. */
const QUIET_MS = 10_000;

/** The same while its word is the beginning of a valid one. */
const TYPING_MS = 30_000;

/** The same where copies of a note differ: a sync tool may still be moving one of them, and a write would bring it back. */
const SYNC_MS = 120_000;

/** How long no file may have had the request's own name before one of another name is the note. */
const UNNAMED_MS = 2_000;

/** How long a note that came back too late must be let alone before it is kept: nobody waits for that. */
const LATE_MS = 1_000;

/** A save in place shows an empty or half note for a moment: taken away then, it would be torn from what follows. */
export function takeAway(due: Due, { now, look, memory }: World): Due {
  const isEmpty = look.at === "folder" && look.reading.problems.some(({ code }) => code === "empty_note");
  const wait = isEmpty ? QUIET_MS : due.do === "keep_late" ? LATE_MS : 0;
  const wake_at = (memory?.bytes_since ?? now) + wait;
  return now < wake_at ? { do: "nothing", wake_at } : due;
}

export function showWhenMissing(world: World, deadline: number | null): Due {
  if (world.fresh) return { do: "show", came_back: false };
  if (world.look.at === "nowhere" && world.look.confirmed) return { do: "show", came_back: true };
  return { do: "nothing", wake_at: deadline };
}

/**
 * A note that still shows the action as it was: from the same bytes at once, since the process that recorded the change
 * may have ended before it wrote; from others when they have been left alone. A note that has shown the present action
 * and shows the former one again was put back by somebody, who is told and not fought.
 */
export function bringUpToDate(request: Request, world: World, deadline: number | null): Due | null {
  const { now, look, memory } = world;
  if (look.at === "nowhere" || !look.reading.outdated || isUnclear(look.reading)) return null;
  if (memory?.shown === request.submission.digest) return null;
  const due = look.sha256 === request.amendment?.note_sha256 ? now : quietFrom(look.reading, world);
  if (now < due) return { do: "nothing", wake_at: deadline === null ? due : Math.min(due, deadline) };
  return { do: "show_amended", wake_at: deadline };
}

/**
 * Tells in the note what is unclear and how often it was asked for, or takes that away again, once nobody has touched
 * it for a while.
 */
export function answer(request: Request, reading: Reading, world: World, deadline: number | null): Due {
  const { now } = world;
  const problems = problemsIn(request, reading, world);
  const told = reading.answer !== "" || (reading.stale && request.status === "pending");
  if (problems.length === 0 && !told) return { do: "nothing", wake_at: deadline };
  const due = quietFrom(reading, world);
  if (now >= due) return { do: "answer", problems, wake_at: deadline };
  return { do: "nothing", wake_at: deadline === null ? due : Math.min(due, deadline) };
}

/** Tells in the note what comes of an approval, once nobody has touched it for a while. */
export function tellStanding(world: World, wake_at: number | null): Due {
  const { now, look } = world;
  if (look.at === "nowhere" || isUnclear(look.reading)) return { do: "nothing", wake_at };
  const due = quietFrom(look.reading, world);
  if (now >= due) return { do: "answer", problems: look.reading.problems, wake_at };
  return { do: "nothing", wake_at: wake_at === null ? due : Math.min(due, wake_at) };
}

/**
 * From when on a file of another name counts as the note: many programs take the note away for a moment when they save
 * it, and a copy beside it must not decide meanwhile.
 */
export function namedFrom({ memory }: World): number {
  return memory?.unnamed_since == null ? Number.NEGATIVE_INFINITY : memory.unnamed_since + UNNAMED_MS;
}

/** When the note has been left alone for long enough to be written into. */
export function quietFrom(reading: Reading, { memory, now }: World): number {
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

export function isProblem(proposed: Version | Problem): proposed is Problem {
  return "code" in proposed;
}

/** Whether anything in the note keeps its statements from counting. */
export function isUnclear(reading: Reading): boolean {
  return reading.problems.some(stopsAll);
}
