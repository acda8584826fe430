import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { idOfName } from "../core/id.ts";
import type { RequestId } from "../core/request.ts";

/**
 * Where below a folder the notes of these ids are, by path relative to it. Reads names only; hidden folders are left
 * out, since Obsidian does not show them and its bin is one of them. Folders that cannot be read are passed over.
 */
export async function searchNotes(
  root: string,
  ids: ReadonlySet<RequestId>,
): Promise<ReadonlyMap<RequestId, string>> {
  const found = new Map<RequestId, string>();
  const folders = [""];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const entry of await namesIn(join(root, folder))) {
      if (entry.name.startsWith(".")) continue;
      const path = join(folder, entry.name);
      if (entry.isDirectory()) folders.push(path);
      const id = entry.isFile() ? idOfName(entry.name) : null;
      if (id !== null && ids.has(id)) found.set(id, path);
    }
  }
  return found;
}

async function namesIn(path: string) {
  try {
    return await readdir(path, { withFileTypes: true });
  } catch {
    return [];
  }
}
