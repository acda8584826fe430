import { createHash } from "node:crypto";
import { rename, unlink } from "node:fs/promises";
import { join } from "node:path";
import type { RequestId } from "../core/request.ts";
import { listFolder, readSafely } from "./files.ts";

/** How long a program may go on writing into a note that it had open when the daemon took it away. */
const WATCH_MS = 10_000;

/**
 * Notes that were taken away stay aside for a while: an editor that had one open saves into it without knowing. What was
 * written there is handed to `keep`; what was not is removed.
 */
export function createRetired(keep: (id: RequestId, bytes: Uint8Array) => Promise<unknown>) {
  const watched = new Map<string, { id: RequestId; timer: NodeJS.Timeout }>();

  async function end(path: string, id: RequestId): Promise<void> {
    watched.delete(path);
    const found = readSafely(path);
    if (found === null) return;
    const bytes = "bytes" in found ? found.bytes : null;
    // An emptied file is a save that never came to its text.
    if (bytes !== null && bytes.length > 0 && hashOf(bytes) !== hashInName(path)) await keep(id, bytes);
    await unlink(path);
  }

  return {
    /** Takes over a file that was moved aside with these bytes in it. */
    async watch(path: string, id: RequestId, expected: Uint8Array): Promise<void> {
      const retired = path.replace(/\.old$/, `.${hashOf(expected)}.retired`);
      await rename(path, retired);
      const timer = setTimeout(() => void end(retired, id).catch(() => {}), WATCH_MS).unref();
      watched.set(retired, { id, timer });
    },

    /** Ends the watch for all, at once. */
    async close(): Promise<void> {
      for (const { timer } of watched.values()) clearTimeout(timer);
      await Promise.all([...watched].map(([path, { id }]) => end(path, id)));
    },

    /** The same for what an earlier process left in this folder. */
    async recover(folder: string, idOf: (name: string) => RequestId | null): Promise<void> {
      for (const name of listFolder(folder).filter((one) => one.endsWith(".retired"))) {
        const id = idOf(name);
        if (id !== null) await end(join(folder, name), id);
      }
    },
  };
}

function hashOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function hashInName(path: string): string | null {
  return /\.([0-9a-f]{64})\.retired$/.exec(path)?.[1] ?? null;
}
