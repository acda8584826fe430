import { type JournalFile, readRange } from "./files.ts";

/** One line of a segment, without its newline. */
export interface Line {
  readonly bytes: Buffer;
  readonly offset: number;
  /** From 1. */
  readonly number: number;
  /** False for what stands behind the last newline. */
  readonly ended: boolean;
}

const FIRST_CHUNK = 8 * 1024;
const CHUNK = 256 * 1024;
const NEWLINE = 0x0a;

/**
 * Gives a file's lines from its beginning, many at a time: a step of the iteration costs more than a line does. An
 * unended last line is given too, unless it is empty.
 */
export async function* linesOf(file: JournalFile): AsyncGenerator<readonly Line[]> {
  let number = 1;
  let offset = 0;
  let carried: Buffer[] = [];
  for (let position = 0, length = FIRST_CHUNK; ; length = CHUNK) {
    const chunk = await readRange(file, position, length);
    position += chunk.length;
    const last = chunk.lastIndexOf(NEWLINE);
    if (last < 0) {
      // Kept in pieces until its end comes, so that one very long line does not cost its length squared.
      if (chunk.length > 0) carried.push(chunk);
    } else {
      const block = carried.length === 0 ? chunk : Buffer.concat([...carried, chunk]);
      const lines: Line[] = [];
      let start = 0;
      for (let end = block.indexOf(NEWLINE); end >= 0; end = block.indexOf(NEWLINE, start)) {
        lines.push({ bytes: block.subarray(start, end), offset: offset + start, number, ended: true });
        number += 1;
        start = end + 1;
      }
      offset += start;
      carried = start < block.length ? [block.subarray(start)] : [];
      yield lines;
    }
    if (chunk.length < length) break;
  }
  const rest = Buffer.concat(carried);
  if (rest.length > 0) yield [{ bytes: rest, offset, number, ended: false }];
}

const FIRST_LOOK = 4 * 1024;

/** Gives the line that begins at an offset; null when the file has no whole line there. */
export async function lineAt(file: JournalFile, offset: number): Promise<Buffer | null> {
  for (let length = FIRST_LOOK; ; length *= 4) {
    const bytes = await readRange(file, offset, length);
    const end = bytes.indexOf(NEWLINE);
    if (end >= 0) return bytes.subarray(0, end);
    if (bytes.length < length) return null;
  }
}

/** Gives the last line of a file that ends with a newline; null when it does not. */
export async function lastLine(file: JournalFile): Promise<Buffer | null> {
  const size = await file.size();
  for (let length = FIRST_LOOK; ; length *= 4) {
    const from = Math.max(0, size - length);
    const bytes = await readRange(file, from, size - from);
    if (bytes[bytes.length - 1] !== NEWLINE) return null;
    const before = bytes.lastIndexOf(NEWLINE, bytes.length - 2);
    if (before >= 0 || from === 0) return bytes.subarray(before + 1, -1);
  }
}
