import { mkdirSync, statSync } from "node:fs";
import { link, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ProblemCode } from "../../core/codes.ts";
import { idOfName } from "../../core/id.ts";
import type { RequestId } from "../../core/request.ts";
import { hostInside } from "../../document/frontmatter.ts";
import { codeOf, listFolder, markOf, readSafely, sameBytes, syncFolder, writeDurably } from "../files.ts";
import { createLanes } from "../lanes.ts";
import { createAside, type Home, hashOf } from "./aside.ts";
import { createCopies, type Folder, mayBeCopy, type Place } from "./copies.ts";
import { createDone, DONE_LIMIT_BYTES } from "./done.ts";
import { createListing } from "./listing.ts";
import { createOwnFiles } from "./own.ts";
import { createSearch } from "./search.ts";

const FOLDERS: readonly Folder[] = ["pending", "approved", "rejected"];

type NoteFile = Place & ({ readonly bytes: Uint8Array } | { readonly problem: ProblemCode });

export interface VaultLayout {
  readonly root: string;
  /** Path segments below the root. */
  readonly folders: Readonly<Record<Folder | "done", string>>;
  /** Where the daemon's own temporary files may go, in order; the first one on the vault's file system is taken. */
  readonly staging: readonly string[];
}

/**
 * The vault's folders. Nothing is ever overwritten: files come into being by `link`, which fails where a name is taken,
 * and a file is only taken away after it was moved aside and its bytes were those that were read.
 */
export function openVault({ root, folders, staging: places }: VaultLayout) {
  for (const folder of Object.values(folders)) mkdirSync(join(root, folder), { recursive: true });
  const staging = chooseStaging(join(root, folders.pending), places);
  const pathOf = ({ folder, name }: Home) => join(root, folders[folder], name);
  const search = createSearch(root);
  const copies = createCopies(pathOf);
  const noteAt = (folder: Folder, id: RequestId) => pathOf({ folder, name: `${id}.md` });
  const done = createDone(join(root, folders.done), createAt);
  const aside = createAside({ staging, pathOf, keep: keepSave, keepForeign: done.keepOriginal });

  /** A new file under this name, durable; false when the name is taken. */
  async function createAt(path: string, id: RequestId, bytes: Uint8Array): Promise<boolean> {
    const temporary = aside.nameFor(id, "pending", "new");
    await writeDurably(temporary, bytes);
    try {
      await link(temporary, path).catch(async (error) => {
        if (codeOf(error) !== "ENOENT") throw error;
        // A folder that git or a sync tool took away with its last note is made again.
        mkdirSync(dirname(path), { recursive: true });
        await link(temporary, path);
      });
    } catch (error) {
      if (codeOf(error) === "EEXIST") return false;
      throw error;
    } finally {
      await unlink(temporary);
    }
    await syncFolder(dirname(path));
    return true;
  }

  /**
   * Puts a person's save where it will be looked at: in its place when that is free, or holds nothing but what the
   * daemon wrote there; else beside it, as a copy.
   */
  async function keepSave(
    id: RequestId,
    home: Home,
    bytes: Uint8Array,
    written: string | null,
  ): Promise<void> {
    const { folder, name } = home;
    const there = readSafely(pathOf(home), 1, DONE_LIMIT_BYTES);
    if (there !== null && "bytes" in there) {
      if (sameBytes(there.bytes, bytes)) return;
      if (hashOf(there.bytes) === written && (await replaceAt(id, home, there.bytes, bytes))) return;
    }
    const stem = name.replace(/\.md$/i, "");
    for (let n = 0; ; n += 1) {
      const free = [name, `${stem} (saved meanwhile).md`][n] ?? `${stem} (saved meanwhile ${n}).md`;
      if (!(await createAt(pathOf({ folder, name: free }), id, bytes))) continue;
      if (folder !== "done") copies.notice({ folder, name: free });
      return;
    }
  }

  /** Replaces a note whose bytes are still the expected ones; false when somebody saved it meanwhile. */
  async function replaceAt(
    id: RequestId,
    home: Home,
    expected: Uint8Array,
    bytes: Uint8Array,
  ): Promise<boolean> {
    const temporary = aside.nameFor(id, home.folder, "new");
    await writeDurably(temporary, bytes);
    try {
      const old = await aside.take(id, home, expected, { written: bytes });
      if (old === null) return false;
      try {
        await link(temporary, pathOf(home));
      } catch (error) {
        if (codeOf(error) !== "EEXIST") throw error;
        await aside.retire(old, id, home, expected);
        return false;
      }
      await syncFolder(dirname(pathOf(home)));
      await aside.retire(old, id, home, expected, bytes);
      return true;
    } finally {
      await unlink(temporary);
    }
  }

  /** Every file in the decision folders; a copy must be known before any note is judged without it. */
  async function findCopies(): Promise<readonly Place[]> {
    const places = FOLDERS.flatMap((folder) =>
      listFolder(join(root, folders[folder])).map((name) => ({ folder, name })),
    );
    const odd = places.filter(({ name }) => mayBeCopy(name));
    for (const [i, place] of odd.entries()) {
      copies.notice(place);
      if (i % COPIES_SLICE === COPIES_SLICE - 1) await new Promise(setImmediate);
    }
    return places;
  }

  const vault = {
    staging,

    /** The note and its copies. Never follows links, never blocks on what is not a file. */
    read(id: RequestId): readonly NoteFile[] {
      const own = FOLDERS.map((folder) => ({ folder, name: `${id}.md` }));
      return [...own, ...copies.of(id)].flatMap((place) => {
        const found = readSafely(pathOf(place));
        return found === null ? [] : [{ ...place, ...found }];
      });
    },

    findNewCopies: createListing(() =>
      FOLDERS.map((folder) => copies.findNew(folder, join(root, folders[folder]))).includes(true),
    ),

    notice: copies.notice,
    noticeInside: copies.noticeInside,

    hostInside(place: Place): string | null {
      const found = readSafely(pathOf(place));
      return found !== null && "bytes" in found ? hostInside(found.bytes) : null;
    },

    /** Writes a new note into the pending folder; false when there is one. */
    create(id: RequestId, bytes: Uint8Array): Promise<boolean> {
      return createAt(noteAt("pending", id), id, bytes);
    },

    replace: (id: RequestId, place: Place, expected: Uint8Array, bytes: Uint8Array): Promise<boolean> =>
      replaceAt(id, place, expected, bytes),

    /**
     * Puts the finished note into `Done/` and takes the waiting one away. Gives the finished note's name and, when
     * the waiting one had been saved again meanwhile, the name under which that save is kept.
     */
    async archive(
      id: RequestId,
      from: (Place & { readonly expected: Uint8Array }) | null,
      final: Uint8Array,
    ): Promise<{ name: string; changed: boolean }> {
      const name = await done.create(id, final);
      if (from === null) return { name, changed: false };
      const old = await aside.take(id, from, from.expected);
      if (old !== null) {
        await aside.retire(old, id, from, from.expected);
        await syncFolder(join(root, folders[from.folder]));
      }
      return { name, changed: old === null };
    },

    /** Moves a note that came back to `Done/` beside the finished one; null when it changed meanwhile. */
    async keepLate(
      id: RequestId,
      place: Place,
      expected: Uint8Array,
      bytes: Uint8Array,
    ): Promise<string | null> {
      const old = await aside.take(id, place, expected);
      if (old === null) return null;
      const name = await done.keepBeside(id, bytes);
      await aside.retire(old, id, place, expected);
      return name;
    },

    /** Takes a note away that says nothing that is not in `Done/` already; false when it changed meanwhile. */
    async discard(id: RequestId, place: Place, expected: Uint8Array): Promise<boolean> {
      const old = await aside.take(id, place, expected);
      if (old === null) return false;
      await aside.retire(old, id, place, expected);
      return true;
    },

    /** Replaces the finished note where it is, when its bytes are still the expected ones; false when they are not. */
    replaceDone: (id: RequestId, path: string, expected: Uint8Array, bytes: Uint8Array): Promise<boolean> =>
      replaceAt(id, { folder: "done", name: path }, expected, bytes),

    /** A foreign note in the pending folder; never follows links, never blocks on what is not a file. */
    readForeign: (name: string) => readSafely(pathOf({ folder: "pending", name })),

    /** Keeps the foreign note that a request was made from, then takes it away; false when it changed meanwhile. */
    async adopt(id: RequestId, name: string, expected: Uint8Array): Promise<boolean> {
      await done.keepOriginal(id, expected);
      const place = { folder: "pending", name } as const;
      const old = await aside.take(id, place, expected, { what: "foreign" });
      if (old === null) return false;
      await aside.retire(old, id, place, expected);
      await syncFolder(dirname(pathOf(place)));
      return true;
    },

    readDone: done.read,
    readOriginal: done.readOriginal,
    fileAwayMonths: done.fileAwayMonths,

    /** Every name in the decision folders with what changes when its file does; in slices, so that nothing stalls. */
    async *scan(): AsyncGenerator<readonly (Place & { mark: string; id: RequestId | null })[]> {
      const places = await findCopies();
      for (let i = 0; i < places.length; i += SCAN_SLICE) {
        yield places.slice(i, i + SCAN_SLICE).flatMap((place) => {
          const mark = markOf(pathOf(place));
          return mark === null ? [] : [{ ...place, mark, id: copies.ownerOf(place) ?? idOfName(place.name) }];
        });
        await new Promise(setImmediate);
      }
    },

    /** Where in the rest of the vault notes of these ids are, hidden folders left out. */
    findElsewhere: search.find,

    writeOwn: createOwnFiles(root, staging),

    /** Finishes what a crash left aside: a note taken away but not put in place again goes back or beside. */
    async recover(): Promise<void> {
      await aside.recover();
      await findCopies();
    },
  };
  const close = () => aside.close();
  const take = createLanes(LANES);
  return {
    ...vault,
    /** Looks a last time at the notes that were taken away; nothing of the daemon's is left behind. */
    close,
    replace: (...asked: Parameters<typeof vault.replace>) => take(() => vault.replace(...asked)),
    replaceDone: (...asked: Parameters<typeof vault.replaceDone>) => take(() => vault.replaceDone(...asked)),
    archive: (...asked: Parameters<typeof vault.archive>) => take(() => vault.archive(...asked)),
    keepLate: (...asked: Parameters<typeof vault.keepLate>) => take(() => vault.keepLate(...asked)),
    discard: (...asked: Parameters<typeof vault.discard>) => take(() => vault.discard(...asked)),
    adopt: (...asked: Parameters<typeof vault.adopt>) => take(() => vault.adopt(...asked)),
  };
}

/**
 * How many notes are moved or changed at a time. All calls to the disk go through the same few threads of Node's: a
 * crowd of finished notes must not make the watcher and the journal wait, and with them the decisions that follow.
 */
const LANES = 8;

const SCAN_SLICE = 500;
/** Files with odd names have to be read to see whose they are. */
const COPIES_SLICE = 20;

function chooseStaging(pending: string, places: readonly string[]): string {
  const device = statSync(pending).dev;
  for (const place of places) {
    mkdirSync(place, { recursive: true, mode: 0o700 });
    if (statSync(place).dev === device) return place;
  }
  throw new Error(`none of ${places.join(", ")} is on the vault's file system`);
}
