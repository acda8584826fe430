import { idOfName, isAmbiguous, isNoteName, leadingId } from "../../core/id.ts";
import type { RequestId } from "../../core/request.ts";
import { idInside } from "../../document/frontmatter.ts";
import { listFolder, markOf, readSafely } from "../files.ts";

export type Folder = "pending" | "approved" | "rejected";

/** A file in a decision folder. */
export interface Place {
  readonly folder: Folder;
  readonly name: string;
}

/**
 * How coarse a file system's times may be: what changes twice in this time may look unchanged. So a folder's mark says
 * that nothing is new only if the folder was listed when it had had that mark for so long.
 */
const COARSE_MS = 2_000;

interface Listed {
  readonly at: number;
  readonly mark: string | null;
  readonly since: number;
  /** Names that are plainly those of requests' notes: all that are in it, and some that were. */
  readonly plain: Set<string>;
}

/**
 * Which request the files with names of their own belong to: conflict copies of sync tools, duplicates, notes that
 * somebody renamed. The id inside says it; where that cannot be read, the id that the name begins with.
 */
export function createCopies(pathOf: (place: Place) => string) {
  const known = new Map<string, { place: Place; mark: string; owner: RequestId | null }>();
  const copies = new Map<RequestId, Set<string>>();

  function remember(place: Place, path: string, mark: string, owner: RequestId | null): void {
    forget(path);
    known.set(path, { place, mark, owner });
    if (owner !== null) copies.set(owner, (copies.get(owner) ?? new Set()).add(path));
  }

  /** Gives the owner it had. */
  function forget(path: string): RequestId | null {
    const owner = known.get(path)?.owner ?? null;
    known.delete(path);
    if (owner === null) return null;
    const paths = copies.get(owner);
    paths?.delete(path);
    if (paths?.size === 0) copies.delete(owner);
    return owner;
  }

  function look(place: Place, named: RequestId | null): RequestId | null {
    const path = pathOf(place);
    const mark = markOf(path);
    if (mark === null) return forget(path);
    const before = known.get(path);
    if (before?.mark === mark) return before.owner;
    const found = readSafely(path);
    const inside = found !== null && "bytes" in found ? idInside(found.bytes) : null;
    const owner = inside ?? named;
    remember(place, path, mark, owner === idOfName(place.name) ? null : owner);
    return owner ?? before?.owner ?? null;
  }

  /** Each folder as it was last listed: when that was (ms), its mark then, and since when it is known to have that. */
  const listed = new Map<Folder, Listed>();

  function notice(place: Place): RequestId | null {
    const own = idOfName(place.name);
    if (own !== null && isAmbiguous(place.name)) return look(place, own) ?? own;
    if (own !== null && !known.has(pathOf(place))) return own;
    return isNoteName(place.name) ? look(place, leadingId(place.name)) : null;
  }

  /** Whether a file turns out to belong to another request than it was known to. */
  function isNews(place: Place): boolean {
    const path = pathOf(place);
    const before = known.get(path)?.owner ?? null;
    notice(place);
    return (known.get(path)?.owner ?? null) !== before;
  }

  return {
    notice,

    /** Whether a folder has a file that belongs to a request without having its name, and was not known to. */
    findNew(folder: Folder, directory: string): boolean {
      const at = performance.now();
      const before = listed.get(folder);
      // Of the folder itself, where a link stands in its place.
      const mark = markOf(`${directory}/.`);
      const isSame = before !== undefined && before.mark === mark;
      if (isSame && before.at - before.since >= COARSE_MS) return false;
      const names = listFolder(directory);
      const plain = plainOf(names, before?.plain ?? new Set());
      const odd = names.filter((name) => !plain.has(name));
      listed.set(folder, { at, mark, since: isSame ? before.since : at, plain });
      // Each of them again, as long as the folder is young: one that was listed while it was being written was empty.
      return odd.map((name) => isNews({ folder, name })).includes(true);
    },

    /** The files that belong to a request without having its name. */
    of: (id: RequestId): readonly Place[] =>
      [...(copies.get(id) ?? [])].flatMap((path) => known.get(path)?.place ?? []),

    ownerOf: (place: Place): RequestId | null => known.get(pathOf(place))?.owner ?? null,

    noticeInside(place: Place): RequestId | null {
      look(place, null);
      return known.get(pathOf(place))?.owner ?? null;
    },
  };
}

/** The plain ones among the names, with those that were known before: to make them all anew takes longer than to list. */
function plainOf(names: readonly string[], before: Set<string>): Set<string> {
  const plain = before.size > 2 * names.length + FORGOTTEN ? new Set<string>() : before;
  for (const name of names) if (!plain.has(name) && !mayBeCopy(name)) plain.add(name);
  return plain;
}

/** So many names of what is gone are not worth being forgotten. */
const FORGOTTEN = 1_000;

/** Whether a file's name is not plainly the own one of a request's note. */
export function mayBeCopy(name: string): boolean {
  return idOfName(name) === null || isAmbiguous(name);
}
