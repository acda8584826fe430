import { type Ballot, type Files, readBallot } from "./ballot.ts";

/** One moment at which a hand changed the files of a request, and what they were from then on. */
export interface State {
  /** Between these two (ms since the epoch) it came to be. */
  readonly began: number;
  readonly done: number;
  readonly what: string;
  readonly files: Files;
  readonly ballot: Ballot;
}

/** What was asked of the daemon itself. */
interface Call {
  readonly verb: "approve" | "reject" | "cancel";
  readonly began: number;
  readonly taken: boolean;
}

/** One request of the soak, and everything that was done to it: the test's own knowledge. */
export interface Told {
  readonly index: number;
  readonly bill: number;
  readonly id: string;
  /** The fenced action, as it was written. */
  readonly action: string;
  readonly states: State[];
  readonly calls: Call[];
  /** Texts that the daemon took away and now has to answer for. */
  readonly taken: string[];
  /** Files that came from editors and are no notes, by path. */
  readonly leftovers: Set<string>;
  /** Where the note is, by path below the vault. */
  at: string;
  /** What the person's editor has open. */
  buffer: string;
  /** Copies of the note, by path. */
  readonly copies: Set<string>;
  markers: number;
}

export function tellOf(index: number, bill: number, id: string, text: string, at: number): Told {
  const action = /## Action\n\n```json\n[\s\S]*?\n```\n/.exec(text)?.[0];
  if (action === undefined) throw new Error(`the note of ${id} shows no action:\n${text}`);
  const path = `Pending_Approval/${id}.md`;
  const told: Told = {
    index,
    bill,
    id,
    action,
    states: [],
    calls: [],
    taken: [],
    leftovers: new Set(),
    at: path,
    buffer: text,
    copies: new Set(),
    markers: 0,
  };
  remember(told, "submitted", at, new Map([[path, text]]));
  return told;
}

export function remember(told: Told, what: string, began: number, files: Files): void {
  const ballot = readBallot(files, told.id, told.action);
  told.states.push({ began, done: Date.now(), what, files: new Map(files), ballot });
}

export function filesNow({ states }: Told): Files {
  return states.at(-1)?.files ?? new Map();
}

export function ballotNow({ states }: Told): Ballot {
  return (
    states.at(-1)?.ballot ?? {
      verdict: "nowhere",
      says_approve: false,
      approves_other: false,
      shows_other: false,
      is_cut: false,
    }
  );
}

/** Since when the files may be what they are found to be: what the daemon does to them, it does at any time in between. */
export function lately({ states }: Told): number {
  return states.at(-1)?.done ?? 0;
}

/** Every marker that a person's last save of some file holds, so that it must be somewhere in the vault. */
export function owedMarkers(told: Told): string[] {
  const texts = [...filesNow(told).values(), ...told.taken];
  return [...new Set(texts.flatMap(markersIn))];
}

export function markersIn(text: string): readonly string[] {
  return text.match(/mine-\d+-\d+-stays/g) ?? [];
}
