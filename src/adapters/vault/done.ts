import { mkdirSync } from "node:fs";
import { link, unlink } from "node:fs/promises";
import { join } from "node:path";
import { idOfName, monthOf } from "../../core/id.ts";
import type { RequestId } from "../../core/request.ts";
import { NOTE_LIMIT_BYTES } from "../../document/frontmatter-split.ts";
import { codeOf, listFolder, readSafely, sameBytes, syncFolder } from "../files.ts";

/** A finished note is a waiting one with its result; what is larger was not written by the daemon. */
export const DONE_LIMIT_BYTES = 2 * NOTE_LIMIT_BYTES;

type CreateAt = (path: string, id: RequestId, bytes: Uint8Array) => Promise<boolean>;

/** The folder of finished notes, and of what is kept beside them. `createAt` is false where the name is taken. */
export function createDone(directory: string, createAt: CreateAt) {
  const pathOf = (name: string) => join(directory, name);

  /** Keeps bytes in `Done/` beside the finished note, under the first free name. */
  async function keepBeside(id: RequestId, bytes: Uint8Array): Promise<string> {
    for (let n = 1; ; n += 1) {
      const name = `${id}-late-${n}.md`;
      if (await createAt(pathOf(name), id, bytes)) return name;
    }
  }

  /** The first of these files below `Done/` that is there. */
  function readAnyOf(paths: readonly string[]): { path: string; bytes: Uint8Array } | null {
    for (const path of paths) {
      const found = readSafely(pathOf(path), 1, DONE_LIMIT_BYTES);
      if (found !== null && "bytes" in found) return { path, bytes: found.bytes };
    }
    return null;
  }

  function readOriginal(id: RequestId): Uint8Array | null {
    return readAnyOf([`${id}-original.md`, `${monthOf(id)}/${id}-original.md`])?.bytes ?? null;
  }

  /** Where a person changed or replaced what is kept under that name, the bytes are kept beside it. */
  async function keepOriginal(id: RequestId, bytes: Uint8Array): Promise<void> {
    const kept = readOriginal(id);
    if (kept !== null && sameBytes(kept, bytes)) return;
    if (kept !== null || !(await createAt(pathOf(`${id}-original.md`), id, bytes)))
      await keepBeside(id, bytes);
  }

  return {
    keepBeside,
    readOriginal,
    keepOriginal,

    /** Puts a finished note here, unless it is here already, and gives its name. */
    async create(id: RequestId, final: Uint8Array): Promise<string> {
      let name = `${id}.md`;
      for (let n = 2; !(await createAt(pathOf(name), id, final)); n += 1) {
        const there = readSafely(pathOf(name), 1, DONE_LIMIT_BYTES);
        if (there !== null && "bytes" in there && sameBytes(there.bytes, final)) break;
        name = `${id}-${n}.md`;
      }
      return name;
    },

    read(id: RequestId): { path: string; bytes: Uint8Array } | null {
      return readAnyOf([`${id}.md`, `${monthOf(id)}/${id}.md`]);
    },

    /** Moves finished notes of past months into `Done/<month>/`, so that no folder grows without bound. */
    async fileAwayMonths(thisMonth: string): Promise<void> {
      for (const name of listFolder(directory)) {
        const id = name.slice(0, 6) < thisMonth.replace("-", "") ? idOfDone(name) : null;
        if (id === null || monthOf(id) >= thisMonth) continue;
        const month = pathOf(monthOf(id));
        try {
          mkdirSync(month, { recursive: true });
          await link(pathOf(name), join(month, name));
          await syncFolder(month);
        } catch (error) {
          if (codeOf(error) !== "EEXIST") throw error;
        }
        // Where the month has another file of that name, both stay.
        const [here, there] = [pathOf(name), join(month, name)].map((path) =>
          readSafely(path, 2, DONE_LIMIT_BYTES),
        );
        if (here && there && "bytes" in here && "bytes" in there && sameBytes(here.bytes, there.bytes)) {
          await unlink(pathOf(name));
        }
      }
    },
  };
}

/** The request of a file in `Done/`: a finished note, or what was kept beside it. */
function idOfDone(name: string): RequestId | null {
  return idOfName(name) ?? idOfName(name.replace(/-(original|(late-)?\d+)\.md$/, ".md"));
}
