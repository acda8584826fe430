import { isClosed, type Request, type RequestId } from "../core/request.ts";
import { step } from "../core/transitions.ts";
import { diskFiles } from "./disk-files.ts";
import { type JournalFile, type JournalFiles, withFile } from "./files.ts";
import { type Line, linesOf } from "./lines.ts";
import { canonical, GENESIS, type Head, type LedgerRecord } from "./record.ts";
import { type Entry, SegmentDecoder, segmentName, segmentsIn } from "./segment.ts";

export interface VerifyOptions {
  readonly directory: string;
  readonly files?: JournalFiles;
  /**
   * The last record as somebody else kept it. Without it, a journal that was cut off at the end of a line, or written
   * anew from the beginning, is consistent in itself and cannot be told from a true one.
   */
  readonly expectedHead?: Head;
}

export interface Verification {
  readonly records: number;
  readonly requests: number;
  readonly head: Head;
  readonly problems: readonly JournalProblem[];
}

interface JournalProblem {
  readonly file: string;
  readonly line: number;
  readonly message: string;
}

/**
 * Walks the whole journal and names everything that is wrong: a changed, inserted, missing or moved line, a history that
 * the core would not have allowed, a checkpoint that is not what the records lead to. Reads only, and needs no lock: a
 * line that is just being written at the very end is no problem.
 */
export async function verifyJournal({
  directory,
  files,
  expectedHead,
}: VerifyOptions): Promise<Verification> {
  const from = files ?? diskFiles(directory);
  const audit = new Audit(expectedHead ?? null);
  const segments = segmentsIn(await from.list());
  const newest = segments.at(-1) ?? 0;
  for (let segment = 1; segment <= newest; segment += 1) {
    if (!segments.includes(segment)) audit.missing(segment);
    else await withFile(from, segmentName(segment), "read", (file) => audit.segment(file, segment, newest));
  }
  return audit.result();
}

class Audit {
  readonly #problems: JournalProblem[] = [];
  readonly #expected: Head | null;
  #expectedSeen = false;
  #records = 0;
  #requests = 0;
  #head: Head = { seq: 0, hash: GENESIS };
  #end: { chain: string; seq: number } | null = null;
  #open = new Map<RequestId, Request>();
  readonly #closed = new Map<RequestId, number>();
  #file = "";
  #line = 0;

  constructor(expected: Head | null) {
    this.#expected = expected;
  }

  missing(segment: number): void {
    this.#at(segmentName(segment), 1);
    this.#problem("the file is missing");
    this.#end = null;
  }

  async segment(file: JournalFile, segment: number, newest: number): Promise<void> {
    const decoder = new SegmentDecoder(segment, this.#end);
    const states = new Map<RequestId, Request>();
    for await (const lines of linesOf(file)) {
      for (const line of lines) {
        this.#at(segmentName(segment), line.number);
        if (!line.ended && segment === newest && decoder.pastCheckpoint) break;
        this.#take(decoder, line, states);
      }
    }
    if (!decoder.pastCheckpoint) this.#problem("the segment's checkpoint is not complete");
    this.#end = decoder.end;
  }

  result(): Verification {
    const expected = this.#expected;
    if (expected !== null && expected.seq > 0 && !this.#expectedSeen) {
      this.#problem(`the journal ends before record ${expected.seq}, which is known to have been written`);
    }
    return {
      records: this.#records,
      requests: this.#requests,
      head: this.#head,
      problems: this.#problems,
    };
  }

  #take(decoder: SegmentDecoder, line: Line, states: Map<RequestId, Request>): void {
    const { entry, problem } = decoder.next(line.bytes);
    if (problem !== null) this.#problem(problem);
    else if (!line.ended) this.#problem("the line does not end");
    if (entry !== null) this.#entry(entry, line, states);
  }

  #entry(entry: Entry, line: Line, states: Map<RequestId, Request>): void {
    switch (entry.kind) {
      case "header":
        return;
      case "open":
        states.set(entry.id, entry.request);
        return;
      case "closed":
        states.delete(entry.id);
        return;
      case "checkpoint":
        if (states.size !== entry.requests) this.#problem("the checkpoint does not count its requests right");
        this.#compare(states);
        return;
      case "record":
        this.#canonical(entry.record, line);
        this.#record(entry.record);
    }
  }

  /** Holds a checkpoint against the records before it, and goes on from it, so that one fault is told once. */
  #compare(states: Map<RequestId, Request>): void {
    const ids = new Set([...states.keys(), ...this.#open.keys()]);
    for (const id of ids) {
      if (!isSame(states.get(id), this.#open.get(id))) {
        this.#problem(`the checkpoint's state of request ${id} is not what its records lead to`);
      }
    }
    this.#open = states;
  }

  /** The hash is over the line's bytes; anyone else's check is over the canonical JSON, so they must be the same. */
  #canonical(record: LedgerRecord, { bytes }: Line): void {
    if (canonical(record) !== bytes.toString("utf8")) this.#problem("the record is not in canonical form");
  }

  #record(record: LedgerRecord): void {
    const { id, seq, hash, revision, event } = record;
    this.#records += 1;
    this.#head = { seq, hash };
    if (seq === this.#expected?.seq) {
      this.#expectedSeen = true;
      if (hash !== this.#expected.hash) {
        this.#problem(`record ${seq} is not the one that is known to have been written`);
      }
    }
    const before = this.#open.get(id) ?? null;
    const closed = this.#closed.get(id);
    const from = before?.revision ?? closed ?? 0;
    if (revision !== from + 1) {
      this.#problem(`revision ${revision} of request ${id} follows revision ${from}`);
    }
    if (before === null && closed !== undefined) {
      this.#closed.set(id, revision);
      if (event.type !== "refused") this.#problem(`${event.type} of request ${id}, which is finished`);
      return;
    }
    const next = stepped(before, record);
    if (next === null) {
      this.#problem(`${event.type} of request ${id} is not possible after ${before?.status ?? "nothing"}`);
      return;
    }
    if (before === null) this.#requests += 1;
    if (isClosed(next)) {
      this.#open.delete(id);
      this.#closed.set(id, revision);
    } else this.#open.set(id, next.revision === revision ? next : { ...next, revision });
  }

  #at(file: string, line: number): void {
    this.#file = file;
    this.#line = line;
  }

  #problem(message: string): void {
    this.#problems.push({ file: this.#file, line: this.#line, message });
  }
}

function stepped(before: Request | null, { id, event }: LedgerRecord): Request | null {
  try {
    const taken = step(before, event);
    return taken.ok && taken.request.submission.fields.id === id ? taken.request : null;
  } catch {
    // An event of the wrong shape, whatever its hash says.
    return null;
  }
}

function isSame(a: Request | undefined, b: Request | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && canonical(a) === canonical(b));
}
