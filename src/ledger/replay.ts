import { fold } from "../core/transitions.ts";
import type { JournalFile } from "./files.ts";
import { type Line, linesOf } from "./lines.ts";
import type { Head, LedgerRecord } from "./record.ts";
import { type Entry, SegmentDecoder } from "./segment.ts";
import { Standing } from "./standing.ts";

/** What one segment's lines amount to, up to its end or to the first line that is wrong. */
export interface Replayed {
  readonly standing: Standing;
  /** Behind the last good line. */
  readonly size: number;
  /** Null while the checkpoint is not complete. */
  readonly end: End | null;
  readonly wrong: { readonly line: Line; readonly problem: string } | null;
}

interface End {
  /** Where the checkpoint ends. */
  readonly checkpointEnd: number;
  /** The hash that the next line continues. */
  readonly chain: string;
  /** The last record, in this segment or before it. */
  readonly head: Head;
}

/** Folds a segment from its own checkpoint on. */
export async function replay(file: JournalFile, segment: number): Promise<Replayed> {
  const standing = new Standing(segment);
  const decoder = new SegmentDecoder(segment, null);
  let size = 0;
  let end = null as End | null;
  for await (const lines of linesOf(file)) {
    for (const line of lines) {
      const problem = line.ended ? takeLine(standing, decoder, line) : "the line does not end";
      if (problem !== null) return { standing, size, end, wrong: { line, problem } };
      size = line.offset + line.bytes.length + 1;
      const { end: last, head } = decoder;
      if (decoder.pastCheckpoint && last !== null && head !== null) {
        end = { checkpointEnd: end?.checkpointEnd ?? size, chain: last.chain, head };
      }
    }
  }
  return { standing, size, end, wrong: null };
}

function takeLine(standing: Standing, decoder: SegmentDecoder, line: Line): string | null {
  const { entry, problem } = decoder.next(line.bytes);
  if (problem !== null || entry === null) return problem ?? "this is not a line of the journal";
  try {
    return takeEntry(standing, entry, line.offset);
  } catch (error) {
    // The fold says what is impossible; a record that is not even shaped like one is impossible too.
    return error instanceof Error ? error.message : String(error);
  }
}

function takeEntry(standing: Standing, entry: Entry, offset: number): string | null {
  switch (entry.kind) {
    case "header":
      return null;
    case "open":
      standing.restate(entry.id, entry.request, offset);
      return null;
    case "closed":
      standing.restate(entry.id, null, offset);
      return null;
    case "checkpoint":
      return entry.requests === standing.size
        ? null
        : `the checkpoint counts ${entry.requests} open requests, and holds ${standing.size}`;
    case "record":
      return takeRecord(standing, entry.record, offset);
  }
}

function takeRecord(
  standing: Standing,
  { id, revision, event }: LedgerRecord,
  offset: number,
): string | null {
  const request = standing.request(id);
  if (request === null && event.type !== "submitted") {
    // Finished, perhaps segments ago: what was said to it since can only have been refused. `verify` checks the rest.
    if (event.type !== "refused") return `${event.type} of request ${id}, which is not open`;
    standing.tail.close(id, [offset], []);
    return null;
  }
  if (standing.tail.lines.has(id)) return `request ${id} is submitted a second time`;
  if (revision !== (request?.revision ?? 0) + 1) {
    return `revision ${revision} of request ${id} follows revision ${request?.revision ?? 0}`;
  }
  const next = fold([event], request);
  if (next === null || next.submission.fields.id !== id)
    return `this is a record of another request than ${id}`;
  standing.put(id, next, offset);
  return null;
}
