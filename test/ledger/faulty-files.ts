import type { JournalFile, JournalFiles } from "../../src/ledger/files.ts";
import { systemError } from "./crash-files.ts";

/** What a test does to one operation: nothing (null), or instead of it or after part of it. */
export type Tamper = (operation: Operation) => null | { readonly result: Promise<unknown> };

interface Operation {
  readonly name: keyof JournalFiles | keyof JournalFile;
  /** From 1, over all operations. */
  readonly number: number;
  /** Does the real thing; a write can be made to take only its first bytes. */
  readonly perform: (bytes?: number) => Promise<unknown>;
}

export interface FaultyFiles extends JournalFiles {
  /** How many operations there were, by name and together. */
  readonly count: { all: number } & Partial<Record<Operation["name"], number>>;
}

/** Passes every operation on a file system by `tamper` first. */
export function faulty(files: JournalFiles, tamper: Tamper = () => null): FaultyFiles {
  const count: FaultyFiles["count"] = { all: 0 };
  const pass = async <T>(name: Operation["name"], perform: (bytes?: number) => Promise<T>): Promise<T> => {
    count.all += 1;
    count[name] = (count[name] ?? 0) + 1;
    const instead = tamper({ name, number: count.all, perform });
    return instead === null ? perform() : ((await instead.result) as T);
  };
  const wrap = (file: JournalFile): JournalFile => ({
    read: (into, position) => pass("read", () => file.read(into, position)),
    write: (bytes, position) =>
      pass("write", (length) =>
        file.write(length === undefined ? bytes : bytes.subarray(0, length), position),
      ),
    sync: () => pass("sync", () => file.sync()),
    size: () => pass("size", () => file.size()),
    truncate: (length) => pass("truncate", () => file.truncate(length)),
    close: () => pass("close", () => file.close()),
  });
  return {
    count,
    prepare: () => pass("prepare", () => files.prepare()),
    lock: () => pass("lock", () => files.lock()),
    list: () => pass("list", () => files.list()),
    open: async (name, how) => wrap(await pass("open", () => files.open(name, how))),
    rename: (from, to) => pass("rename", () => files.rename(from, to)),
    unlink: (name) => pass("unlink", () => files.unlink(name)),
    syncDirectory: () => pass("syncDirectory", () => files.syncDirectory()),
  };
}

/** The process dies at the n-th operation: it has been done in part (a write) or not, and none follows. */
export function dyingAt(files: JournalFiles, n: number): FaultyFiles {
  return faulty(files, ({ name, number, perform }) => {
    if (number < n) return null;
    const die = async () => {
      if (number === n && name === "write") await perform(37);
      throw systemError("EDEAD", "the process is gone");
    };
    return { result: die() };
  });
}

/** The n-th operation fails, and everything after it works again. */
export function failingAt(files: JournalFiles, n: number, code: string): FaultyFiles {
  return faulty(files, ({ name, number }) =>
    number === n ? { result: Promise.reject(systemError(code, `${name} failed`)) } : null,
  );
}
