import fs from "node:fs";
import { mkdir, readdir, rename, stat, unlink } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { Fault } from "../core/codes.ts";
import type { JournalFile, JournalFiles } from "./files.ts";
import { takeLock } from "./lock.ts";

/** The journal's files on a real disk: `<state>/journal/`, folders 0700 and files 0600. */
export function diskFiles(state: string): JournalFiles {
  const folder = join(state, "journal");
  return {
    async prepare() {
      await ownDirectory(state);
      await ownDirectory(folder);
      await syncFolder(state);
    },
    lock: () => takeLock(state),
    list: () => readdir(folder),
    open: (name, how) => openFile(join(folder, name), FLAGS[how]),
    rename: (from, to) => rename(join(folder, from), join(folder, to)),
    unlink: (name) => unlink(join(folder, name)),
    syncDirectory: () => syncFolder(folder),
  };
}

const { O_RDONLY, O_RDWR, O_CREAT, O_TRUNC, O_NOFOLLOW } = fs.constants;

const FLAGS = {
  read: O_RDONLY | O_NOFOLLOW,
  write: O_RDWR | O_NOFOLLOW,
  create: O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW,
} as const;

/** Whoever can write here can forge decisions, so a directory that is open to others stops the start. */
async function ownDirectory(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: 0o700 });
  // A folder that was just made is as easily lost in a power cut as a file, with all that is in it.
  for (let made = path; first !== undefined; made = dirname(made)) {
    await syncFolder(dirname(made));
    if (resolve(made) === resolve(first)) break;
  }
  const { uid, mode } = await stat(path);
  if (uid !== process.getuid?.()) {
    throw new Fault("state_unsafe", `The state directory ${path} belongs to another user.`);
  }
  if ((mode & 0o077) !== 0) {
    const shown = (mode & 0o777).toString(8).padStart(4, "0");
    throw new Fault("state_unsafe", `The state directory ${path} has mode ${shown}; it must be 0700.`);
  }
}

async function syncFolder(path: string): Promise<void> {
  const fd = await call<number>((done) => fs.open(path, O_RDONLY, done));
  try {
    await call<void>((done) => fs.fsync(fd, done));
  } finally {
    await call<void>((done) => fs.close(fd, done));
  }
}

/** Plain descriptors: the calls of `FileHandle` cost twice as much, and the append path makes three of them. */
async function openFile(path: string, flags: number): Promise<JournalFile> {
  const fd = await call<number>((done) => fs.open(path, flags, 0o600, done));
  return {
    read: (into, position) => call((done) => fs.read(fd, into, 0, into.length, position, done)),
    write: (bytes, position) => call((done) => fs.write(fd, bytes, 0, bytes.length, position, done)),
    sync: () => call((done) => fs.fdatasync(fd, done)),
    size: async () => (await call<fs.Stats>((done) => fs.fstat(fd, done))).size,
    truncate: (length) => call((done) => fs.ftruncate(fd, length, done)),
    close: () => call((done) => fs.close(fd, done)),
  };
}

type Callback<T> = (error: Error | null, value?: T) => void;

function call<T>(begin: (done: Callback<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    begin((error, value) => (error ? reject(error) : resolve(value as T)));
  });
}
