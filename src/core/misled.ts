import { type Problem, stopsAll } from "./codes.ts";
import type { Reading } from "./look.ts";

/** A note's text, by its length in bytes and their SHA-256 (hex). */
interface Text {
  readonly length: number;
  readonly sha256: string;
}

/** A note's text as it is now. */
export interface WholeText extends Text {
  /** Whether it begins with this one. */
  begins(text: Text): boolean;
}

/**
 * What is remembered of a note that shows something else than what was asked for. An approval that was given over such a
 * text is not about the request, and mending the note does not make it so (edit, consent, restore).
 */
export interface Other {
  readonly text: Text;
  /** Whether it came in one save, which has only grown since: then it may be one that was caught half-way. */
  readonly grown: boolean;
  /** Whether an approval was seen standing in it. */
  readonly approved: boolean;
}

/** Carries that memory on to what is seen now; null once the note shows what was asked for, and nobody was misled. */
export function observeOther(before: Other | null, reading: Reading, text: WholeText): Other | null {
  const approves = approvesAnew(reading);
  const goesOn = before?.grown === true && text.begins(before.text);
  const isUnclear = reading.problems.some(stopsAll);
  if (showsOther(reading)) {
    const { length, sha256 } = text;
    // A second thing that is wrong with it takes no approval back.
    const approved = approves || (isUnclear && before?.approved === true);
    return { text: { length, sha256 }, grown: before === null || goesOn, approved };
  }
  // An empty or broken text, as a save in place has for a moment, neither mends nor misleads.
  if (isUnclear) return before;
  return approves && before?.approved && !goesOn ? before : null;
}

/** Whether the approval that stands in the note now was given over another text. */
export function isMisled(other: Other | null, reading: Reading): boolean {
  return other !== null && approvesAnew(reading) && !showsOther(reading);
}

/** Votes that were recorded before stay in the note while others change it: those were not given over that text. */
function approvesAnew({ verb, unrecorded }: Reading): boolean {
  return verb === "approve" && unrecorded;
}

function showsOther({ problems }: Reading): boolean {
  return problems.some(({ code }) => SHOWS_OTHER.has(code));
}

const SHOWS_OTHER: ReadonlySet<Problem["code"]> = new Set([
  "action_changed",
  "action_proposed",
  "outdated_note",
  "changed_key",
  "missing_key",
]);
