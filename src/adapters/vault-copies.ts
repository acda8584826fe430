import { idOfName, isAmbiguous, isNoteName, leadingId } from "../core/id.ts";
import type { RequestId } from "../core/request.ts";
import { idInside } from "../document/frontmatter.ts";
import { listFolder, markOf, readSafely } from "./files.ts";

export type Folder = "pending" | "approved" | "rejected";

/** A file in a decision folder. */
export interface Place {
  readonly folder: Folder;
  readonly name: string;
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

  /** The names in each folder when it was last listed, and what its own mark was then. */
  const listed = new Map<Folder, { mark: string | null; names: ReadonlySet<string> }>();

  function notice(place: Place): RequestId | null {
    const own = idOfName(place.name);
    if (own !== null && isAmbiguous(place.name)) return look(place, own) ?? own;
    if (own !== null && !known.has(pathOf(place))) return own;
    return isNoteName(place.name) ? look(place, leadingId(place.name)) : null;
  }

  return {
    notice,

    /** Whether a folder has a new file that belongs to a request without having its name. */
    findNew(folder: Folder, directory: string): boolean {
      const before = listed.get(folder);
      const mark = markOf(directory);
      if (before !== undefined && before.mark === mark) return false;
      const names = listFolder(directory);
      listed.set(folder, { mark, names: new Set(names) });
      const fresh = names.filter((name) => !before?.names.has(name) && mayBeCopy(name));
      return (
        fresh.filter((name) => (notice({ folder, name }) ?? idOfName(name)) !== idOfName(name)).length > 0
      );
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

/** Whether a file's name is not plainly the own one of a request's note. */
export function mayBeCopy(name: string): boolean {
  return idOfName(name) === null || isAmbiguous(name);
}
