import { type JournalFile, type JournalFiles, readRange, withFile, writeAll } from "./files.ts";
import { isTemporary, NextSegment } from "./next-segment.ts";
import { GENESIS, type Head } from "./record.ts";
import { type Replayed, replay } from "./replay.ts";
import { damaged, newestSegment, segmentName } from "./segment.ts";
import { Standing } from "./standing.ts";
import { tailAt } from "./torn.ts";

/** The newest segment, ready for the next record. */
export interface Recovered {
  readonly segment: number;
  readonly file: JournalFile;
  readonly position: number;
  readonly checkpointEnd: number;
  readonly standing: Standing;
  readonly chain: string;
  readonly head: Head;
  /** The file that keeps the bytes of an unfinished last write, when there was one. */
  readonly repaired: string | null;
}

/**
 * Reads the newest segment and repairs what an interrupted write left at its end. Rejects with `journal_damaged` for
 * anything else that is wrong.
 */
export async function recover(files: JournalFiles, now: () => Date): Promise<Recovered> {
  for (const name of await files.list()) if (isTemporary(name)) await files.unlink(name);
  const segment = await newestSegment(files);
  if (segment === 0) return firstSegment(files);
  const file = await files.open(segmentName(segment), "write");
  try {
    // What a killed process did may still be in memory only; nothing is built on it before it is on the disk.
    await file.sync();
    await files.syncDirectory();
    const found = await replay(file, segment);
    const repaired = found.wrong === null ? null : await repair(files, file, segment, found, now);
    const { standing, size, end, wrong } = found.wrong === null ? found : await replay(file, segment);
    if (wrong !== null) throw damaged(segmentName(segment), wrong.line.number, wrong.problem);
    if (end === null)
      throw damaged(segmentName(segment), 1, "the checkpoint at its beginning is not complete");
    return { segment, file, position: size, standing, repaired, ...end };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function firstSegment(files: JournalFiles): Promise<Recovered> {
  const next = await NextSegment.begin(files, 1);
  const begun = await next.finish({ seq: 0, hash: GENESIS });
  return {
    ...begun,
    checkpointEnd: begun.position,
    standing: new Standing(1),
    head: { seq: 0, hash: GENESIS },
    repaired: null,
  };
}

/** Cuts an interrupted write off, or completes its line; what is cut off is kept in a file, whose name this gives. */
async function repair(
  files: JournalFiles,
  file: JournalFile,
  segment: number,
  { size, end, wrong }: Replayed,
  now: () => Date,
): Promise<string | null> {
  if (wrong === null) return null;
  const rest = await readRange(file, size, (await file.size()) - size);
  const tail = end === null ? "damaged" : tailAt(rest, size, end);
  if (tail === "damaged") throw damaged(segmentName(segment), wrong.line.number, wrong.problem);
  if (tail === "whole") {
    const length = rest.indexOf(0) < 0 ? rest.length : rest.indexOf(0);
    await file.truncate(size + length);
    await writeAll(file, Buffer.from("\n"), size + length);
    await file.sync();
    return null;
  }
  const name = await keep(files, rest, now());
  await file.truncate(size);
  await file.sync();
  return name;
}

async function keep(files: JournalFiles, bytes: Buffer, at: Date): Promise<string> {
  const taken = new Set(await files.list());
  const stem = `torn-${at.toISOString().replace(/[-:]|\.\d+/g, "")}`;
  let name = `${stem}.txt`;
  for (let again = 2; taken.has(name); again += 1) name = `${stem}-${again}.txt`;
  await withFile(files, name, "create", async (file) => {
    await writeAll(file, bytes, 0);
    await file.sync();
  });
  await files.syncDirectory();
  return name;
}
