import { randomBytes } from "node:crypto";
import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";

/** What stands, and behind which number. */
interface Standing {
  readonly number: number;
  readonly file: string;
  /** Null where nothing stands yet. */
  readonly text: string | null;
}

/**
 * A text that several processes change, each by what it has read. No change is lost to another one, or to a process that
 * dies half-way, because no name is ever replaced: `NAME.json`, `NAME~1.json`, `NAME~2.json`, …, and the highest number
 * counts. A change is linked to the next number, which fails where that is there already. Lower numbers go only when a
 * higher one stands. Who acts on an old look may still get a lower number that has become free, so it looks again.
 */
export interface NumberedFile {
  /** Gives Unreadable. */
  read(): Standing;
  /** True once the text durably stands behind what was read; false where something else does. */
  follow(standing: Standing, text: string): boolean;
}

/** A file that is there and cannot be read. */
export class Unreadable extends Error {
  readonly file: string;
  constructor(file: string, cause: unknown) {
    super(`${file} cannot be read.`, { cause });
    this.file = file;
  }
}

const NONE = -1;

export function numberedFile(directory: string, name: string): NumberedFile {
  const fileOf = (number: number) => join(directory, number > 0 ? `${name}~${number}.json` : `${name}.json`);
  const highest = () => Math.max(NONE, ...numbers());

  function numbers(): number[] {
    return namesIn(directory).flatMap((found) => {
      if (!found.startsWith(name)) return [];
      const [, number = "0"] = /^(?:~([1-9]\d*))?\.json$/.exec(found.slice(name.length)) ?? ["", ""];
      return number === "" ? [] : [Number(number)];
    });
  }

  return {
    read() {
      for (let number = highest(); ; ) {
        const file = fileOf(number);
        if (number === NONE) return { number, file, text: null };
        try {
          return { number, file, text: readFileSync(file, "utf8") };
        } catch (cause) {
          const now = highest();
          if (!isErrno(cause, "ENOENT") || now === number) throw new Unreadable(file, cause);
          number = now;
        }
      }
    },

    follow({ number }, text) {
      const mine = number + 1;
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      if (!linkNew(fileOf(mine), text)) return false;
      if (highest() > mine) {
        rmSync(fileOf(mine), { force: true });
        return false;
      }
      syncFolder(directory);
      for (const lower of numbers()) if (lower < mine) rmSync(fileOf(lower), { force: true });
      return true;
    },
  };
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return [];
    throw new Unreadable(directory, error);
  }
}

/** Whole or not at all; false where the name is taken. */
function linkNew(file: string, text: string): boolean {
  const beside = join(dirname(file), `new-${process.pid}-${randomBytes(6).toString("hex")}.tmp`);
  try {
    const open = openSync(beside, "wx", 0o600);
    try {
      writeFileSync(open, text);
      fsyncSync(open);
    } finally {
      closeSync(open);
    }
    linkSync(beside, file);
    return true;
  } catch (error) {
    if (isErrno(error, "EEXIST")) return false;
    throw error;
  } finally {
    rmSync(beside, { force: true });
  }
}

function syncFolder(directory: string): void {
  const open = openSync(directory, "r");
  try {
    fsyncSync(open);
  } finally {
    closeSync(open);
  }
}

function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
