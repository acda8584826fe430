import fs, { closeSync, constants, fstatSync, lstatSync, openSync, readdirSync, readSync } from "node:fs";
import type { ProblemCode } from "../core/codes.ts";
import { NOTE_LIMIT_BYTES } from "../document/frontmatter-split.ts";

/**
 * A note's bytes; null when there is no such file. Never follows a link and never blocks: what is not an ordinary file with
 * at most `links` names, or is too large, comes back as a problem.
 */
export function readSafely(
  path: string,
  links = 1,
  limitBytes = NOTE_LIMIT_BYTES,
): { bytes: Uint8Array } | { problem: ProblemCode } | null {
  let file: number;
  try {
    // Asked first: to fail at opening costs several times as much, and most places that are looked at are empty.
    if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return null;
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const code = codeOf(error);
    if (code === "ENOENT") return null;
    return { problem: code === "ELOOP" || code === "ENXIO" ? "not_a_file" : "file_unreadable" };
  }
  try {
    const stat = fstatSync(file);
    if (!stat.isFile()) return { problem: "not_a_file" };
    if (stat.nlink > links) return { problem: "hard_linked" };
    if (stat.size > limitBytes) return { problem: "note_too_large" };
    // One byte more than its size, so that a file that is growing is not taken for a whole one.
    const buffer = Buffer.allocUnsafe(stat.size + 1);
    let length = 0;
    let taken: number;
    do {
      taken = readSync(file, buffer, length, buffer.length - length, null);
      length += taken;
    } while (taken > 0 && length < stat.size);
    if (length > stat.size) return readSafely(path, links, limitBytes);
    return { bytes: buffer.subarray(0, length) };
  } finally {
    closeSync(file);
  }
}

/** Writes a new file and makes its content durable; its name is durable once its folder is synced. */
export async function writeDurably(path: string, bytes: Uint8Array): Promise<void> {
  const file = await openPlainly(path, "wx");
  try {
    for (let done = 0; done < bytes.length; ) {
      done += await call<number>((end) => fs.write(file, bytes, done, bytes.length - done, done, end));
    }
    await call<void>((end) => fs.fdatasync(file, end));
  } finally {
    await call<void>((end) => fs.close(file, end));
  }
}

/** Folders with a sync under way, and those with one that waits for it to end. */
const syncing = new Map<string, Promise<void>>();
const waiting = new Map<string, Promise<void>>();

/**
 * Makes the names in a folder durable. Whoever asks while a sync is under way, which may have begun too early for their
 * names, shares the next one: a crowd of new notes costs few syncs.
 */
export function syncFolder(path: string): Promise<void> {
  const shared = waiting.get(path);
  if (shared !== undefined) return shared;
  const begin = () => {
    waiting.delete(path);
    const sync = syncNow(path).finally(() => {
      if (syncing.get(path) === sync) syncing.delete(path);
    });
    syncing.set(path, sync);
    return sync;
  };
  const before = syncing.get(path);
  if (before === undefined) return begin();
  const next = before.then(begin, begin);
  waiting.set(path, next);
  return next;
}

async function syncNow(path: string): Promise<void> {
  const folder = await openPlainly(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await call<void>((end) => fs.fsync(folder, end));
  } finally {
    await call<void>((end) => fs.close(folder, end));
  }
}

/** Plain descriptors: a `FileHandle` costs twice as much, and a crowd of notes makes thousands. */
function openPlainly(path: string, flags: string | number): Promise<number> {
  return call((end) => fs.open(path, flags, 0o644, end));
}

function call<T>(begin: (end: (error: Error | null, value?: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    begin((error, value) => (error ? reject(error) : resolve(value as T)));
  });
}

/** The names in a folder, sorted; none when there is no such folder. */
export function listFolder(path: string): string[] {
  try {
    return readdirSync(path).sort();
  } catch (error) {
    if (codeOf(error) === "ENOENT") return [];
    throw error;
  }
}

/** What changes whenever a file is written or replaced; null when there is none. */
export function markOf(path: string): string | null {
  try {
    const { ino, size, mtimeNs, ctimeNs } = lstatSync(path, { bigint: true });
    return `${ino} ${size} ${mtimeNs} ${ctimeNs}`;
  } catch {
    return null;
  }
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error ? String(error.code) : undefined;
}
