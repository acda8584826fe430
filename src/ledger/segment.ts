import { createHash } from "node:crypto";
import { Fault } from "../core/codes.ts";
import type { Request, RequestId } from "../core/request.ts";
import type { JournalFiles } from "./files.ts";
import {
  GENESIS,
  type Head,
  isCheckpointLine,
  isKnownFormat,
  isRecordLine,
  type LedgerRecord,
  readCheckpoint,
  readRecord,
  readState,
} from "./record.ts";

export function segmentName(segment: number): string {
  return `${String(segment).padStart(6, "0")}.jsonl`;
}

export function segmentsIn(names: readonly string[]): number[] {
  return names
    .flatMap((name) => {
      const digits = /^(\d{6,})\.jsonl$/.exec(name)?.[1];
      return digits === undefined ? [] : [Number(digits)];
    })
    .sort((a, b) => a - b);
}

/** The number of the newest segment; 0 when there is none. Rejects with `journal_damaged` when one before it is missing. */
export async function newestSegment(files: JournalFiles): Promise<number> {
  const segments = segmentsIn(await files.list());
  segments.forEach((segment, index) => {
    if (segment !== index + 1) {
      throw new Fault("journal_damaged", `The journal's file ${segmentName(index + 1)} is missing.`);
    }
  });
  return segments.length;
}

/** Says which line of which file is wrong (null where it is not one line), and stops whoever reads. */
export function damaged(file: string, line: number | null, message: string): Fault {
  const where = line === null ? file : `${file}, line ${line}`;
  return new Fault("journal_damaged", `The journal is damaged: ${where}: ${message}.`);
}

export type Entry =
  | { readonly kind: "header" }
  | { readonly kind: "open"; readonly id: RequestId; readonly request: Request }
  | { readonly kind: "closed"; readonly id: RequestId }
  | { readonly kind: "checkpoint"; readonly requests: number; readonly seq: number }
  | { readonly kind: "record"; readonly record: LedgerRecord };

/** What a line says, and what is wrong with it: either may be missing, not both. */
export interface Decoded {
  readonly entry: Entry | null;
  readonly problem: string | null;
}

/**
 * Reads a segment's lines in order and holds each against the one before. After a problem it goes on as well as it can,
 * so that an audit can name every wrong line; recovery stops at the first.
 */
export class SegmentDecoder {
  readonly #segment: number;
  readonly #sum = createHash("sha256");
  #stage: "header" | "states" | "records" = "header";
  /** The hash and number that the next chained line must continue; null when not known. */
  #chain: string | null;
  #seq: number | null;
  #head: Head | null = null;

  /** `after` is the end of the segment before; null takes the checkpoint's word for it. */
  constructor(segment: number, after: { chain: string; seq: number } | null) {
    this.#segment = segment;
    const from = segment === 1 ? { chain: GENESIS, seq: 0 } : after;
    this.#chain = from?.chain ?? null;
    this.#seq = from?.seq ?? null;
  }

  /** Whether the checkpoint is complete and records follow. */
  get pastCheckpoint(): boolean {
    return this.#stage === "records";
  }

  /** What the next segment must continue; null after a problem that hides it. */
  get end(): { chain: string; seq: number } | null {
    return this.#chain === null || this.#seq === null ? null : { chain: this.#chain, seq: this.#seq };
  }

  /** The last record so far, this segment's or the one that its checkpoint continues. */
  get head(): Head | null {
    return this.#head;
  }

  next(line: Buffer): Decoded {
    if (this.#stage === "records") return this.#record(line);
    if (this.#stage === "header") return this.#header(line);
    return this.#state(line);
  }

  #header(line: Buffer): Decoded {
    this.#stage = "states";
    this.#add(line);
    const state = readState(line);
    if (state === null || !("format" in state)) return wrong("this is not the header of a segment");
    if (!isKnownFormat(state.format)) {
      return wrong(`format ${state.format} was written by a newer Countersign`);
    }
    if (state.segment !== this.#segment) return wrong(`this is the header of segment ${state.segment}`);
    return right({ kind: "header" });
  }

  #state(line: Buffer): Decoded {
    const checkpoint = isCheckpointLine(line) ? readCheckpoint(line) : null;
    if (checkpoint !== null) return this.#checkpoint(checkpoint);
    if (isRecordLine(line)) {
      this.#stage = "records";
      return { ...this.#record(line), problem: "a record stands before the segment's checkpoint" };
    }
    this.#add(line);
    const state = readState(line);
    if (state === null || "format" in state) return wrong("this is not a line of a checkpoint");
    if ("closed" in state) return right({ kind: "closed", id: state.closed });
    return right({ kind: "open", id: state.id, request: state.request });
  }

  #checkpoint(found: NonNullable<ReturnType<typeof readCheckpoint>>): Decoded {
    const [chain, seq] = [this.#chain, this.#seq];
    this.#stage = "records";
    this.#chain = found.hash;
    this.#seq = found.seq;
    this.#head = { seq: found.seq, hash: found.prev };
    const entry: Entry = { kind: "checkpoint", requests: found.requests, seq: found.seq };
    if (found.sha256 !== this.#sum.digest("hex")) {
      return { entry, problem: "the checkpoint's lines are not those that were written" };
    }
    if (found.segment !== this.#segment) {
      return { entry, problem: `this is the checkpoint of segment ${found.segment}` };
    }
    if (chain !== null && found.prev !== chain) return { entry, problem: BROKEN_CHAIN };
    if (seq !== null && found.seq !== seq) {
      return { entry, problem: `the checkpoint follows record ${found.seq}, not ${seq}` };
    }
    return right(entry);
  }

  #record(line: Buffer): Decoded {
    const [chain, seq] = [this.#chain, this.#seq];
    const record = readRecord(line);
    this.#chain = record?.hash ?? null;
    this.#seq = record?.seq ?? null;
    if (record === null) return wrong("this is not a record, or its hash does not match");
    this.#head = { seq: record.seq, hash: record.hash };
    const entry: Entry = { kind: "record", record };
    if (seq !== null && record.seq !== seq + 1) {
      return { entry, problem: `record ${record.seq} stands where ${seq + 1} should` };
    }
    if (chain !== null && record.prev !== chain) return { entry, problem: BROKEN_CHAIN };
    return right(entry);
  }

  #add(line: Buffer): void {
    this.#sum.update(line).update("\n");
  }
}

const BROKEN_CHAIN = "it does not continue the line before";

function right(entry: Entry): Decoded {
  return { entry, problem: null };
}

function wrong(problem: string): Decoded {
  return { entry: null, problem };
}
