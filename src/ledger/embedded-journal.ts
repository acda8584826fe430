import { Fault } from "../core/codes.ts";
import type { Event } from "../core/event.ts";
import { isClosed, type Request, type RequestId } from "../core/request.ts";
import type { Archive } from "./archive.ts";
import type { JournalFiles } from "./files.ts";
import { Finished } from "./finished.ts";
import { lastBefore } from "./looking-back.ts";
import { readRecords } from "./reading.ts";
import { type Head, type LedgerRecord, recordLine } from "./record.ts";
import type { Recovered } from "./recover.ts";
import { RevisionConflict } from "./revision-conflict.ts";
import { Rotation } from "./rotation.ts";
import { answeredText, askText, keyText, retryText, type Standing } from "./standing.ts";
import { type Step, stepsFrom } from "./steps.ts";
import { fromSystem } from "./storage-fault.ts";
import { Writer } from "./writer.ts";

/** Those who follow a request ask for it a few times more just after its end; a crowd ends together. */
const RECENT = 256;

/** The embedded ledger: one writer, JSON lines, each durable before anyone is told of it. */
export class EmbeddedJournal {
  /** The file that keeps the bytes of an unfinished last write that the start found and cut off. */
  readonly repaired: string | null;
  readonly #files: JournalFiles;
  readonly #writer: Writer;
  readonly #standing: Standing;
  readonly #finished: Finished;
  readonly #rotation: Rotation;
  readonly #unlock: () => Promise<void>;
  /** The newest state of each request that has appends in flight. */
  readonly #inFlight = new Map<RequestId, Request>();
  /** The requests that were closed last, so that what is asked of them at once need not be read from the disk. */
  readonly #recent = new Map<RequestId, Request>();
  /** Appends about requests that memory does not hold, in the order in which they were asked for. */
  readonly #lookups = new Map<RequestId, Promise<unknown>>();
  readonly #listeners = new Set<(record: LedgerRecord) => void>();
  /** The last line that was made, written or not. */
  #chain: { seq: number; hash: string };
  /** The last record that is known to be on the disk. */
  #synced: number;
  #head: Head;
  #closing: Promise<void> | null = null;
  /** To be named by the next record. */
  #link: string | null = null;

  constructor(parts: {
    files: JournalFiles;
    recovered: Recovered;
    archive: Archive;
    unlock: () => Promise<void>;
    segmentBytes: number;
  }) {
    const { files, recovered, archive } = parts;
    this.#files = files;
    this.#unlock = parts.unlock;
    this.repaired = recovered.repaired;
    this.#standing = recovered.standing;
    this.#head = recovered.head;
    this.#chain = { seq: recovered.head.seq, hash: recovered.chain };
    this.#synced = recovered.head.seq;
    this.#writer = new Writer(recovered.file, recovered.position, () => {
      this.#synced = this.#chain.seq;
    });
    this.#finished = new Finished(files, recovered.standing, archive);
    this.#rotation = new Rotation({
      files,
      writer: this.#writer,
      standing: recovered.standing,
      finished: this.#finished,
      segment: recovered.segment,
      checkpointEnd: recovered.checkpointEnd,
      segmentBytes: parts.segmentBytes,
      lastLine: () => this.#chain,
      continueFrom: (hash) => {
        this.#chain = { seq: this.#chain.seq, hash };
      },
    });
  }
  /**
   * Appends events of one request in one write and gives the request that they lead to, once they are on the disk; with
   * `lazy` once they are written, and they reach the disk with a later write, or in about a second. Appends to one request
   * take effect in the order in which they are asked for; one to another request may overtake them. Rejects with
   * `RevisionConflict` when the request is not at `expected`, with the core's refusal when an event is not allowed, and
   * with `storage_failed` when the disk failed, now or before: what was asked for may then be recorded or not.
   */
  async append(
    id: RequestId,
    expected: number,
    events: readonly Event[],
    { lazy = false }: { lazy?: boolean } = {},
  ): Promise<Request> {
    if (this.#closing !== null) throw new Error("the journal is closed");
    if (this.#writer.fault !== null) throw this.#writer.fault;
    const current = this.#inFlight.get(id) ?? this.#standing.request(id);
    if (current !== null && !this.#lookups.has(id)) return this.#write(id, expected, events, lazy, current);
    const before = this.#lookups.get(id);
    const { promise: turn, resolve: leave } = Promise.withResolvers<void>();
    this.#lookups.set(id, turn);
    let written: Promise<Request>;
    try {
      await before;
      written = this.#write(id, expected, events, lazy, await this.#newest(id));
    } finally {
      if (this.#lookups.get(id) === turn) this.#lookups.delete(id);
      leave();
    }
    return written;
  }

  /** Any request as it is recorded, finished ones included; null when there never was one. */
  async read(id: RequestId): Promise<Request | null> {
    return this.#standing.request(id) ?? this.#recent.get(id) ?? (await told(this.#finished.read(id)));
  }

  /** All requests that are not closed, in order of submission. */
  async open(): Promise<readonly Request[]> {
    return this.#standing.requests();
  }

  /** The request that this requester made with this key, however long ago. */
  async findKey(requester: string, key: string): Promise<RequestId | null> {
    return this.#follow(keyText(requester, key));
  }

  /**
   * The newest request of this requester, on behalf of the same one, for this action that a person may have said no to;
   * null where the action was executed since.
   */
  async findRefused(
    requester: string,
    onBehalfOf: string | null,
    actionDigest: string,
  ): Promise<RequestId | null> {
    const id = await this.#follow(answeredText(requester, onBehalfOf, actionDigest));
    const request = id === null ? null : await this.read(id);
    return request?.status === "executed" ? null : id;
  }

  /** The request that tries this one again. */
  async findRetry(previous: RequestId): Promise<RequestId | null> {
    return this.#follow(retryText(previous));
  }

  /** The newest open request without a key by this requester, on behalf of the same one, for this action. */
  async findAsked(
    requester: string,
    onBehalfOf: string | null,
    actionDigest: string,
  ): Promise<RequestId | null> {
    return this.#standing.idOfAsked(askText(requester, onBehalfOf, actionDigest));
  }

  /** Records after a sequence number, oldest first, up to now. */
  records(after: number): AsyncIterable<LedgerRecord> {
    return readRecords(this.#files, after, this.#head.seq);
  }

  /** The number of the last record from before a time (ms); 0 where all are younger. See `lastBefore`. */
  async lastBefore(time: number): Promise<number> {
    return Math.min(this.#head.seq, await told(lastBefore(this.#files, time)));
  }

  /** Calls back with every record from now on, in order, once its append may resolve. Gives what ends it. */
  follow(listener: (record: LedgerRecord) => void): () => void {
    const own = (record: LedgerRecord) => listener(record);
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  /** The last record. Kept elsewhere, it is what lets `verifyJournal` see a cut tail. */
  head(): Head {
    return this.#head;
  }

  /** The next record names this link in the chain of switches, which is on the disk. */
  nameLink(hash: string): void {
    this.#link = hash;
  }

  /** Brings everything to the disk and lets another writer in. Rejects when the disk failed, now or before. */
  close(): Promise<void> {
    this.#closing ??= told(this.#close());
    return this.#closing;
  }

  async #close(): Promise<void> {
    try {
      await Promise.all(this.#lookups.values());
      await this.#rotation.stop();
      try {
        await this.#writer.close();
      } finally {
        await this.#finished.close();
      }
    } finally {
      await this.#unlock();
    }
  }

  async #follow(lead: string): Promise<RequestId | null> {
    return this.#standing.idOfLead(lead) ?? (await told(this.#finished.idOfLead(lead)));
  }

  async #newest(id: RequestId): Promise<Request | null> {
    return this.#inFlight.get(id) ?? (await this.read(id));
  }

  /** Compares and steps at once, so that whatever is asked for next is held against it; the disk comes after. */
  #write(
    id: RequestId,
    expected: number,
    events: readonly Event[],
    lazy: boolean,
    current: Request | null,
  ): Promise<Request> {
    const actual = current?.revision ?? 0;
    if (actual !== expected) throw new RevisionConflict(id, expected, actual);
    const steps = stepsFrom(id, current, events);
    const last = steps.at(-1);
    if (last === undefined) {
      if (current === null) throw new Fault("not_found");
      return Promise.resolve(current);
    }
    this.#inFlight.set(id, last.after);
    return new Promise((resolve, reject) => {
      let records: LedgerRecord[] = [];
      this.#writer.push({
        lazy,
        lines: () => {
          const made = steps.map((one) => this.#chained(id, one));
          records = made.map(({ record }) => record);
          return made.map(({ line }) => line);
        },
        written: (offsets) => {
          for (const [index, { after }] of steps.entries()) {
            this.#standing.put(id, after, offsets[index] ?? 0);
          }
          this.#remember(id, last.after);
          if (this.#inFlight.get(id) === last.after) this.#inFlight.delete(id);
          this.#rotation.changed(id);
          for (const record of records) this.#tell(record);
          resolve(last.after);
        },
        failed: reject,
      });
    });
  }

  #remember(id: RequestId, request: Request): void {
    this.#recent.delete(id);
    if (!isClosed(request)) return;
    this.#recent.set(id, request);
    const [oldest = id] = this.#recent.keys();
    if (this.#recent.size > RECENT) this.#recent.delete(oldest);
  }

  #chained(id: RequestId, { event, text, after }: Step): { record: LedgerRecord; line: Buffer } {
    const { seq, hash: prev } = this.#chain;
    const named = this.#link === null ? {} : { link: this.#link };
    this.#link = null;
    const place = { id, ...named, prev, revision: after.revision, seq: seq + 1, synced: this.#synced };
    const { line, hash } = recordLine(text, place);
    this.#chain = { seq: seq + 1, hash };
    return { record: { ...place, event, hash }, line: Buffer.from(line) };
  }

  #tell(record: LedgerRecord): void {
    this.#head = { seq: record.seq, hash: record.hash };
    for (const listener of this.#listeners) {
      try {
        listener(record);
      } catch (error) {
        // The listener's own fault must neither undo nor hide what is recorded.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}

/** What the system refused is told as a fault. A disk that cannot be read fails one question, not the whole journal. */
async function told<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw fromSystem(error);
  }
}
