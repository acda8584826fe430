import { constants } from "node:fs";
import { copyFile, mkdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { codeOf, syncFolder, writeDurably } from "../files.ts";

/** Channels' states as files of the state directory, one each; replaced whole, and on the disk before anything follows. */
export function openOutboxFiles<T extends { readonly format: 1; readonly seq: number }>(state: string) {
  const folder = join(state, "notify");
  const pathOf = (name: string) => join(folder, `${name}.json`);

  /** A copy: the file itself says that something was lost until another takes its place. */
  async function keepAside(name: string): Promise<string | null> {
    for (let n = 1; ; n += 1) {
      const aside = join(folder, `${name}.damaged-${n}`);
      try {
        await copyFile(pathOf(name), aside, constants.COPYFILE_EXCL);
        return aside;
      } catch (error) {
        if (codeOf(error) !== "EEXIST") return null;
      }
    }
  }

  return {
    async read(
      name: string,
    ): Promise<T | { readonly unreadable: true; readonly kept: string | null } | null> {
      try {
        const value = JSON.parse(await readFile(pathOf(name), "utf8")) as T;
        if (value.format === 1 && Number.isSafeInteger(value.seq)) return value;
      } catch (error) {
        if (codeOf(error) === "ENOENT") return null;
      }
      return { unreadable: true, kept: await keepAside(name) };
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
