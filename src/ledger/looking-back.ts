import type { Request, RequestId } from "../core/request.ts";
import { type JournalFile, type JournalFiles, withFile } from "./files.ts";
import { lastLine, lineAt, linesOf } from "./lines.ts";
import { readRecords } from "./reading.ts";
import { isRecordLine, type LedgerRecord, readRecord } from "./record.ts";
import { damaged, newestSegment, SegmentDecoder, segmentName } from "./segment.ts";

/** A request that was open where the records begin, as it was then. */
export interface OpenThen {
  readonly id: RequestId;
  readonly request: Request;
}

/**
 * The number of the last record from before a time (ms); 0 where all are younger. Goes back from the end by the segments'
 * last records, so that it costs what lies behind that time and not what was ever done. Where the clock was set back, what
 * is meant is the newest stretch of time. Rejects with `journal_damaged`.
 */
export async function lastBefore(files: JournalFiles, time: number): Promise<number> {
  const { segment, before } = await segmentSince(files, time);
  return segment === 0 ? 0 : withFile(files, segmentName(segment), "read", (file) => halve(file, segment));

  async function halve(file: JournalFile, number: number): Promise<number> {
    const offsets: number[] = [];
    for await (const lines of linesOf(file)) {
      for (const { bytes, offset, ended } of lines) if (ended && isRecordLine(bytes)) offsets.push(offset);
    }
    let found = before;
    for (let [low, high] = [0, offsets.length]; low < high; ) {
      const middle = (low + high) >> 1;
      const { seq, at } = timed(await lineAt(file, offsets[middle] ?? 0), number);
      if (at < time) [low, found] = [middle + 1, seq];
      else high = middle;
    }
    return found;
  }
}

/**
 * Gives what was open at some point before a time (ms), then every record from that point on: all that is needed to tell
 * what happened since. Rejects with `journal_damaged`.
 */
export async function* readSince(files: JournalFiles, time: number): AsyncGenerator<OpenThen | LedgerRecord> {
  const { segment, before } = await segmentSince(files, time);
  if (segment > 1)
    yield* await withFile(files, segmentName(segment), "read", (file) => openIn(file, segment));
  yield* readRecords(files, before);
}

/** The first segment with a record that is not from before a time, and the last record that stands before it. */
async function segmentSince(files: JournalFiles, time: number): Promise<{ segment: number; before: number }> {
  let segment = await newestSegment(files);
  for (; segment > 1; segment -= 1) {
    const name = segmentName(segment - 1);
    const line = await withFile(files, name, "read", (file) => lastLine(file));
    const { seq, at } = timed(line, segment - 1);
    if (at < time) return { segment, before: seq };
  }
  return { segment, before: 0 };
}

function timed(line: Buffer | null, segment: number): { seq: number; at: number } {
  const record = line === null ? null : readRecord(line);
  if (record === null) throw damaged(segmentName(segment), null, "a record in it does not hold");
  return { seq: record.seq, at: Date.parse(record.event.at) };
}

/** The states in a segment's checkpoint; a later line about a request replaces the earlier one. */
async function openIn(file: JournalFile, segment: number): Promise<OpenThen[]> {
  const decoder = new SegmentDecoder(segment, null);
  const open = new Map<RequestId, OpenThen>();
  for await (const lines of linesOf(file)) {
    for (const { bytes, number } of lines) {
      const { entry, problem } = decoder.next(bytes);
      if (problem !== null) throw damaged(segmentName(segment), number, problem);
      if (entry?.kind === "open") open.set(entry.id, { id: entry.id, request: entry.request });
      if (entry?.kind === "closed") open.delete(entry.id);
      if (decoder.pastCheckpoint) return [...open.values()];
    }
  }
  throw damaged(segmentName(segment), 1, "the checkpoint at its beginning is not complete");
}
