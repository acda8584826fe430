import type { RequestId } from "../core/request.ts";
import type { JournalFile, JournalFiles } from "./files.ts";
import type { Finished } from "./finished.ts";
import { NextSegment } from "./next-segment.ts";
import type { Standing } from "./standing.ts";
import type { Writer } from "./writer.ts";

/** How many requests may change while a checkpoint is written before they get a round of their own. */
const FEW = 256;
const MOST_ROUNDS = 8;
/** About what an open request takes in a checkpoint. */
const STATE_BYTES = 1024;

/**
 * Begins a new segment when the newest has grown. The open requests' states are written beside the appends that go on;
 * only what changed meanwhile, and the change of files, makes an append wait.
 */
export class Rotation {
  readonly #files: JournalFiles;
  readonly #writer: Writer;
  readonly #standing: Standing;
  readonly #finished: Finished;
  readonly #segmentBytes: number;
  readonly #lastLine: () => { seq: number; hash: string };
  readonly #continueFrom: (hash: string) => void;
  #segment: number;
  #checkpointEnd: number;
  /** What changed since the checkpoint under way looked at it; null when none is under way. */
  #changed: Set<RequestId> | null = null;
  #running: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(parts: {
    files: JournalFiles;
    writer: Writer;
    standing: Standing;
    finished: Finished;
    segment: number;
    checkpointEnd: number;
    segmentBytes: number;
    /** The last line that was written. */
    lastLine: () => { seq: number; hash: string };
    /** Makes the next record continue from this hash. */
    continueFrom: (hash: string) => void;
  }) {
    this.#files = parts.files;
    this.#writer = parts.writer;
    this.#standing = parts.standing;
    this.#finished = parts.finished;
    this.#segment = parts.segment;
    this.#checkpointEnd = parts.checkpointEnd;
    this.#segmentBytes = parts.segmentBytes;
    this.#lastLine = parts.lastLine;
    this.#continueFrom = parts.continueFrom;
  }

  /** Told of every request that changed, once the change is written. */
  changed(id: RequestId): void {
    if (this.#changed !== null) this.#changed.add(id);
    else if (this.#isDue() && !this.#stopped) this.#running = this.#begin();
  }

  /** Begins no segment any more, and waits until one that is on its way stands or is given up. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  /** A checkpoint may be larger than a segment: then it is written once per its own size, not once per segment's. */
  #isDue(): boolean {
    const grown = this.#writer.position - this.#checkpointEnd;
    return grown >= Math.max(this.#segmentBytes, this.#standing.size * STATE_BYTES);
  }

  async #begin(): Promise<void> {
    this.#changed = new Set();
    let next: NextSegment | null = null;
    try {
      const ids = this.#standing.requests().map(({ submission }) => submission.fields.id);
      next = await NextSegment.begin(this.#files, this.#segment + 1);
      await this.#add(next, ids);
      for (let round = 0; this.#changed.size > FEW && round < MOST_ROUNDS; round += 1) {
        await this.#add(next, this.#takeChanged());
      }
      await next.sync();
      const unneeded = (await this.#enter(next)) ?? next;
      next = null;
      await unneeded.close();
    } catch (error) {
      this.#writer.fail(error);
      await next?.close().catch(() => {});
    }
  }

  /** Puts the new segment in place between two writes; gives the old one's file, null when the writer has failed. */
  async #enter(next: NextSegment): Promise<JournalFile | null> {
    let old: JournalFile | null = null;
    await this.#writer.between(async () => {
      await this.#add(next, this.#takeChanged());
      // The old segment is complete on the disk before the new one exists: a checkpoint must not outlive its records.
      await this.#writer.sync();
      const { file, position, chain, lines, segment } = await next.finish(this.#lastLine());
      old = this.#writer.moveTo(file, position);
      this.#changed = null;
      this.#segment = segment;
      this.#checkpointEnd = position;
      this.#continueFrom(chain);
      const tail = this.#standing.beginSegment(segment, lines);
      this.#finished.seal(tail).catch((error: unknown) => this.#writer.fail(error));
    });
    return old;
  }

  #add(next: NextSegment, ids: Iterable<RequestId>): Promise<void> {
    return next.add(ids, (id) => this.#standing.request(id));
  }

  #takeChanged(): Set<RequestId> {
    const changed = this.#changed ?? new Set();
    this.#changed = new Set();
    return changed;
  }
}
