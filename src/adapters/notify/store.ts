import { mkdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { syncFolder, writeDurably } from "../files.ts";

/** Channels' states as files of the state directory, one each; replaced whole, and on the disk before anything follows. */
export function openOutboxFiles<T extends { readonly format: 1; readonly seq: number }>(state: string) {
  const folder = join(state, "notify");
  const pathOf = (name: string) => join(folder, `${name}.json`);
  return {
    async read(name: string): Promise<T | null> {
      try {
        const value = JSON.parse(await readFile(pathOf(name), "utf8")) as T;
        return value.format === 1 && Number.isSafeInteger(value.seq) ? value : null;
      } catch {
        return null;
      }
    },
    async write(name: string, value: T): Promise<void> {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const path = pathOf(name);
      await rm(`${path}.new`, { force: true });
      await writeDurably(`${path}.new`, Buffer.from(JSON.stringify(value)));
      await rename(`${path}.new`, path);
      await syncFolder(folder);
    },
  };
}
