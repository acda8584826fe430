import { type Problem, problem, stopsAll } from "./codes.ts";
import type { Ballot, Reading } from "./look.ts";
import type { Verb } from "./request.ts";

/** One of a request's files at one look: its note, or a copy that an editor or a sync tool made of it. */
export interface Copy {
  /** Its path in the vault. */
  readonly file: string;
  /** Whether it has the request's own name; what has not is the note only where it is the only file. */
  readonly own: boolean;
  readonly reading: Reading;
}

/** What a request's files say together, and which of them is the note that the daemon answers in. */
export interface Judged {
  readonly reading: Reading;
  readonly note: number;
}

/**
 * Judges a request's files together. What they say must not differ. A no counts wherever it stands; anything else must
 * stand in every file of the request's own name, since a copy may be older than the note, or another hand's. Where several
 * must approve, that goes for each one's approval; `isRecorded` says whose needs no note any more, and is null elsewhere.
 */
export function judge(
  copies: readonly Copy[],
  isRecorded: ((name: string | null) => boolean) | null = null,
): Judged {
  const note = noteAmong(copies);
  const main = copies[note];
  if (main === undefined) throw new Error("a look without a file");
  if (copies.length === 1) return { reading: main.reading, note };

  const others = copies.filter((copy) => copy !== main);
  const verbs = new Set(copies.flatMap(({ reading }) => reading.verb ?? []));
  const resolutions = new Set(copies.flatMap(({ reading }) => reading.resolution ?? []));
  const conflict = [
    ...disagreement(copies, ({ verb }) => (verb === null ? null : NAMES[verb])),
    ...disagreement(copies, ({ resolution }) => (resolution === null ? null : OUTCOMES[resolution])),
  ];
  const verb = verbs.size === 1 ? ([...verbs][0] ?? null) : null;
  const resolution = resolutions.size === 1 ? ([...resolutions][0] ?? null) : null;
  const own = ownAmong(copies);
  const silent =
    verb === "reject"
      ? []
      : [
          ...silence(copies, verb !== null, ({ reading }) => reading.verb !== null),
          ...silence(copies, resolution !== null, ({ reading }) => reading.resolution !== null),
          ...(isRecorded === null || verb !== "approve" ? [] : oneSided(copies, own, isRecorded)),
        ];
  const problems = [
    ...main.reading.problems,
    ...others.flatMap(({ file, reading }) => reading.problems.map((found) => inFile(found, file))),
    ...conflict,
    ...silent,
    ...proposedIn(copies),
  ];
  const clear = verb === "reject" || !problems.some(stopsAll);
  const saying = [main, ...others].find(({ reading }) => reading.verb !== null)?.reading ?? main.reading;
  return {
    note,
    reading: {
      ...main.reading,
      verb: clear ? verb : null,
      via: clear && verb !== null ? saying.via : null,
      objects: copies.some(({ reading }) => reading.objects),
      said: clear && verb !== null ? saying.said : null,
      approvals: clear && verb === "approve" ? (isRecorded === null ? saying.approvals : inAll(own)) : [],
      unrecorded: copies.some(({ reading }) => reading.unrecorded),
      unticked: [...new Set(own.flatMap(({ reading }) => reading.unticked))],
      wordless: own.some(({ reading }) => reading.wordless),
      dropped: own.every(({ reading }) => reading.dropped),
      resolution: problems.some(stopsAll) ? null : resolution,
      reviewer: saying.reviewer ?? main.reading.reviewer,
      reason: saying.reason ?? main.reading.reason,
      proposal: null,
      problems,
      half_typed: main.reading.half_typed && problems.length === 1,
      fingerprint: JSON.stringify(copies.map(({ file, reading }) => [file, reading.fingerprint])),
    },
  };
}

/** The file of the request's own name that says something, or the first of them; else the first file. */
function noteAmong(copies: readonly Copy[]): number {
  const saying = copies.findIndex(({ own, reading }) => own && reading.verb !== null);
  const own = copies.findIndex((copy) => copy.own);
  return [saying, own, 0].find((index) => index !== -1) ?? 0;
}

/** A change of the action is taken up only from a note without copies: another file may show another change, or none. */
function proposedIn(copies: readonly Copy[]): Problem[] {
  const proposing = copies.find(({ reading }) => reading.proposal !== null);
  const other = copies.find((copy) => copy !== proposing);
  if (proposing === undefined || other === undefined) return [];
  const message = `“${proposing.file}” proposes a change of the action, and “${other.file}” is there as well.`;
  return [problem("copies_disagree", null, message)];
}

/** Names the first two files that say different things. */
function disagreement(copies: readonly Copy[], told: (reading: Reading) => string | null): Problem[] {
  const said = copies.flatMap(({ file, reading }) => {
    const word = told(reading);
    return word === null ? [] : [{ file, word, via: reading.via }];
  });
  const [first] = said;
  const other = said.find(({ word }) => word !== first?.word);
  if (first === undefined || other === undefined) return [];
  const tell = ({ file, word, via }: (typeof said)[number]) =>
    `“${file}” says ${word}${via === null ? "" : ` (${via})`}`;
  return [problem("copies_disagree", null, `${tell(first)}, and ${tell(other)}.`)];
}

/** Names a file that says nothing where another one does, although the note itself would have to say it. */
function silence(copies: readonly Copy[], said: boolean, says: (copy: Copy) => boolean): Problem[] {
  if (!said) return [];
  const mute = ownAmong(copies).find((copy) => !says(copy));
  const speaker = copies.find(says);
  if (mute === undefined || speaker === undefined) return [];
  const message = `“${speaker.file}” holds the decision, and “${mute.file}” holds none.`;
  return [problem("copy_decides", null, message)];
}

/** The files in which a statement must stand. */
function ownAmong(copies: readonly Copy[]): readonly Copy[] {
  const own = copies.filter((copy) => copy.own);
  return own.length > 0 ? own : copies;
}

/** The approvals that stand in all of them. */
function inAll(own: readonly Copy[]): readonly Ballot[] {
  return (own[0]?.reading.approvals ?? []).filter((ballot) => own.every((copy) => holds(copy, ballot)));
}

function holds({ reading }: Copy, { reviewer }: Ballot): boolean {
  return reading.approvals.some((one) => one.reviewer === reviewer);
}

/** Names somebody's approval that stands in one file and not in another in which it would have to. */
function oneSided(
  copies: readonly Copy[],
  own: readonly Copy[],
  isRecorded: (name: string | null) => boolean,
): Problem[] {
  for (const { file, reading } of copies) {
    for (const ballot of reading.approvals.filter(({ reviewer }) => !isRecorded(reviewer))) {
      const mute = own.find((copy) => !holds(copy, ballot));
      if (mute === undefined) continue;
      const whose = ballot.reviewer === null ? "an approval without a name" : `${ballot.reviewer}'s approval`;
      return [problem("copy_decides", null, `“${file}” holds ${whose}, and “${mute.file}” does not.`)];
    }
  }
  return [];
}

function inFile(found: Problem, file: string): Problem {
  return { ...found, message: `In “${file}”: ${found.message}` };
}

const NAMES: Readonly<Record<Verb, string>> = {
  approve: "approved",
  reject: "rejected",
  request_changes: "changes_requested",
};

const OUTCOMES = { happened: "that it happened", did_not: "that it did not happen" } as const;
