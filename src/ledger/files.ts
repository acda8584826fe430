/**
 * What the journal needs of a file system, and no more: few operations, so that a test can let each of them fail, stop
 * short or forget what was not synced. Names are those of files in the journal's own folder; nothing here is a path.
 */
export interface JournalFiles {
  /** Makes the state directory if there is none. Rejects with `state_unsafe` when others could get at it. */
  prepare(): Promise<void>;
  /** Becomes the one writer; gives what releases it. Rejects with `already_running` when there is one. */
  lock(): Promise<() => Promise<void>>;
  list(): Promise<readonly string[]>;
  /** `create` begins an empty file, also over an old one; the other two reject when there is none. */
  open(name: string, how: "read" | "write" | "create"): Promise<JournalFile>;
  /** Atomic; replaces `to`. Not durable before `syncDirectory`. */
  rename(from: string, to: string): Promise<void>;
  unlink(name: string): Promise<void>;
  syncDirectory(): Promise<void>;
}

export interface JournalFile {
  /** Fills the buffer from a position; gives how many bytes it got, which may be fewer, and is 0 at the end. */
  read(into: Buffer, position: number): Promise<number>;
  /** Gives how many bytes were taken, which may be fewer. */
  write(bytes: Buffer, position: number): Promise<number>;
  /** Data and length are on the disk when this resolves. */
  sync(): Promise<void>;
  size(): Promise<number>;
  truncate(length: number): Promise<void>;
  close(): Promise<void>;
}

/** Writes every byte, however many calls that takes. Rejects when the disk takes no more. */
export async function writeAll(file: JournalFile, bytes: Buffer, position: number): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    const taken = await file.write(done === 0 ? bytes : bytes.subarray(done), position + done);
    if (taken <= 0) throw new Error(`the disk took ${done} of ${bytes.length} bytes`);
    done += taken;
  }
}

/** Gives the bytes of a range; fewer where the file ends before it. */
export async function readRange(file: JournalFile, position: number, length: number): Promise<Buffer> {
  const into = Buffer.allocUnsafe(length);
  let done = 0;
  while (done < length) {
    const got = await file.read(done === 0 ? into : into.subarray(done), position + done);
    if (got <= 0) break;
    done += got;
  }
  return into.subarray(0, done);
}

/** Opens a file for one piece of work and closes it whatever comes of it. */
export async function withFile<T>(
  files: JournalFiles,
  name: string,
  how: "read" | "write" | "create",
  work: (file: JournalFile) => Promise<T>,
): Promise<T> {
  const file = await files.open(name, how);
  try {
    return await work(file);
  } finally {
    await file.close();
  }
}
