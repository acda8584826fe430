import { isFinal, type Request, type RequestId } from "../core/request.ts";
import { finishNote } from "../document/finish.ts";
import { isAsked, renderNote } from "../document/note.ts";
import { noteIsAt, originalIsKept } from "./notes.ts";
import type { Change, Chronicle, Clock, Folder, Ledger, LedgerRecord, Vault } from "./ports.ts";

/** A journal record with what it changed in the vault, for whoever keeps the history. */
export interface ChronicleEntry {
  readonly record: LedgerRecord;
  readonly request: Request;
  readonly changes: readonly Change[];
}

export interface ChroniclePorts {
  readonly ledger: Ledger;
  readonly vault: Vault;
  readonly clock: Clock;
  readonly folders: Readonly<Record<Folder | "done", string>>;
}

/** A finished note follows its outcome within milliseconds: they are told together, but not later than this. */
const HOLD_MS = 1_000;

/**
 * Joins the journal's records with the bytes that the daemon wrote or read for them, in the journal's order. What the
 * daemon kept is used once and forgotten; what was lost with an earlier process is read from the vault, or written
 * again from the journal.
 */
export function createChronicle(ports: ChroniclePorts) {
  const { ledger, clock } = ports;
  const kept = new Map<string, readonly Change[]>();
  let queue: { record: LedgerRecord; changes: readonly Change[]; held: boolean }[] = [];
  const holds = new Set<() => void>();
  let deliver: ((entry: ChronicleEntry) => void) | null = null;
  let delivering: Promise<void> = Promise.resolve();

  function hear(record: LedgerRecord): void {
    const key = keyOf(record.id, record.revision);
    const changes = kept.get(key) ?? [];
    kept.delete(key);
    if (deliver === null) return;
    const before = queue.find((entry) => entry.held && entry.record.id === record.id);
    if (before !== undefined) before.held = false;
    const entry = { record, changes, held: ENDS.has(record.event.type) };
    queue.push(entry);
    if (entry.held) {
      const cancel = clock.after(HOLD_MS, () => {
        holds.delete(cancel);
        entry.held = false;
        pass();
      });
      holds.add(cancel);
    }
    pass();
  }

  function pass(): void {
    const held = queue.findIndex((entry) => entry.held);
    const ready = held === -1 ? queue : queue.slice(0, held);
    queue = queue.slice(ready.length);
    for (const { record, changes } of ready) {
      delivering = delivering.then(async () => {
        const request = await ledger.read(record.id);
        if (request !== null) deliver?.({ record, request, changes });
      });
    }
  }

  const stop = ledger.follow(hear);

  const port: Chronicle = {
    keep(id, revision, changes) {
      if (deliver !== null && changes.length > 0) kept.set(keyOf(id, revision), changes);
    },
  };

  return {
    ...port,

    /** Begins to deliver; until then nothing is kept. */
    deliverTo(listener: (entry: ChronicleEntry) => void): void {
      deliver = listener;
    },

    /** The journal's records after a number, with contents from the vault and the journal as they are now. */
    async *replay(after: number): AsyncGenerator<ChronicleEntry> {
      for await (const record of ledger.records(after)) {
        const request = await ledger.read(record.id);
        if (request !== null) yield { record, request, changes: changesNow(record, request, ports) };
      }
    },

    /** Whether the journal has a record of that number and hash. */
    async isGenuine(seq: number, hash: string): Promise<boolean> {
      for await (const record of ledger.records(seq - 1)) return record.seq === seq && record.hash === hash;
      return false;
    },

    /** Delivers what is held back, and ends. */
    async close(): Promise<void> {
      stop();
      for (const cancel of holds) cancel();
      for (const entry of queue) entry.held = false;
      pass();
      await delivering;
    },
  };
}

/** Events behind which the finished note is written. */
const ENDS: ReadonlySet<LedgerRecord["event"]["type"]> = new Set([
  "executed",
  "failed",
  "settled",
  "changes_requested",
  "expired",
  "cancelled",
  "denied",
  "resolved_happened",
  "resolved_did_not",
]);

function keyOf(id: RequestId, revision: number): string {
  return `${id} ${revision}`;
}

function changesNow(
  { id, event }: LedgerRecord,
  request: Request,
  { vault, folders }: ChroniclePorts,
): Change[] {
  if (event.type === "submitted") {
    const first: Request = { status: "pending", submission: event.submission, revision: 1, history: [] };
    const original = event.submission.adopted === undefined ? null : vault.readOriginal(id);
    const shown = { path: `${folders.pending}/${id}.md`, bytes: Buffer.from(renderNote(first)) };
    return [...(isAsked(event.submission) ? [shown] : []), ...originalIsKept(folders, first, original)];
  }
  if (event.type === "archived" && isFinal(request)) {
    const bytes = vault.readDone(id)?.bytes ?? Buffer.from(finishNote(null, request).text);
    return [...noteIsAt(folders, id, null), { path: `${folders.done}/${id}.md`, bytes }];
  }
  if (isFinal(request) || (event.type !== "approved" && event.type !== "outcome_lost")) return [];
  const [note] = vault.read(id);
  return note !== undefined && "bytes" in note ? noteIsAt(folders, id, note, note.bytes) : [];
}
