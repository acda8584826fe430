import { createHash } from "node:crypto";
import { lstatSync } from "node:fs";
import { link, readFile, rename, unlink } from "node:fs/promises";
import { join } from "node:path";
import { isId } from "../../core/id.ts";
import type { RequestId } from "../../core/request.ts";
import { codeOf, listFolder, readSafely, sameBytes } from "../files.ts";
import type { Folder } from "./copies.ts";

/** When a note that was taken away is looked at again, in ms: an editor may have had it open, and go on writing. */
const LOOKS_MS = [1_000, 10_000] as const;
/** A file that was changed so lately may not be whole yet. */
const STILL_MS = 500;

/** Where a note is taken from: a decision folder, or `Done/` (then `name` may be a path below it). */
export interface Home {
  readonly folder: Folder | "done";
  readonly name: string;
}

export interface AsidePorts {
  /** Where notes are put aside: on the vault's file system, and nobody else's. */
  readonly staging: string;
  readonly pathOf: (place: Home) => string;
  /** Puts a person's save back where it will be looked at; `written` (hex) is what the daemon put in its place. */
  readonly keep: (id: RequestId, place: Home, bytes: Uint8Array, written: string | null) => Promise<unknown>;
  /** Keeps what an earlier process took away of a foreign note, unless it is kept already. */
  readonly keepForeign: (id: RequestId, bytes: Uint8Array) => Promise<unknown>;
}

/**
 * Notes that are taken away are moved aside first, and removed only once it is certain that they hold what was read: a
 * save that lands in between is put back, and so is what an editor writes into a note that it had open.
 */
export function createAside({ staging, pathOf, keep, keepForeign }: AsidePorts) {
  const watched = new Map<string, { id: RequestId; place: Home; timer: NodeJS.Timeout }>();
  let counter = 0;

  function nameFor(id: RequestId, folder: Home["folder"] | "foreign", end: string): string {
    counter += 1;
    return join(staging, `${id}.${folder}.${process.pid}-${counter}.${end}`);
  }

  /**
   * A save that lands in between keeps its place, and the older one is kept beside it; not where it is what was read, and
   * what was made of it, or a save that came behind that, stands there.
   */
  async function putBack(old: string, id: RequestId, place: Home): Promise<void> {
    try {
      await link(old, pathOf(place));
    } catch (error) {
      if (codeOf(error) !== "EEXIST") throw error;
      const there = lstatSync(pathOf(place), { throwIfNoEntry: false });
      // Taken away again in that very moment: its place is free now.
      if (there === undefined) return putBack(old, id, place);
      // The same file under both names is a putting back that was cut short.
      const isSame = lstatSync(old).ino === there.ino;
      const [before, written] = hashesIn(old);
      const bytes = await readFile(old);
      if (!isSame && hashOf(bytes) !== before) await keep(id, place, bytes, written);
    }
    await unlink(old);
  }

  /** Hands over what was written into a note since it was taken away, once it stands still, and removes the file. */
  async function look(path: string, id: RequestId, place: Home, isLast: boolean): Promise<void> {
    const found = readSafely(path);
    if (found !== null && "bytes" in found) {
      const [before, written] = hashesIn(path);
      // An emptied file is a save that never came to its text.
      const isChanged = found.bytes.length > 0 && hashOf(found.bytes) !== before;
      if (!isLast && (!isChanged || lstatSync(path).ctimeMs > Date.now() - STILL_MS)) return;
      if (isChanged) await keep(id, place, found.bytes, written);
    }
    watched.delete(path);
    if (found !== null) await unlink(path);
  }

  return {
    nameFor,

    /**
     * Moves a note aside and gives its place there; null, with nothing changed, when its bytes are not the expected ones.
     * `written` is what is about to be put in its place.
     */
    async take(
      id: RequestId,
      place: Home,
      expected: Uint8Array,
      { what = place.folder, written }: { what?: Home["folder"] | "foreign"; written?: Uint8Array } = {},
    ): Promise<string | null> {
      const hashes = written === undefined ? "" : `${hashOf(expected)}-${hashOf(written)}.`;
      const old = nameFor(id, what, `${hashes}old`);
      try {
        await rename(pathOf(place), old);
      } catch (error) {
        if (codeOf(error) === "ENOENT") return null;
        throw error;
      }
      if (sameBytes(await readFile(old), expected)) return old;
      await putBack(old, id, place);
      return null;
    },

    putBack,

    /** Watches over a note that was taken away with these bytes in it, and then removes it. */
    async retire(
      old: string,
      id: RequestId,
      place: Home,
      expected: Uint8Array,
      written: Uint8Array | null = null,
    ): Promise<void> {
      const hashes = [expected, ...(written === null ? [] : [written])].map(hashOf).join("-");
      const path = old.replace(/(?:\.[0-9a-f]{64}-[0-9a-f]{64})?\.old$/, `.${hashes}.retired`);
      await rename(old, path);
      const wake = (n: number): NodeJS.Timeout =>
        setTimeout(() => {
          const isLast = n === LOOKS_MS.length - 1;
          void look(path, id, place, isLast).catch(() => {});
          if (!isLast && watched.has(path)) watched.set(path, { id, place, timer: wake(n + 1) });
        }, LOOKS_MS[n]).unref();
      watched.set(path, { id, place, timer: wake(0) });
    },

    /** Looks a last time at everything that was taken away. */
    async close(): Promise<void> {
      const all = [...watched];
      for (const [, { timer }] of all) clearTimeout(timer);
      await Promise.all(all.map(([path, { id, place }]) => look(path, id, place, true)));
    },

    /** Finishes what an earlier process left aside. */
    async recover(): Promise<void> {
      for (const name of listFolder(staging)) {
        const [id = "", folder = "", ...rest] = name.split(".");
        const path = join(staging, name);
        if (!lstatSync(path).isFile()) continue;
        // Also when its request is finished by now: then the next look finds out whether it says anything new.
        if (isId(id) && folder === "foreign") {
          const bytes = await readFile(path);
          if (bytes.length > 0) await keepForeign(id, bytes);
        }
        const place = isId(id) && isFolder(folder) ? { folder, name: `${id}.md` } : null;
        if (place !== null && rest.at(-1) === "retired") await look(path, id, place, true);
        else if (place !== null && rest.at(-1) === "old") await putBack(path, id, place);
        else await unlink(path);
      }
    },
  };
}

export function hashOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** What the note held when it was taken away, and what was put in its place. */
function hashesIn(path: string): [before: string | null, written: string | null] {
  const found = /\.([0-9a-f]{64})(?:-([0-9a-f]{64}))?\.(?:retired|old)$/.exec(path);
  return [found?.[1] ?? null, found?.[2] ?? null];
}

function isFolder(text: string): text is Home["folder"] {
  return text === "pending" || text === "approved" || text === "rejected" || text === "done";
}
