import { type JournalFile, type JournalFiles, withFile } from "./files.ts";
import { lastLine, linesOf } from "./lines.ts";
import { isRecordLine, type LedgerRecord, readRecord, seqOf } from "./record.ts";
import { damaged, newestSegment, segmentName } from "./segment.ts";

/**
 * Gives the records after a sequence number, oldest first, up to the end of the journal as it is met, or to `upTo`.
 * Needs no lock: a line that is just being written at the very end is left for the next time. Rejects with
 * `journal_damaged` at a record that does not hold.
 */
export async function* readRecords(
  files: JournalFiles,
  after: number,
  upTo = Number.POSITIVE_INFINITY,
): AsyncGenerator<LedgerRecord> {
  let newest = await newestSegment(files);
  if (newest === 0 || after >= upTo) return;
  for (let segment = await segmentAfter(files, newest, after); segment <= newest; segment += 1) {
    // Known before it is read: a segment that has a successor gets no more records while we read it.
    const sealed = segment < newest;
    for await (const record of recordsIn(files, segment, after, sealed)) {
      yield record;
      if (record.seq >= upTo) return;
    }
    if (!sealed) return;
    newest = await newestSegment(files);
  }
}

async function* recordsIn(
  files: JournalFiles,
  segment: number,
  after: number,
  sealed: boolean,
): AsyncGenerator<LedgerRecord> {
  const name = segmentName(segment);
  const file = await files.open(name, "read");
  try {
    let last: LedgerRecord | null = null;
    for await (const lines of linesOf(file)) {
      for (const { bytes, number, ended } of lines) {
        if (!ended && !sealed) return;
        const seq = seqOf(bytes);
        if (seq === null ? !isRecordLine(bytes) : seq <= after) continue;
        const record = readRecord(bytes);
        if (record === null) throw damaged(name, number, "this is not a record, or its hash does not match");
        if (last !== null && (record.prev !== last.hash || record.seq !== last.seq + 1)) {
          throw damaged(name, number, "it does not continue the line before");
        }
        last = record;
        yield record;
      }
    }
  } finally {
    await file.close();
  }
}

/** The segment that holds the record behind `after`, found by halving over the segments' last lines. */
async function segmentAfter(files: JournalFiles, newest: number, after: number): Promise<number> {
  let low = 1;
  let high = newest;
  while (low < high) {
    const middle = (low + high) >> 1;
    const end = await withFile(files, segmentName(middle), "read", (file) =>
      lastSeq(file, segmentName(middle)),
    );
    if (end > after) high = middle;
    else low = middle + 1;
  }
  return low;
}

async function lastSeq(file: JournalFile, name: string): Promise<number> {
  const line = await lastLine(file);
  const seq = line === null ? null : seqOf(line);
  if (seq === null) throw damaged(name, null, "the segment does not end with a record");
  return seq;
}
