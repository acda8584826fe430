import { hash } from "node:crypto";
import { crc32 } from "node:zlib";
import { type JournalFile, type JournalFiles, readRange, withFile, writeAll } from "./files.ts";

/**
 * A sorted, immutable index over sealed segments: where the lines about a finished request are, by its id, and where a
 * key's request begins. Pages of 4 KiB, each with its own checksum, so that a lookup reads one or two of them and sees
 * damage in what it reads. Everything in it can be made again from the segments.
 *
 * The first page says which segments it covers and how many entries follow. An entry is 24 bytes: 12 of the SHA-256 of
 * what is looked up, the segment in 4 and the line's offset in 8, big-endian; entries are sorted as bytes.
 */
const PAGE = 4096;
export const ENTRY = 24;
export const PER_PAGE = Math.floor((PAGE - 4) / ENTRY);
export const HASH = 12;
const MAGIC = Buffer.from("countersign index 2\n");

export interface Place {
  readonly segment: number;
  readonly offset: number;
}

export interface Span {
  readonly first: number;
  readonly last: number;
}

/** Something read from an index is not what was written: it has to be made again. */
export class IndexDamaged extends Error {
  override readonly name = "IndexDamaged";
}

export function indexName({ first, last }: Span): string {
  return `${pad(first)}-${pad(last)}.index`;
}

export function spanOf(name: string): Span | null {
  const found = /^(\d{6,})-(\d{6,})\.index$/.exec(name);
  return found === null ? null : { first: Number(found[1]), last: Number(found[2]) };
}

export function hashOfId(id: string): Buffer {
  return hash("sha256", `id ${id}`, "buffer").subarray(0, HASH);
}

export function hashOfKey(key: string): Buffer {
  return hash("sha256", `key ${key}`, "buffer").subarray(0, HASH);
}

export function entryOf(hash: Buffer, { segment, offset }: Place): Buffer {
  const entry = Buffer.alloc(ENTRY);
  hash.copy(entry, 0, 0, HASH);
  entry.writeUInt32BE(segment, HASH);
  entry.writeBigUInt64BE(BigInt(offset), HASH + 4);
  return entry;
}

/** Writes an index of exactly `count` sorted entries under a temporary name, and gives it its own once it is on the disk. */
export async function writeIndex(
  files: JournalFiles,
  span: Span,
  count: number,
  entries: AsyncIterable<Buffer> | Iterable<Buffer>,
): Promise<void> {
  const name = indexName(span);
  await withFile(files, `${name}.tmp`, "create", async (file) => {
    const pages = new PageWriter(file);
    await pages.header(span, count);
    for await (const entry of entries) if (pages.add(entry)) await pages.write();
    await pages.write();
    await file.sync();
  });
  await files.rename(`${name}.tmp`, name);
  await files.syncDirectory();
}

class PageWriter {
  readonly #file: JournalFile;
  #page = Buffer.alloc(PAGE);
  #used = 0;
  #position = 0;

  constructor(file: JournalFile) {
    this.#file = file;
  }

  async header({ first, last }: Span, count: number): Promise<void> {
    MAGIC.copy(this.#page);
    this.#page.writeUInt32BE(first, 32);
    this.#page.writeUInt32BE(last, 36);
    this.#page.writeUInt32BE(count, 40);
    this.#used = 1;
    await this.write();
  }

  /** Gives whether the page is full. */
  add(entry: Buffer): boolean {
    entry.copy(this.#page, this.#used * ENTRY);
    this.#used += 1;
    return this.#used === PER_PAGE;
  }

  async write(): Promise<void> {
    if (this.#used === 0) return;
    this.#page.writeUInt32BE(crc32(this.#page.subarray(0, PAGE - 4)), PAGE - 4);
    await writeAll(this.#file, this.#page, this.#position);
    this.#position += PAGE;
    this.#page = Buffer.alloc(PAGE);
    this.#used = 0;
  }
}

/** What an index's first page says. Rejects with `IndexDamaged` when it is not the whole index of these segments. */
export async function readHeader(file: JournalFile, span: Span): Promise<{ count: number; pages: number }> {
  const page = await readPage(file, 0);
  const isOurs = page.subarray(0, MAGIC.length).equals(MAGIC);
  if (!isOurs || page.readUInt32BE(32) !== span.first || page.readUInt32BE(36) !== span.last) {
    throw new IndexDamaged(`${indexName(span)} is not the index of these segments`);
  }
  const count = page.readUInt32BE(40);
  const pages = Math.ceil(count / PER_PAGE);
  if ((await file.size()) !== PAGE * (1 + pages))
    throw new IndexDamaged(`${indexName(span)} is not complete`);
  return { count, pages };
}

/** Reads a page; 0 is the header. Rejects with `IndexDamaged` when its checksum does not hold. */
export async function readPage(file: JournalFile, page: number): Promise<Buffer> {
  const bytes = await readRange(file, page * PAGE, PAGE);
  if (bytes.length < PAGE || bytes.readUInt32BE(PAGE - 4) !== crc32(bytes.subarray(0, PAGE - 4))) {
    throw new IndexDamaged(`page ${page} of an index is damaged`);
  }
  return bytes;
}

export function placeIn(page: Buffer, entry: number): Place {
  const at = entry * ENTRY + HASH;
  return { segment: page.readUInt32BE(at), offset: Number(page.readBigUInt64BE(at + 4)) };
}

function pad(segment: number): string {
  return String(segment).padStart(6, "0");
}
