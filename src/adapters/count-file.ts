import { createHash } from "node:crypto";
import { open, readFile, rename } from "node:fs/promises";
import type { Json } from "../core/json.ts";

/** So many rows are made into text before others get their turn. */
const SLICE = 1_000;

/**
 * A count as it was at some record, in a file of the state directory: one JSON value to a line, and behind them the
 * SHA-256 of all. Only a cache: one that is not whole is none, and nothing waits for the disk.
 */
export function openCountFile(path: string) {
  let last: Promise<unknown> = Promise.resolve();

  async function write(rows: readonly Json[]): Promise<void> {
    const sum = createHash("sha256");
    const file = await open(`${path}.new`, "w", 0o600);
    try {
      for (let i = 0; i < rows.length; i += SLICE) {
        const text = rows.slice(i, i + SLICE).map((row) => `${JSON.stringify(row)}\n`);
        sum.update(text.join(""));
        await file.writeFile(text.join(""));
      }
      await file.writeFile(`${sum.digest("hex")}\n`);
    } finally {
      await file.close();
    }
    await rename(`${path}.new`, path);
  }

  return {
    async read(): Promise<readonly Json[] | null> {
      try {
        const text = await readFile(path, "utf8");
        const end = text.lastIndexOf("\n", text.length - 2);
        if (sha256(text.slice(0, end + 1)) !== text.slice(end + 1, -1)) return null;
        const lines = text.slice(0, end).split("\n");
        return lines.map((line) => JSON.parse(line) as Json);
      } catch {
        return null;
      }
    },

    /** One after the other. */
    write(rows: readonly Json[]): Promise<void> {
      const mine = last.then(() => write(rows));
      last = mine.catch(() => {});
      return mine;
    },
  };
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
