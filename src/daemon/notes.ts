import type { Problem } from "../core/codes.ts";
import { type FinalRequest, isFinal, type Request, type RequestId } from "../core/request.ts";
import { amendNote } from "../document/amend.ts";
import { answerNote } from "../document/answer.ts";
import { withPresentBoxes } from "../document/ballot-boxes.ts";
import { askOutcome, finishNote } from "../document/finish.ts";
import { decode, readFrontmatter } from "../document/frontmatter.ts";
import { answerLate, answerUnread, linkLate, withoutLateLinks } from "../document/late.ts";
import { isAsked, renderNote } from "../document/note.ts";
import { renderStanding } from "../document/standing.ts";
import type { Change, Folder, NoteFile, Place, Vault } from "./ports.ts";

export interface NotesPorts {
  readonly vault: Vault;
  /** Folder names below the vault's root. */
  readonly folders: Readonly<Record<Folder | "done", string>>;
}

/** The daemon's own hand in the vault: writing, answering and finishing notes, never over a person's newer save. */
export function createNotes({ vault, folders }: NotesPorts) {
  const pathOf = (folder: Folder | "done", name: string) => `${folders[folder]}/${name}`;
  const isAt = (request: Request, place: Place | null, bytes: Uint8Array | null = null) =>
    noteIsAt(folders, request.submission.fields.id, place, bytes);

  /** Links what is kept beside the finished note from it; a person who is saving that very note goes before. */
  async function linkTo(kept: string, id: RequestId): Promise<readonly Change[]> {
    const done = vault.readDone(id);
    const decoded = done === null ? null : decode(done.bytes);
    if (done === null || decoded === null || !("text" in decoded)) return [];
    const bytes = Buffer.from(linkLate(decoded.text, kept));
    const linked = await vault.replaceDone(id, done.path, done.bytes, bytes);
    return linked ? [{ path: pathOf("done", done.path), bytes }] : [];
  }

  /** True when the note was changed, or somebody else changed it first, so that it must be looked at again. */
  async function rewrite(
    request: Request,
    note: NoteFile | null,
    edit: (text: string) => string | null,
  ): Promise<boolean> {
    const source = textOf(note);
    const text = source === null ? null : edit(source);
    if (text === null || text === source || note === null || !("bytes" in note)) return false;
    await vault.replace(request.submission.fields.id, note, note.bytes, Buffer.from(text));
    return true;
  }

  return {
    /** What the coming note of a request changes in the vault, and the going of the foreign one it was made from. */
    changeOfShowing(request: Request, original: Uint8Array | null): readonly Change[] {
      const { id } = request.submission.fields;
      const shown = { path: pathOf("pending", `${id}.md`), bytes: Buffer.from(renderNote(request)) };
      return [...(isAsked(request.submission) ? [shown] : []), ...originalIsKept(folders, request, original)];
    },

    /** The note as it was when a person's decision was read from it. */
    changeOfReading(request: Request, note: NoteFile | null): readonly Change[] {
      return note !== null && "bytes" in note ? isAt(request, note, note.bytes) : [];
    },

    async show(request: Request, cameBack: boolean): Promise<void> {
      await vault.create(request.submission.fields.id, Buffer.from(renderNote(request, cameBack)));
    },

    /** Puts the finished note into `Done/`, takes the waiting one away, and gives what that changed. */
    async archive(request: Request, note: NoteFile | null): Promise<readonly Change[]> {
      if (!isFinal(request)) throw new Error(`only a finished request is archived, not ${request.status}`);
      const { id } = request.submission.fields;
      const there = note === null ? vault.readDone(id) : null;
      if (there !== null && isFinished(there.bytes, request)) {
        return [...isAt(request, null), { path: pathOf("done", there.path), bytes: there.bytes }];
      }
      const text = textOf(note);
      const final = finishNote(text, request);
      const bytes = Buffer.from(final.text);
      // An unreadable note cannot be made the finished one: it is kept beside it.
      const inPlace = text !== null && final.kept;
      const from = inPlace && note !== null && "bytes" in note ? { ...note, expected: note.bytes } : null;
      const { name } = await vault.archive(id, from, bytes);
      const finished = { path: pathOf("done", name), bytes };
      // What is no file cannot be taken away; it stays where it is.
      if (note !== null && "problem" in note) return [finished];
      const changes = [...isAt(request, null), ...goneFrom(folders, note), finished];
      if (inPlace || note === null) return changes;
      if (text?.trim() === "") {
        await vault.discard(id, note, note.bytes);
        return changes;
      }
      const beside = text === null ? note.bytes : Buffer.from(answerUnread(text, request));
      const kept = await vault.keepLate(id, note, note.bytes, beside);
      if (kept === null) return changes;
      return [...changes, { path: pathOf("done", kept), bytes: beside }, ...(await linkTo(kept, id))];
    },

    /**
     * A note that came back after its request was finished decides nothing: it is kept beside the finished one, with
     * an answer, unless it is empty or says nothing that is not there already.
     */
    async keepLate(
      request: Request,
      note: NoteFile | null,
    ): Promise<{ kept: string; changes: readonly Change[] } | "discarded" | "changed"> {
      if (note === null || !("bytes" in note)) return "discarded";
      const { id } = request.submission.fields;
      const text = textOf(note);
      const done = vault.readDone(id);
      const isKnown = text !== null && done !== null && isSource(text, request, done.bytes);
      if (isKnown || text?.trim() === "") {
        return (await vault.discard(id, note, note.bytes)) ? "discarded" : "changed";
      }
      const bytes =
        text === null ? note.bytes : Buffer.from(answerLate(text, request, note.name !== `${id}.md`));
      const kept = await vault.keepLate(id, note, note.bytes, bytes);
      if (kept === null) return "changed";
      const gone = goneFrom(folders, note);
      return { kept, changes: [...gone, { path: pathOf("done", kept), bytes }, ...(await linkTo(kept, id))] };
    },

    /** Tells in the note what is unclear, and how the request stands. True when it must be looked at again. */
    answer(request: Request, note: NoteFile | null, problems: readonly Problem[]): Promise<boolean> {
      return rewrite(request, note, (text) =>
        // In an emptied note there is nothing of a person's to keep.
        text.trim() === ""
          ? renderNote(request, true)
          : withPresentBoxes(answerNote(text, problems, renderStanding(request)), request),
      );
    },

    /** Shows the action as it is now, and takes out what was said before. True when it must be looked at again. */
    showAmended(request: Request, note: NoteFile | null): Promise<boolean> {
      return rewrite(request, note, (text) => {
        const told = answerNote(text, [], renderStanding(request));
        return withPresentBoxes(amendNote(told, request, { voids: true }) ?? text, request);
      });
    },

    /** Puts the two boxes in that settle an unknown outcome. True when it must be looked at again. */
    askOutcome(request: Request, note: NoteFile | null): Promise<boolean> {
      return rewrite(request, note, (text) =>
        request.status === "outcome_unknown" ? askOutcome(text, request) : null,
      );
    },
  };
}

/** What the history has to be told where a request was made from a foreign note. */
export function originalIsKept(
  folders: NotesPorts["folders"],
  { submission }: Request,
  bytes: Uint8Array | null,
): Change[] {
  const { adopted, fields } = submission;
  if (adopted === undefined || bytes === null) return [];
  return [
    { path: `${folders.pending}/${adopted.name}`, bytes: null },
    { path: `${folders.done}/${fields.id}-original.md`, bytes },
  ];
}

/** What the history has to be told for a waiting note to be at this place, and in no other: it may have been dragged. */
export function noteIsAt(
  folders: Readonly<Record<Folder, string>>,
  id: RequestId,
  at: Place | null,
  bytes: Uint8Array | null = null,
): Change[] {
  const own = `${id}.md`;
  const elsewhere = (["pending", "approved", "rejected"] as const)
    .filter((folder) => folder !== at?.folder || at.name !== own)
    .map((folder) => ({ path: `${folders[folder]}/${own}`, bytes: null }));
  return at === null ? elsewhere : [...elsewhere, { path: `${folders[at.folder]}/${at.name}`, bytes }];
}

function goneFrom(folders: Readonly<Record<Folder, string>>, place: Place | null): Change[] {
  return place === null ? [] : [{ path: `${folders[place.folder]}/${place.name}`, bytes: null }];
}

function textOf(note: NoteFile | null): string | null {
  const decoded = note !== null && "bytes" in note ? decode(note.bytes) : null;
  return decoded !== null && "text" in decoded ? decoded.text : null;
}

/** Whether a note in `Done/` is the finished one of this request: then only the record of the move was cut short. */
function isFinished(bytes: Uint8Array, request: FinalRequest): boolean {
  const decoded = decode(bytes);
  const read = "text" in decoded ? readFrontmatter(decoded.text) : null;
  if (!read?.ok) return false;
  const { properties } = read.frontmatter;
  const says = { digest: request.submission.digest, status: request.status, outcome: request.status };
  return Object.entries(says).every(([key, value]) => {
    const node = properties.get(key)?.node;
    return node && "value" in node && node.value === value;
  });
}

/** Whether the finished note was made of exactly this text: then it says nothing that is not there already. */
function isSource(text: string, request: Request, done: Uint8Array): boolean {
  const read = readFrontmatter(text);
  const node = read.ok ? read.frontmatter.properties.get("status")?.node : null;
  const status = node && "value" in node ? String(node.value) : "";
  // `status` is the one statement that finishing overwrites.
  if (!["", "pending", "outcome_unknown", ...statusWords(request)].includes(status)) return false;
  if (!isFinal(request)) return false;
  const final = finishNote(text, request);
  // What cannot be finished is not in the finished note, however much that looks as if nobody had touched it.
  return final.kept && final.text === withoutLateLinks(Buffer.from(done).toString());
}

function statusWords(request: Request): string[] {
  if (!("decision" in request)) return [];
  return {
    approve: ["approve", "approved"],
    reject: ["reject", "rejected"],
    request_changes: ["changes_requested"],
  }[request.decision.verb];
}
