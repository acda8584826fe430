import type { Head } from "./record.ts";
import { readRecord } from "./record.ts";

/** What the bytes from the first wrong line on are. */
export type Tail = "torn" | "whole" | "damaged";

/**
 * Tells an interrupted last write from damage. `rest` is what stands at `offset`, from the first wrong line to the end
 * of the file, and `end` the last good line before it.
 *
 * A write that never returned can leave three things, and they were never acknowledged:
 * - the beginning of a line, without its end: torn. If all but the line end is there, the record is whole, and is kept;
 * - zeros at the end of the file, where its length was written and the bytes were not: torn;
 * - after a power cut, a stretch of zeros up to a sector's border, with later sectors written: torn, unless an intact
 *   record behind it says that all up to here had been on the disk.
 *
 * Everything else is damage, above all a line with an end whose hash is wrong, and a whole record whose line end became
 * another byte: no interrupted write leaves those, so a record that was acknowledged may be lost.
 */
export function tailAt(rest: Buffer, offset: number, end: { chain: string; head: Head }): Tail {
  const written = withoutTrailingZeros(rest);
  const lineEnd = written.indexOf(NEWLINE);
  if (lineEnd < 0) {
    if (continues(written, end)) return "whole";
    return continues(written.subarray(0, -1), end) ? "damaged" : "torn";
  }
  if (!hasHole(written.subarray(0, lineEnd), offset)) return "damaged";
  return wasSynced(written.subarray(lineEnd + 1), end.head.seq + 1) ? "damaged" : "torn";
}

const NEWLINE = 0x0a;

function withoutTrailingZeros(bytes: Buffer): Buffer {
  let length = bytes.length;
  while (length > 0 && bytes[length - 1] === 0) length -= 1;
  return bytes.subarray(0, length);
}

function continues(line: Buffer, end: { chain: string; head: Head }): boolean {
  const record = readRecord(line);
  return record !== null && record.seq === end.head.seq + 1 && record.prev === end.chain;
}

/** The smallest unit that a disk writes; file systems use multiples of it. */
const SECTOR = 512;
/** A single zero before a border could be one changed byte; refusing is the safe answer then. */
const SHORTEST_HOLE = 2;

/** Whether the line has zeros that reach up to a sector's border: our lines never hold a zero byte. */
function hasHole(line: Buffer, offset: number): boolean {
  for (let at = line.indexOf(0); at >= 0; at = line.indexOf(0, at)) {
    const from = at;
    while (at < line.length && line[at] === 0) at += 1;
    if (at - from >= SHORTEST_HOLE && (offset + at) % SECTOR === 0) return true;
  }
  return false;
}

/** Whether an intact record among these lines says that the disk had record `seq` before. */
function wasSynced(lines: Buffer, seq: number): boolean {
  for (let start = 0, end = 0; start < lines.length; start = end + 1) {
    end = lines.indexOf(NEWLINE, start);
    if (end < 0) end = lines.length;
    const record = readRecord(lines.subarray(start, end));
    if (record !== null && record.synced >= seq) return true;
  }
  return false;
}
