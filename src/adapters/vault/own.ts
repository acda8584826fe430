import { link, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { codeOf, readSafely, sameBytes, writeDurably } from "../files.ts";

/**
 * Writes a file of the daemon's own in the vault's root, only when its text differs; false where something is there that
 * is not `isOwn`, which is left alone.
 */
export function createOwnFiles(root: string, staging: string) {
  let counter = 0;
  return async (name: string, text: string, isOwn: (there: string) => boolean): Promise<boolean> => {
    const path = join(root, name);
    const bytes = Buffer.from(text);
    const there = readSafely(path, Number.POSITIVE_INFINITY);
    if (there !== null && "problem" in there) return false;
    if (there !== null && sameBytes(there.bytes, bytes)) return true;
    if (there !== null && !isOwn(Buffer.from(there.bytes).toString())) return false;
    counter += 1;
    const temporary = join(staging, `${name}.${process.pid}-${counter}.new`);
    try {
      await writeDurably(temporary, bytes);
      await (there === null ? link(temporary, path) : rename(temporary, path));
      return true;
    } catch (error) {
      if (codeOf(error) === "EEXIST") return false;
      throw error;
    } finally {
      await rm(temporary, { force: true });
    }
  };
}
