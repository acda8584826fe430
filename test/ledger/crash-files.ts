import { Fault } from "../../src/core/codes.ts";
import type { JournalFile, JournalFiles } from "../../src/ledger/files.ts";

const SECTOR = 512;

interface Inode {
  /** What every reader sees now. */
  now: Buffer;
  /** What the disk is sure to hold. */
  synced: Buffer;
  /** What was done since the last sync, in order. */
  unsynced: ((data: Buffer) => Buffer)[];
}

type Names = Map<string, Inode>;

/**
 * A disk in memory that tells what was written from what was synced. A power cut keeps what was synced and, of the rest,
 * any part: single sectors of a write, a new length without its bytes, a name without its contents or the other way
 * round. A lock dies with its process, so it is a flag that a crash clears.
 */
export class CrashFiles implements JournalFiles {
  #names: Names = new Map();
  #syncedNames: Names = new Map();
  #unsyncedNames: ((names: Names) => void)[] = [];
  #locked = false;

  async prepare(): Promise<void> {}

  async lock(): Promise<() => Promise<void>> {
    if (this.#locked) throw new Fault("already_running");
    this.#locked = true;
    return async () => {
      this.#locked = false;
    };
  }

  async list(): Promise<readonly string[]> {
    return [...this.#names.keys()].sort();
  }

  async open(name: string, how: "read" | "write" | "create"): Promise<JournalFile> {
    if (how === "create") {
      const empty: Inode = { now: Buffer.alloc(0), synced: Buffer.alloc(0), unsynced: [] };
      this.#rename((names) => names.set(name, empty));
    }
    return fileOf(this.#inode(name));
  }

  async rename(from: string, to: string): Promise<void> {
    const inode = this.#inode(from);
    this.#rename((names) => {
      names.set(to, inode);
      if (names.get(from) === inode) names.delete(from);
    });
  }

  async unlink(name: string): Promise<void> {
    const inode = this.#inode(name);
    this.#rename((names) => {
      if (names.get(name) === inode) names.delete(name);
    });
  }

  async syncDirectory(): Promise<void> {
    this.#syncedNames = new Map(this.#names);
    this.#unsyncedNames = [];
  }

  /** The process is gone; what it wrote is still in the system's memory. */
  kill(): void {
    this.#locked = false;
  }

  /** The power is gone: of what was not synced, chance keeps parts. */
  cutPower(random: () => number): void {
    this.#locked = false;
    const names = new Map(this.#syncedNames);
    for (const change of this.#unsyncedNames) if (random() < 0.5) change(names);
    for (const inode of new Set(names.values())) {
      let data = inode.synced;
      for (const change of inode.unsynced) if (random() < 0.6) data = change(data);
      inode.now = data;
      inode.synced = data;
      inode.unsynced = [];
    }
    this.#names = names;
    this.#syncedNames = new Map(names);
    this.#unsyncedNames = [];
  }

  /** A file's bytes, for tests that look at them or damage them. */
  bytes(name: string): Buffer {
    return this.#inode(name).now;
  }

  overwrite(name: string, bytes: Buffer): void {
    const inode: Inode = { now: bytes, synced: bytes, unsynced: [] };
    this.#names.set(name, inode);
    this.#syncedNames.set(name, inode);
  }

  remove(name: string): void {
    this.#names.delete(name);
    this.#syncedNames.delete(name);
  }

  copy(): CrashFiles {
    const copy = new CrashFiles();
    for (const [name, { now }] of this.#names) copy.overwrite(name, Buffer.from(now));
    return copy;
  }

  #inode(name: string): Inode {
    const inode = this.#names.get(name);
    if (inode === undefined) throw systemError("ENOENT", `no file ${name}`);
    return inode;
  }

  #rename(change: (names: Names) => void): void {
    change(this.#names);
    this.#unsyncedNames.push(change);
  }
}

function fileOf(inode: Inode): JournalFile {
  return {
    async read(into, position) {
      return inode.now.copy(into, 0, position);
    },
    async write(bytes, position) {
      const copy = Buffer.from(bytes);
      const end = position + copy.length;
      inode.now = patched(inode.now, copy, position);
      // The new length and each sector reach the disk on their own.
      inode.unsynced.push((data) => (data.length >= end ? data : patched(data, Buffer.alloc(0), end)));
      for (let at = position - (position % SECTOR); at < end; at += SECTOR) {
        // A sector goes to the disk as it is in memory, with what earlier writes put there.
        const sector = Buffer.from(inode.now.subarray(at, at + SECTOR));
        const from = at;
        inode.unsynced.push((data) => patched(data, sector, from));
      }
      return copy.length;
    },
    async sync() {
      inode.synced = inode.now;
      inode.unsynced = [];
    },
    async size() {
      return inode.now.length;
    },
    async truncate(length) {
      const cut = (data: Buffer) => Buffer.from(data.subarray(0, length));
      inode.now = cut(inode.now);
      inode.unsynced.push(cut);
    },
    async close() {},
  };
}

/** Writes into a copy; a gap before the position, or the length alone, is filled with zeros. */
function patched(data: Buffer, bytes: Buffer, position: number): Buffer {
  const result = Buffer.alloc(Math.max(data.length, position + bytes.length));
  data.copy(result);
  bytes.copy(result, position);
  return result;
}

export function systemError(code: string, message: string): Error {
  return Object.assign(new Error(`${code}: ${message}`), { code, errno: -1 });
}
