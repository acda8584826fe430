import { type FinalRequest, isFinal, type Request, type RequestId } from "../core/request.ts";
import { answerLate, answerUnread, finishNote } from "../document/finish.ts";
import { decode, readFrontmatter } from "../document/frontmatter.ts";
import { renderNote } from "../document/note.ts";
import type { Change, Folder, Found, Vault } from "./ports.ts";

export interface NotesPorts {
  readonly vault: Vault;
  /** Folder names below the vault's root. */
  readonly folders: Readonly<Record<Folder | "done", string>>;
}

/** The daemon's own hand in the vault: writing, answering and finishing notes, never over a person's newer save. */
export function createNotes({ vault, folders }: NotesPorts) {
  const pathOf = (folder: Folder | "done", name: string) => `${folders[folder]}/${name}`;

  return {
    /** What the coming note of a request changes in the vault. */
    changeOfShowing(request: Request): readonly Change[] {
      const { id } = request.submission.fields;
      return [{ path: pathOf("pending", `${id}.md`), bytes: Buffer.from(renderNote(request)) }];
    },

    /** The note as it was when a person's decision was read from it. */
    changeOfReading(request: Request, found: Found | null): readonly Change[] {
      if (found === null || !("bytes" in found)) return [];
      return noteIsAt(folders, request.submission.fields.id, found.at, found.bytes);
    },

    async show(request: Request, cameBack: boolean): Promise<void> {
      await vault.create(request.submission.fields.id, Buffer.from(renderNote(request, cameBack)));
    },

    /** Puts the finished note into `Done/`, takes the waiting one away, and gives what that changed. */
    async archive(request: Request, found: Found): Promise<readonly Change[]> {
      if (!isFinal(request)) throw new Error(`only a finished request is archived, not ${request.status}`);
      const { id } = request.submission.fields;
      const there = found.at === "nowhere" ? vault.readDone(id) : null;
      if (there !== null && isFinished(there, request)) {
        return [...noteIsAt(folders, id, null), { path: pathOf("done", `${id}.md`), bytes: there }];
      }
      const text = textOf(found);
      const final = finishNote(text, request);
      const bytes = Buffer.from(final.text);
      // An unreadable note cannot be made the finished one: it is kept beside it.
      const inPlace = text !== null && final.kept;
      const from = inPlace && "bytes" in found ? { folder: found.at, expected: found.bytes } : null;
      const { name } = await vault.archive(id, from, bytes);
      const finished = { path: pathOf("done", name), bytes };
      // What is no file cannot be taken away; it stays where it is.
      if ("problem" in found) return [finished];
      const changes = [...noteIsAt(folders, id, null), finished];
      if (inPlace || found.at === "nowhere") return changes;
      const beside = text === null ? found.bytes : Buffer.from(answerUnread(text, request));
      const kept = await vault.keepLate(id, found.at, found.bytes, beside);
      return kept === null ? changes : [...changes, { path: pathOf("done", kept), bytes: beside }];
    },

    /**
     * A note that came back after its request was finished decides nothing: it is kept beside the finished one, with
     * an answer, unless it says nothing that is not there already.
     */
    async keepLate(
      request: Request,
      found: Found,
    ): Promise<{ kept: string; changes: readonly Change[] } | "discarded" | "changed"> {
      if (!("bytes" in found)) return "discarded";
      const { id } = request.submission.fields;
      const text = textOf(found);
      const done = vault.readDone(id);
      if (text !== null && done !== null && isSource(text, request, done)) {
        return (await vault.discard(id, found.at, found.bytes)) ? "discarded" : "changed";
      }
      const bytes = text === null ? found.bytes : Buffer.from(answerLate(text, request));
      const kept = await vault.keepLate(id, found.at, found.bytes, bytes);
      if (kept === null) return "changed";
      const changes = [
        { path: pathOf(found.at, `${id}.md`), bytes: null },
        { path: pathOf("done", kept), bytes },
      ];
      return { kept, changes };
    },

    /** True when the note was changed, or somebody else changed it first, so that it must be looked at again. */
    async rewrite(request: Request, found: Found, edit: (text: string) => string | null): Promise<boolean> {
      const source = textOf(found);
      const text = source === null ? null : edit(source);
      if (text === null || text === source || !("bytes" in found)) return false;
      await vault.replace(request.submission.fields.id, found.at, found.bytes, Buffer.from(text));
      return true;
    },
  };
}

/** What the history has to be told for a waiting note to be in this folder, and in no other: it may have been dragged. */
export function noteIsAt(
  folders: Readonly<Record<Folder, string>>,
  id: RequestId,
  at: Folder | null,
  bytes: Uint8Array | null = null,
): Change[] {
  const names = ["pending", "approved", "rejected"] as const;
  return names.map((name) => ({ path: `${folders[name]}/${id}.md`, bytes: name === at ? bytes : null }));
}

function textOf(found: Found): string | null {
  const decoded = "bytes" in found ? decode(found.bytes) : null;
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
  return isFinal(request) && finishNote(text, request).text === Buffer.from(done).toString();
}

function statusWords(request: Request): string[] {
  if (!("decision" in request)) return [];
  return {
    approve: ["approve", "approved"],
    reject: ["reject", "rejected"],
    request_changes: ["changes_requested"],
  }[request.decision.verb];
}
