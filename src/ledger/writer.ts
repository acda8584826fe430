import type { Fault } from "../core/codes.ts";
import { type JournalFile, readRange, writeAll } from "./files.ts";
import { storageFault } from "./storage-fault.ts";

/** Something to be written behind everything before it. */
export interface Write {
  /** Called once, when its turn has come, because a line holds the hash of the line before. */
  lines(): readonly Buffer[];
  /** Whether it may reach the disk with a later write. */
  readonly lazy: boolean;
  /** Called when the lines can be relied on, with where each begins. Must not throw. */
  written(offsets: readonly number[]): void;
  failed(fault: Fault): void;
}

interface Job {
  readonly work: () => Promise<void>;
  readonly over: (done: boolean) => void;
}

/** How long a lazy write may wait for company before it is brought to the disk alone. */
const LAZY_MS = 1_000;

/**
 * Writes to the end of the newest segment. Everything that comes while one write is on its way goes into the next one
 * together, with one `fdatasync`. What was written is read back before anyone is told of it: a disk may take fewer
 * bytes than it says. The first error is final: after a failed sync nobody knows what the disk holds, and a second sync
 * that succeeds would not mean that the first one's bytes are there.
 */
export class Writer {
  #file: JournalFile;
  #position: number;
  #queue: Write[] = [];
  #jobs: Job[] = [];
  #running: Promise<void> | null = null;
  #fault: Fault | null = null;
  #unsynced = false;
  #timer: NodeJS.Timeout | null = null;

  readonly #onSync: () => void;

  /** `onSync` is called when everything whose lines were asked for so far is on the disk. */
  constructor(file: JournalFile, position: number, onSync: () => void) {
    this.#file = file;
    this.#position = position;
    this.#onSync = onSync;
  }

  get position(): number {
    return this.#position;
  }

  /** Why nothing is written any more. */
  get fault(): Fault | null {
    return this.#fault;
  }

  push(write: Write): void {
    if (this.#fault !== null) {
      write.failed(this.#fault);
      return;
    }
    this.#queue.push(write);
    this.#run();
  }

  /**
   * Does something between two writes, while nothing is on its way. A failure is final like that of a write. Gives
   * whether it was done; never rejects.
   */
  between(work: () => Promise<void>): Promise<boolean> {
    if (this.#fault !== null) return Promise.resolve(false);
    return new Promise((resolve) => {
      this.#jobs.push({ work, over: resolve });
      this.#run();
    });
  }

  /** Goes on in another file. Only inside `between`. */
  moveTo(file: JournalFile, position: number): JournalFile {
    const old = this.#file;
    this.#file = file;
    this.#position = position;
    return old;
  }

  /** Brings what was written to the disk, if anything is not there yet. Not while a write is on its way. */
  async sync(): Promise<void> {
    if (!this.#unsynced) return;
    await this.#file.sync();
    this.#settled();
    this.#onSync();
  }

  /** Ends all writing because of a failure elsewhere in the journal. Gives the fault that everyone is told. */
  fail(error: unknown): Fault {
    const fault = this.#fault ?? storageFault(error);
    this.#fault = fault;
    this.#settled();
    const [queue, jobs] = [this.#queue, this.#jobs];
    this.#queue = [];
    this.#jobs = [];
    for (const write of queue) write.failed(fault);
    for (const job of jobs) job.over(false);
    return fault;
  }

  /** Writes and syncs what is still waiting, and closes the file. Rejects when that failed now or before. */
  async close(): Promise<void> {
    await this.between(() => this.sync());
    await this.#running;
    this.#settled();
    await this.#file.close();
    if (this.#fault !== null) throw this.#fault;
  }

  #run(): void {
    this.#running ??= this.#drain();
  }

  async #drain(): Promise<void> {
    // One step later, so that everything that is asked for in the same turn of the event loop goes into one write.
    await null;
    try {
      while (this.#fault === null && (this.#queue.length > 0 || this.#jobs.length > 0)) {
        const [batch, jobs] = [this.#queue, this.#jobs];
        this.#queue = [];
        this.#jobs = [];
        try {
          if (batch.length > 0) await this.#write(batch);
          for (const { work } of jobs) await work();
          for (const { over } of jobs) over(true);
        } catch (error) {
          const fault = this.fail(error);
          for (const write of batch) write.failed(fault);
          for (const { over } of jobs) over(false);
        }
      }
    } finally {
      this.#running = null;
    }
  }

  async #write(batch: readonly Write[]): Promise<void> {
    const lines = batch.map((write) => write.lines());
    const bytes = Buffer.concat(lines.flat());
    const from = this.#position;
    await writeAll(this.#file, bytes, from);
    this.#position += bytes.length;
    this.#unsynced = true;
    const durable = batch.some(({ lazy }) => !lazy);
    // Both are waited for whatever comes of them: a file must not be closed under a call that still uses it.
    const [back, synced] = await Promise.allSettled([
      readRange(this.#file, from, bytes.length),
      durable ? this.sync() : this.#syncLater(),
    ]);
    if (synced.status === "rejected") throw synced.reason;
    if (back.status === "rejected") throw back.reason;
    if (!back.value.equals(bytes)) throw new Error("what was read back is not what was written");
    let offset = from;
    for (const [index, write] of batch.entries()) {
      const offsets = (lines[index] ?? []).map((line) => {
        const at = offset;
        offset += line.length;
        return at;
      });
      write.written(offsets);
    }
  }

  #syncLater(): void {
    this.#timer ??= setTimeout(() => void this.between(() => this.sync()), LAZY_MS).unref();
  }

  #settled(): void {
    this.#unsynced = false;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
