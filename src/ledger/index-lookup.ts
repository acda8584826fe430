import type { JournalFile, JournalFiles } from "./files.ts";
import {
  ENTRY,
  HASH,
  indexName,
  PER_PAGE,
  type Place,
  placeIn,
  readHeader,
  readPage,
  type Span,
} from "./index-file.ts";

/** An index, open for lookups. */
export class IndexLookup {
  readonly span: Span;
  readonly count: number;
  readonly #file: JournalFile;
  readonly #pages: number;
  #users = 0;
  #retired = false;

  private constructor(file: JournalFile, span: Span, size: { count: number; pages: number }) {
    this.#file = file;
    this.span = span;
    this.count = size.count;
    this.#pages = size.pages;
  }

  /** Rejects with `IndexDamaged` when the file is not the whole index of these segments. */
  static async open(files: JournalFiles, span: Span): Promise<IndexLookup> {
    const file = await files.open(indexName(span), "read");
    try {
      return new IndexLookup(file, span, await readHeader(file, span));
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Gives the places of all entries with this hash, oldest first. */
  async find(hash: Buffer): Promise<Place[]> {
    this.#users += 1;
    try {
      const start = await this.#firstPage(hash);
      return start === null ? [] : await this.#placesFrom(start.number, start.page, hash);
    } finally {
      this.#users -= 1;
      if (this.#retired && this.#users === 0) await this.#file.close();
    }
  }

  /** Gives all entries in order, for a merge. */
  async *entries(): AsyncGenerator<Buffer> {
    for (let number = 0; number < this.#pages; number += 1) {
      const page = await this.#page(number);
      for (let entry = 0; entry < this.#used(number); entry += 1) {
        yield page.subarray(entry * ENTRY, (entry + 1) * ENTRY);
      }
    }
  }

  /** Closes the file as soon as nobody looks anything up in it. */
  async retire(): Promise<void> {
    this.#retired = true;
    if (this.#users === 0) await this.#file.close();
  }

  /** The first page whose last entry is not before the hash. */
  async #firstPage(hash: Buffer): Promise<{ number: number; page: Buffer } | null> {
    let low = 0;
    let high = this.#pages - 1;
    // Hashes are spread evenly, so the first guess is the page or the one beside it; halving bounds the worst case.
    const guess = Math.floor((hash.readUIntBE(0, 6) / 2 ** 48) * this.#pages);
    for (let tries = 0; low <= high; tries += 1) {
      const number = tries < 2 ? Math.min(high, Math.max(low, guess)) : (low + high) >> 1;
      const page = await this.#page(number);
      if (compare(page, this.#used(number) - 1, hash) < 0) {
        low = number + 1;
      } else if (number === low || compare(page, 0, hash) < 0) {
        return { number, page };
      } else {
        // The page before may end with the same hash; a page that begins behind it is ruled out.
        high = compare(page, 0, hash) === 0 ? number : number - 1;
      }
    }
    return null;
  }

  async #placesFrom(first: number, page: Buffer, hash: Buffer): Promise<Place[]> {
    const places: Place[] = [];
    for (let number = first, entry = firstEntry(page, this.#used(first), hash); ; entry = 0) {
      for (; entry < this.#used(number); entry += 1) {
        if (compare(page, entry, hash) !== 0) return places;
        places.push(placeIn(page, entry));
      }
      number += 1;
      if (number >= this.#pages) return places;
      page = await this.#page(number);
    }
  }

  #page(number: number): Promise<Buffer> {
    return readPage(this.#file, number + 1);
  }

  #used(number: number): number {
    return Math.min(PER_PAGE, this.count - number * PER_PAGE);
  }
}

/** The first entry of a page that is not before the hash. */
function firstEntry(page: Buffer, used: number, hash: Buffer): number {
  let low = 0;
  let high = used;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compare(page, middle, hash) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function compare(page: Buffer, entry: number, hash: Buffer): number {
  return page.compare(hash, 0, HASH, entry * ENTRY, entry * ENTRY + HASH);
}
