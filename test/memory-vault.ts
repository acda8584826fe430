import { createHash } from "node:crypto";
import { idOfName, leadingId, monthOf } from "../src/core/id.ts";
import type { RequestId } from "../src/core/request.ts";
import type { Folder, Place, Vault } from "../src/daemon/ports.ts";
import { hostInside, idInside } from "../src/document/frontmatter.ts";

const FOLDERS: readonly Folder[] = ["pending", "approved", "rejected"];

export interface MemoryVault extends Vault {
  /** All files by path: what a test edits as a person would, and looks at afterwards. */
  readonly files: Map<string, Uint8Array>;
}

/** The vault's contract without a disk, for tests of what is above it; held against the real one by a common suite. */
export function memoryVault(files = new Map<string, Uint8Array>()): MemoryVault {
  const pathOf = ({ folder, name }: Place) => `${folder}/${name}`;
  const insiders = new Set<string>();
  const same = (a: Uint8Array | undefined, b: Uint8Array) => a !== undefined && Buffer.compare(a, b) === 0;

  function putNew(path: string, bytes: Uint8Array): boolean {
    if (files.has(path)) return false;
    files.set(path, bytes);
    return true;
  }

  function keepBeside(id: RequestId, bytes: Uint8Array): string {
    for (let n = 1; ; n += 1) if (putNew(`done/${id}-late-${n}.md`, bytes)) return `${id}-late-${n}.md`;
  }

  /** Whose note, or copy of it, a file is: nothing has to be remembered where everything can be looked at. */
  function ownerOf(place: Place): RequestId | null {
    const path = pathOf(place);
    const bytes = files.get(path);
    const named = idOfName(place.name);
    if ((named !== null && !insiders.has(path)) || bytes === undefined) return named;
    if (!/^[^.~#].*\.md$/i.test(place.name)) return null;
    return idInside(bytes) ?? named ?? leadingId(place.name);
  }

  function placesIn(folder: Folder): Place[] {
    const names = [...files.keys()].filter((path) => path.startsWith(`${folder}/`)).sort();
    return names.map((path) => ({ folder, name: path.slice(folder.length + 1) }));
  }

  return {
    files,
    read(id) {
      const places = FOLDERS.flatMap(placesIn).filter((place) => ownerOf(place) === id);
      const own = ({ name }: Place) => name === `${id}.md`;
      const ordered = [...places.filter(own), ...places.filter((place) => !own(place))];
      return ordered.map((place) => ({ ...place, bytes: files.get(pathOf(place)) ?? Buffer.of() }));
    },
    notice: ownerOf,
    findNewCopies: () => false,
    noticeInside(place) {
      const inside = idInside(files.get(pathOf(place)) ?? Buffer.of());
      if (inside === null || inside === idOfName(place.name)) return null;
      insiders.add(pathOf(place));
      return inside;
    },
    hostInside: (place) => hostInside(files.get(pathOf(place)) ?? Buffer.of()),
    create: async (id, bytes) => putNew(pathOf({ folder: "pending", name: `${id}.md` }), bytes),
    async replace(_id, place, expected, bytes) {
      if (!same(files.get(pathOf(place)), expected)) return false;
      files.set(pathOf(place), bytes);
      return true;
    },
    async archive(id, from, final) {
      let name = `${id}.md`;
      for (let n = 2; !putNew(`done/${name}`, final); n += 1) {
        if (same(files.get(`done/${name}`), final)) break;
        name = `${id}-${n}.md`;
      }
      if (from === null) return { name, changed: false };
      const path = pathOf(from);
      if (!same(files.get(path), from.expected)) return { name, changed: true };
      files.delete(path);
      return { name, changed: false };
    },
    async keepLate(id, place, expected, bytes) {
      if (!same(files.get(pathOf(place)), expected)) return null;
      files.delete(pathOf(place));
      return keepBeside(id, bytes);
    },
    async discard(_id, place, expected) {
      if (!same(files.get(pathOf(place)), expected)) return false;
      return files.delete(pathOf(place));
    },
    readDone(id) {
      for (const path of [`${id}.md`, `${monthOf(id)}/${id}.md`]) {
        const bytes = files.get(`done/${path}`);
        if (bytes !== undefined) return { path, bytes };
      }
      return null;
    },
    async replaceDone(_id, path, expected, bytes) {
      if (!same(files.get(`done/${path}`), expected)) return false;
      files.set(`done/${path}`, bytes);
      return true;
    },
    async *scan() {
      for (const folder of FOLDERS) {
        yield placesIn(folder).map((place) => ({
          ...place,
          mark: createHash("sha256")
            .update(files.get(pathOf(place)) ?? "")
            .digest("hex"),
          id: ownerOf(place),
        }));
      }
    },
    readForeign(name) {
      const bytes = files.get(`pending/${name}`);
      return bytes === undefined ? null : { bytes };
    },
    async adopt(id, name, expected) {
      if (!putNew(`done/${id}-original.md`, expected) && !same(files.get(`done/${id}-original.md`), expected))
        keepBeside(id, expected);
      if (!same(files.get(`pending/${name}`), expected)) return false;
      return files.delete(`pending/${name}`);
    },
    readOriginal: (id) =>
      files.get(`done/${id}-original.md`) ?? files.get(`done/${monthOf(id)}/${id}-original.md`) ?? null,
    async findElsewhere(ids) {
      const found = new Map<RequestId, string>();
      for (const path of files.keys()) {
        const id = idOfName(path.slice(path.lastIndexOf("/") + 1));
        if (id !== null && ids.has(id)) found.set(id, path);
      }
      return found;
    },
    async writeOwn(name, text, isOwn) {
      const there = files.get(name);
      if (there !== undefined && !isOwn(Buffer.from(there).toString())) return false;
      files.set(name, Buffer.from(text));
      return true;
    },
    async fileAwayMonths(thisMonth) {
      for (const [path, bytes] of [...files]) {
        const id = idOfName(path.replace(/^done\//, "").replace(/-(original|(late-)?\d+)\.md$/, ".md"));
        if (!path.startsWith("done/") || id === null || monthOf(id) >= thisMonth) continue;
        if (putNew(`done/${monthOf(id)}/${path.slice(5)}`, bytes)) files.delete(path);
      }
    },
    async recover() {},
  };
}
