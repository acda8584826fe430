import {
  closeSync,
  constants,
  type Dir,
  type Dirent,
  fstatSync,
  lstatSync,
  opendirSync,
  openSync,
  readSync,
} from "node:fs";
import { join } from "node:path";
import { createdOf, idOfName, isNoteName, leadingId } from "../../core/id.ts";
import type { RequestId } from "../../core/request.ts";
import { idInside } from "../../document/frontmatter.ts";

/** The search leaves the loop to everything else after so much time, in ms. */
const SLICE_MS = 4;
/** Where a note's properties end at the latest; what is behind them is not read. */
const HEAD_BYTES = 32 * 1024;
/** Most end far before. */
const FIRST_BYTES = 4 * 1024;
const buffer = Buffer.alloc(HEAD_BYTES);
/** What a clock on another machine may be behind, in ms. */
const CLOCKS_MS = 86_400_000;

/**
 * Finds notes that a person moved elsewhere in the vault. Hidden folders are left out, since Obsidian does not show them
 * and its bin is one of them; folders and files that cannot be read are passed over; links are never followed.
 */
export function createSearch(root: string) {
  /** Files that had to be opened, so that the next search opens only what changed. */
  let opened = new Map<string, { mark: string; id: RequestId | null }>();
  let under: Promise<unknown> = Promise.resolve();

  /** Where they were found the last time: most stay there until somebody brings them back. */
  let places: ReadonlyMap<RequestId, { path: string; mark: string }> = new Map();

  async function search(asked: ReadonlySet<RequestId>): Promise<ReadonlyMap<RequestId, string>> {
    const found = new Map<RequestId, string>();
    for (const id of asked) {
      const place = places.get(id);
      if (place !== undefined && markSince(join(root, place.path), 0) === place.mark)
        found.set(id, place.path);
    }
    const ids = new Set([...asked].filter((id) => !found.has(id)));
    if (ids.size > 0) await searchAll(ids, found);
    places = new Map(
      [...found].flatMap(([id, path]) => {
        const mark = markSince(join(root, path), 0);
        return mark === null ? [] : [[id, { path, mark }] as const];
      }),
    );
    return found;
  }

  async function searchAll(ids: ReadonlySet<RequestId>, found: Map<RequestId, string>): Promise<void> {
    const rest = createRest();
    const others: string[] = [];
    for await (const path of notesBelow(root, rest)) {
      const name = path.slice(path.lastIndexOf("/") + 1);
      const id = idOfName(name);
      if (id === null) {
        if (!isKeptBeside(name)) others.push(path);
      } else if (ids.has(id)) found.set(id, path);
    }
    const renamed = new Set([...ids].filter((id) => !found.has(id)));
    if (renamed.size > 0) await searchInside(renamed, others, found, rest);
  }

  /** Looks for notes that were renamed as well, by the id inside. */
  async function searchInside(
    ids: ReadonlySet<RequestId>,
    paths: readonly string[],
    found: Map<RequestId, string>,
    rest: () => Promise<void> | undefined,
  ): Promise<void> {
    // A request's note was written after the request was made, and moving it sets its time of change: the years of
    // notes before need not be opened.
    const since = Math.min(...[...ids].map(createdOf)) - CLOCKS_MS;
    const before = opened;
    opened = new Map();
    for (const path of paths) {
      await rest();
      const mark = markSince(join(root, path), since);
      if (mark === null) continue;
      const known = before.get(path);
      const entry = known?.mark === mark ? known : { mark, id: idAt(join(root, path)) };
      opened.set(path, entry);
      if (entry.id !== null && ids.has(entry.id)) found.set(entry.id, path);
    }
  }

  return {
    /** Where the notes of these ids are, by path below the root: by their names, else by the ids in their properties. */
    find(ids: ReadonlySet<RequestId>): Promise<ReadonlyMap<RequestId, string>> {
      const result = under.then(() => search(ids));
      under = result.catch(() => {});
      return result;
    },
  };
}

/** What the daemon keeps beside a finished note was not moved there by a person. */
function isKeptBeside(name: string): boolean {
  return leadingId(name) !== null && /-(?:late-)?\d+\.md$/.test(name);
}

/** The paths of all that has a note's name, folder by folder. */
async function* notesBelow(root: string, rest: () => Promise<void> | undefined): AsyncGenerator<string> {
  const folders = [""];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    const listing = open(join(root, folder));
    try {
      for (let entry = next(listing); entry !== null; entry = next(listing)) {
        await rest();
        if (entry.name.startsWith(".")) continue;
        const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
        if (entry.isDirectory()) folders.push(path);
        else if (entry.isFile() && isNoteName(entry.name)) yield path;
      }
    } finally {
      listing?.closeSync();
    }
  }
}

function open(folder: string): Dir | null {
  try {
    return opendirSync(folder, { bufferSize: 256 });
  } catch {
    return null;
  }
}

function next(listing: Dir | null): Dirent | null {
  try {
    return listing?.readSync() ?? null;
  } catch {
    return null;
  }
}

/** What changes whenever the file does; null for what is no file, or has not changed since then (ms). */
function markSince(path: string, since: number): string | null {
  try {
    const { ino, size, mtimeMs, ctimeMs } = lstatSync(path);
    return ctimeMs < since && mtimeMs < since ? null : `${ino} ${size} ${mtimeMs} ${ctimeMs}`;
  } catch {
    return null;
  }
}

/** The id in a file's properties; only its beginning is read. */
function idAt(path: string): RequestId | null {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return null;
  }
  try {
    if (!fstatSync(file).isFile()) return null;
    for (const bytes of [FIRST_BYTES, HEAD_BYTES]) {
      const head = buffer.subarray(0, readSync(file, buffer, 0, bytes, 0));
      const text = head.toString("latin1");
      if (!/^(?:\u00ef\u00bb\u00bf)?---/.test(text)) return null;
      const end = /\n---[ \t]*(?:\r?\n|$)/.exec(text);
      if (end === null) continue;
      // Only then is it worth the parser's time.
      const mayBe = /^["']?id["']?[ \t]*:[ \t]*["']?\d{8}-\d{6}-/m.test(text);
      return mayBe ? idInside(head.subarray(0, end.index + end[0].length)) : null;
    }
    return null;
  } catch {
    return null;
  } finally {
    closeSync(file);
  }
}

/** Waits for the next turn of the loop where this one has had its share; nothing to wait for otherwise. */
function createRest(): () => Promise<void> | undefined {
  let began = performance.now();
  return () => {
    if (performance.now() - began < SLICE_MS) return undefined;
    return new Promise((resolve) =>
      setImmediate(() => {
        began = performance.now();
        resolve();
      }),
    );
  };
}
