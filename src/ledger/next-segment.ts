import { createHash } from "node:crypto";
import type { Request, RequestId } from "../core/request.ts";
import { type JournalFile, type JournalFiles, writeAll } from "./files.ts";
import { checkpointLine, closedLine, type Head, headerLine, openLine } from "./record.ts";
import { segmentName } from "./segment.ts";

/** A new segment, complete and on the disk under its name. */
export interface Begun {
  readonly segment: number;
  readonly file: JournalFile;
  /** Where the first record goes. */
  readonly position: number;
  /** The hash that the first record continues from. */
  readonly chain: string;
  /** Where each open request's state is. */
  readonly lines: ReadonlyMap<RequestId, number>;
}

/** Bounds both the write and how long the event loop is held while the states are made into text. */
const CHUNK = 128 * 1024;

/**
 * Writes the checkpoint that begins a segment, under a temporary name and beside the appends that go on into the old
 * one: states are added, corrected by later lines while they change, and `finish` puts the whole in place at once.
 */
export class NextSegment {
  readonly #files: JournalFiles;
  readonly #file: JournalFile;
  readonly #segment: number;
  readonly #sum = createHash("sha256");
  readonly #lines = new Map<RequestId, number>();
  #position = 0;
  #pending: string[] = [];
  #pendingBytes = 0;

  private constructor(files: JournalFiles, file: JournalFile, segment: number) {
    this.#files = files;
    this.#file = file;
    this.#segment = segment;
    this.#add(headerLine(segment));
  }

  static async begin(files: JournalFiles, segment: number): Promise<NextSegment> {
    return new NextSegment(files, await files.open(temporaryName(segment), "create"), segment);
  }

  /** Adds the state of each request, or that it is closed by now. */
  async add(ids: Iterable<RequestId>, requestOf: (id: RequestId) => Request | null): Promise<void> {
    for (const id of ids) {
      const request = requestOf(id);
      const at = this.#position + this.#pendingBytes;
      if (request === null) {
        if (this.#lines.delete(id)) this.#add(closedLine(id));
      } else {
        this.#lines.set(id, at);
        this.#add(openLine(id, request));
      }
      if (this.#pendingBytes >= CHUNK) await this.#write();
    }
    await this.#write();
  }

  /** Brings what was added so far to the disk, so that `finish` has little left to wait for. */
  sync(): Promise<void> {
    return this.#file.sync();
  }

  /** Chains the checkpoint to the old segment's last record and gives the segment its name. Only then does it exist. */
  async finish({ seq, hash: prev }: Head): Promise<Begun> {
    await this.#write();
    const segment = this.#segment;
    const checkpoint = { segment, seq, requests: this.#lines.size, sha256: this.#sum.digest("hex") };
    const { line, hash } = checkpointLine(checkpoint, prev);
    const bytes = Buffer.from(line);
    await writeAll(this.#file, bytes, this.#position);
    await this.#file.sync();
    await this.#files.rename(temporaryName(segment), segmentName(segment));
    await this.#files.syncDirectory();
    return {
      segment,
      file: this.#file,
      position: this.#position + bytes.length,
      chain: hash,
      lines: this.#lines,
    };
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  #add(line: string): void {
    this.#pending.push(line);
    this.#pendingBytes += Buffer.byteLength(line);
  }

  async #write(): Promise<void> {
    if (this.#pending.length === 0) return;
    const bytes = Buffer.from(this.#pending.join(""));
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#sum.update(bytes);
    await writeAll(this.#file, bytes, this.#position);
    this.#position += bytes.length;
  }
}

/** What a crash leaves of an unfinished segment or index; removed at the next start. */
export function isTemporary(name: string): boolean {
  return name.endsWith(".tmp");
}

function temporaryName(segment: number): string {
  return `${segmentName(segment)}.tmp`;
}
