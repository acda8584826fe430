import { problem } from "../core/codes.ts";
import { judge } from "../core/copies.ts";
import type { Look, Reading } from "../core/look.ts";
import { type Memory, observe, observeNowhere, remembering } from "../core/memory.ts";
import type { WholeText } from "../core/misled.ts";
import { approvalsOf, askedOf, isClosed, type Request, type RequestId, rosterIn } from "../core/request.ts";
import { isBy } from "../core/voting.ts";
import { sha256 } from "../document/digest.ts";
import { readNote, unreadable } from "../document/reading.ts";
import { editableOf } from "./amending.ts";
import type { Clock, Folder, KindSettings, NoteFile, OtherTexts, Vault } from "./ports.ts";

/** Notes as the daemon writes them are far smaller, and what is smaller costs little whatever is in it. */
const CHEAP_BYTES = 6_144;

/** More often than a sync tool could change files while the folders are listed. */
const MAX_LISTINGS = 20;

/** What one look at a request's files showed. */
export interface Seen {
  readonly look: Look;
  /** The files, the note before its copies. */
  readonly found: readonly NoteFile[];
  readonly memory: Memory | null;
}

export interface SightPorts {
  readonly vault: Vault;
  readonly clock: Clock;
  /** Folder names below the vault's root. */
  readonly folders: Readonly<Record<Folder, string>>;
  readonly kind: (kind: string) => KindSettings | null;
  readonly otherTexts: OtherTexts;
}

/** Looks at notes, and remembers from one look to the next what `reconcile` needs to know about change. */
export function createSight({ vault, clock, folders, kind, otherTexts }: SightPorts) {
  const memories = new Map<RequestId, Memory>();
  const readings = new Map<RequestId, ReadonlyMap<string, Known>>();
  const missing = new Set<RequestId>();
  const fileOf = (note: NoteFile) => `${folders[note.folder]}/${note.name}`;

  /** Whether there is a note among them that nobody has read yet, and that may be dear to read. */
  function isDear(request: Request, found: readonly NoteFile[]): boolean {
    const before = readings.get(request.submission.fields.id);
    return found.some(
      (note) =>
        "bytes" in note &&
        note.bytes.length > CHEAP_BYTES &&
        before?.get(fileOf(note))?.hash !== sha256(note.bytes),
    );
  }

  function readAll(request: Request, found: readonly NoteFile[]): readonly Read[] {
    const { fields } = request.submission;
    const { id } = fields;
    const about = aboutOf(request);
    const settings = kind(fields.kind);
    const editable = settings === null ? [] : editableOf(request, settings);
    const before = readings.get(id);
    const all = found.map((note): Read => {
      const file = fileOf(note);
      const hash = "bytes" in note ? sha256(note.bytes) : note.problem;
      // What a note says does not depend on the request's status, so the same bytes need not be parsed again.
      const known = before?.get(file);
      const same = known?.hash === hash && known.about === about;
      const reading = same ? known.reading : readingOf(note, request, editable);
      return { note, file, own: note.name === `${id}.md`, hash, about, reading };
    });
    // Without the files themselves: their bytes would be held for as long as the request is open.
    readings.set(id, new Map(all.map(({ file, hash, about, reading }) => [file, { hash, about, reading }])));
    return all;
  }

  function see(request: Request, there: readonly NoteFile[]): Seen {
    const { id } = request.submission.fields;
    // What is no file cannot be taken away as a note that came back; it is left where it is.
    const found = isClosed(request) ? there.filter((note) => "bytes" in note) : there;
    if (found.length === 0) {
      const before = memories.get(id);
      if (before !== undefined) memories.set(id, observeNowhere(before, clock.now()));
      return { look: { at: "nowhere", confirmed: missing.has(id) }, found, memory: null };
    }
    missing.delete(id);
    const all = readAll(request, found);
    const { reading, note } = judge(all, recordedIn(request));
    const main = all[note];
    if (main === undefined) throw new Error(`no note among the files of ${id}`);
    const mark = all.map(({ file, hash }) => `${file} ${hash}`).join("\n");
    const files = {
      sha256: mark,
      note: { reading: main.reading, text: textOf(main) },
      named: all.some(({ own }) => own),
    };
    const before = memories.get(id) ?? null;
    const other = before === null ? otherTexts.read(id) : before.other;
    const memory = observe(before, other, reading, files, clock.now());
    // Before anything follows from this look: what is forgotten here could let a void approval count.
    if (JSON.stringify(memory.other) !== JSON.stringify(other)) otherTexts.keep(id, memory.other);
    memories.set(id, memory);
    const hash = all.length === 1 ? (all[0]?.hash ?? "") : sha256(Buffer.from(mark));
    const notes = [...found.slice(note, note + 1), ...found.slice(0, note), ...found.slice(note + 1)];
    return {
      look: { at: "folder", reading: remembering(reading, memory), sha256: hash },
      found: notes,
      memory,
    };
  }

  const lookAt = (request: Request): Seen => see(request, vault.read(request.submission.fields.id));

  return {
    lookAt,

    /**
     * What all files of a request say at one moment, those among them that no event has told of: a sync tool makes a
     * conflict copy in the very moment in which it changes the note, and both must be judged together. Null where they do
     * not stand still: somebody is writing, so nothing is decided yet.
     */
    async lookAtAll(request: Request, first: Seen): Promise<Seen | null> {
      let seen = first;
      for (let turn = 0; turn < MAX_LISTINGS; turn += 1) {
        const found = vault.findNewCopies();
        if (found === false) return seen;
        await found;
        const before = markOf(seen);
        seen = lookAt(request);
        // What was the same before and behind it was so while the folders were listed.
        if (markOf(seen) === before) return seen;
      }
      return null;
    },

    /** The same, but null where that may be dear: then `lookAt` is for when there is time. */
    glanceAt(request: Request): Seen | null {
      const there = vault.read(request.submission.fields.id);
      return isDear(request, there) ? null : see(request, there);
    },

    /** A full rescan has found no note of this id. */
    confirmMissing(id: RequestId): void {
      missing.add(id);
    },

    forget(id: RequestId): void {
      memories.delete(id);
      otherTexts.keep(id, null);
      readings.delete(id);
      missing.delete(id);
    },
  };
}

/** The file that the daemon reads as the note, and writes into. */
export function noteOf({ found }: Seen): NoteFile | null {
  return found[0] ?? null;
}

/** Changes whenever what was seen does. */
function markOf({ look }: Seen): string {
  return look.at === "folder" ? look.sha256 : "nowhere";
}

/** Whose approval is recorded; null where anyone may decide. */
function recordedIn(request: Request): ((name: string | null) => boolean) | null {
  if (rosterIn(request) === null) return null;
  const given = approvalsOf(request);
  return (name) => given.some((vote) => isBy(vote, name));
}

function textOf({ note, hash }: Read): WholeText {
  const bytes = "bytes" in note ? note.bytes : Buffer.of();
  return {
    length: bytes.length,
    sha256: hash,
    begins: (text) =>
      text.length > 0 &&
      text.length <= bytes.length &&
      sha256(bytes.subarray(0, text.length)) === text.sha256,
  };
}

interface Known {
  readonly hash: string;
  /** What of the request it was read for: see `aboutOf`. */
  readonly about: string;
  readonly reading: Reading;
}

/** All of a request that what its note says depends on. */
function aboutOf(request: Request): string {
  const { digest } = request.submission;
  const roster = rosterIn(request);
  if (roster === null) return `${digest} ${askedOf(request)}`;
  const { delegations = [] } = request;
  const given = approvalsOf(request).map(({ reviewer, named }) => [reviewer, named]);
  return JSON.stringify([digest, askedOf(request), given, delegations, roster]);
}

interface Read extends Known {
  readonly note: NoteFile;
  readonly file: string;
  readonly own: boolean;
}

function readingOf(note: NoteFile, request: Request, editable: readonly string[]): Reading {
  if ("problem" in note) return unreadable([problem(note.problem)]);
  const dropped = note.folder === "pending" ? null : note.folder === "approved" ? "approve" : "reject";
  return readNote(note.bytes, request, dropped, editable);
}
