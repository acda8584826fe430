import { createHash } from "node:crypto";
import { idOfName, monthOf } from "../src/core/id.ts";
import type { RequestId } from "../src/core/request.ts";
import type { Folder, Found, Vault } from "../src/daemon/ports.ts";

const FOLDERS: readonly Folder[] = ["pending", "approved", "rejected"];

export interface MemoryVault extends Vault {
  /** All files by path: what a test edits as a person would, and looks at afterwards. */
  readonly files: Map<string, Uint8Array>;
}

/** The vault's contract without a disk, for tests of what is above it; held against the real one by a common suite. */
export function memoryVault(files = new Map<string, Uint8Array>()): MemoryVault {
  const pathOf = (folder: Folder | "done", id: string) => `${folder}/${id}.md`;
  const same = (a: Uint8Array | undefined, b: Uint8Array) => a !== undefined && Buffer.compare(a, b) === 0;

  function putNew(path: string, bytes: Uint8Array): boolean {
    if (files.has(path)) return false;
    files.set(path, bytes);
    return true;
  }

  function keepBeside(id: RequestId, bytes: Uint8Array): string {
    for (let n = 1; ; n += 1) if (putNew(`done/${id}-late-${n}.md`, bytes)) return `${id}-late-${n}.md`;
  }

  return {
    files,
    read(id): Found {
      for (const at of FOLDERS) {
        const bytes = files.get(pathOf(at, id));
        if (bytes !== undefined) return { at, bytes };
      }
      return { at: "nowhere" };
    },
    create: async (id, bytes) => putNew(pathOf("pending", id), bytes),
    async replace(id, folder, expected, bytes) {
      if (!same(files.get(pathOf(folder, id)), expected)) return false;
      files.set(pathOf(folder, id), bytes);
      return true;
    },
    async archive(id, from, final) {
      let name = `${id}.md`;
      for (let n = 2; !putNew(`done/${name}`, final); n += 1) {
        if (same(files.get(`done/${name}`), final)) break;
        name = `${id}-${n}.md`;
      }
      if (from === null) return { name, changed: false };
      const path = pathOf(from.folder, id);
      if (!same(files.get(path), from.expected)) return { name, changed: true };
      files.delete(path);
      return { name, changed: false };
    },
    async keepLate(id, folder, expected, bytes) {
      if (!same(files.get(pathOf(folder, id)), expected)) return null;
      files.delete(pathOf(folder, id));
      return keepBeside(id, bytes);
    },
    async discard(id, folder, expected) {
      if (!same(files.get(pathOf(folder, id)), expected)) return false;
      return files.delete(pathOf(folder, id));
    },
    readDone: (id) => files.get(`done/${id}.md`) ?? files.get(`done/${monthOf(id)}/${id}.md`) ?? null,
    async *scan() {
      for (const folder of FOLDERS) {
        const inside = [...files].filter(([path]) => path.startsWith(`${folder}/`)).sort();
        yield inside.map(([path, bytes]) => ({
          folder,
          name: path.slice(folder.length + 1),
          mark: createHash("sha256").update(bytes).digest("hex"),
        }));
      }
    },
    async findElsewhere(ids) {
      const found = new Map<RequestId, string>();
      for (const path of files.keys()) {
        const id = idOfName(path.slice(path.lastIndexOf("/") + 1));
        if (id !== null && ids.has(id)) found.set(id, path);
      }
      return found;
    },
    async writeOwn(name, text) {
      files.set(name, Buffer.from(text));
    },
    async fileAwayMonths(thisMonth) {
      for (const [path, bytes] of [...files]) {
        const id = idOfName(path.replace(/^done\//, "").replace(/-(late-)?\d+\.md$/, ".md"));
        if (!path.startsWith("done/") || id === null || monthOf(id) >= thisMonth) continue;
        if (putNew(`done/${monthOf(id)}/${path.slice(5)}`, bytes)) files.delete(path);
      }
    },
    async recover() {},
  };
}
