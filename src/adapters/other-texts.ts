import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Other } from "../core/misled.ts";

/** Nothing follows from a text that nobody knows, and somebody may have approved it. */
const UNKNOWN: Other = { text: { length: 0, sha256: "" }, grown: false, approved: true };

/**
 * What is remembered of notes that show something else than what was asked for, in a file each of the state directory:
 * an end of the daemon must not make an approval count that was given over such a text.
 */
export function openOtherTexts(state: string) {
  const folder = join(state, "other-texts");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const ids = new Set(
    readdirSync(folder).flatMap((name) => (name.endsWith(".json") ? [name.slice(0, -5)] : [])),
  );
  const pathOf = (id: string) => join(folder, `${id}.json`);

  return {
    /** Null where there is nothing; what cannot be read counts as an approval of something else. */
    read(id: string): Other | null {
      if (!ids.has(id)) return null;
      try {
        const found = JSON.parse(readFileSync(pathOf(id), "utf8")) as Other;
        const { text, grown, approved } = found;
        const isWhole = Number.isSafeInteger(text.length) && typeof text.sha256 === "string";
        return isWhole && typeof grown === "boolean" && typeof approved === "boolean" ? found : UNKNOWN;
      } catch {
        return UNKNOWN;
      }
    },

    /** On the disk once it returns, where an approval was seen. */
    keep(id: string, other: Other | null): void {
      if (other === null) {
        if (ids.delete(id)) rmSync(pathOf(id), { force: true });
        return;
      }
      const next = join(folder, `${id}.new`);
      const file = openSync(next, "w", 0o600);
      try {
        writeFileSync(file, JSON.stringify(other));
        if (other.approved) fsyncSync(file);
      } finally {
        closeSync(file);
      }
      renameSync(next, pathOf(id));
      ids.add(id);
      if (other.approved) syncNames(folder);
    },
  };
}

function syncNames(folder: string): void {
  const file = openSync(folder, "r");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
