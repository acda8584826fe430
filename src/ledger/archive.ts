import { setImmediate as yieldToOthers } from "node:timers/promises";
import type { RequestId } from "../core/request.ts";
import { type JournalFiles, withFile } from "./files.ts";
import {
  entryOf,
  hashOfId,
  hashOfKey,
  IndexDamaged,
  indexName,
  type Place,
  type Span,
  spanOf,
  writeIndex,
} from "./index-file.ts";
import { IndexLookup } from "./index-lookup.ts";
import { replay } from "./replay.ts";
import { damaged, segmentName } from "./segment.ts";
import type { Tail } from "./standing.ts";

/**
 * How many indexes of one size are merged into a bigger one. A lookup asks every index, so there must be few: with four,
 * a thousand segments have at most fifteen, and an entry is copied five times in its life.
 */
const MERGED = 4;

/** The sealed segments' finished requests, found through indexes on the disk: memory holds none of them. */
export class Archive {
  readonly #files: JournalFiles;
  /** Oldest first, without gaps, up to the newest sealed segment that has been indexed. */
  #indexes: IndexLookup[];
  #turn: Promise<void> = Promise.resolve();

  private constructor(files: JournalFiles, indexes: IndexLookup[]) {
    this.#files = files;
    this.#indexes = indexes;
  }

  /** Opens the indexes of the segments before `newest`, and makes again what is missing or damaged. */
  static async open(files: JournalFiles, newest: number): Promise<Archive> {
    const spans = (await files.list()).flatMap((name) => spanOf(name) ?? []);
    const beyond = spans.find(({ last }) => last >= newest);
    if (beyond !== undefined) {
      throw damaged(
        segmentName(beyond.last + 1),
        null,
        "the file is missing, but the index before it was written",
      );
    }
    const archive = new Archive(files, []);
    try {
      for (let first = 1; first < newest; ) {
        const widest = Math.max(first, ...spans.flatMap((span) => (span.first === first ? span.last : [])));
        archive.#indexes.push(...(await openOrRebuild(files, { first, last: widest })));
        first = widest + 1;
      }
      for (const span of spans) {
        // What a crash in the middle of a merge left behind.
        if (!archive.#indexes.some((index) => isSame(index.span, span))) await files.unlink(indexName(span));
      }
      return archive;
    } catch (error) {
      await archive.close();
      throw error;
    }
  }

  /** Gives where the lines about a request may be, oldest first. A hash may be shared: the lines have the last word. */
  placesOfId(id: RequestId): Promise<Place[]> {
    return this.#find(hashOfId(id));
  }

  /** Gives where the requests that this may lead to begin, oldest first. */
  placesOfLead(lead: string): Promise<Place[]> {
    return this.#find(hashOfKey(lead));
  }

  /** Adds what a segment finished, once it is sealed. */
  add(tail: Tail): Promise<void> {
    return this.#inTurn(async () => {
      this.#indexes = [...this.#indexes, await indexOf(this.#files, tail)];
      for (let last = this.#mergeable(); last.length > 0; last = this.#mergeable()) {
        await this.#replace(last, await mergeOrRebuild(this.#files, last));
      }
    });
  }

  /** Waits for what is being indexed. */
  async close(): Promise<void> {
    await this.#turn.catch(() => {});
    for (const index of this.#indexes) await index.retire();
  }

  async #find(hash: Buffer): Promise<Place[]> {
    const found = await Promise.all(this.#indexes.map((index) => this.#findIn(index, hash)));
    return found.flat();
  }

  async #findIn(index: IndexLookup, hash: Buffer): Promise<Place[]> {
    try {
      return await index.find(hash);
    } catch (error) {
      if (!(error instanceof IndexDamaged)) throw error;
    }
    await this.#inTurn(async () => {
      if (this.#indexes.includes(index)) await this.#replace([index], await rebuild(this.#files, index.span));
    });
    return this.#find(hash);
  }

  #mergeable(): IndexLookup[] {
    const last = this.#indexes.slice(-MERGED);
    const widths = new Set(last.map(({ span }) => span.last - span.first));
    return last.length === MERGED && widths.size === 1 ? last : [];
  }

  async #replace(old: readonly IndexLookup[], by: readonly IndexLookup[]): Promise<void> {
    const kept = this.#indexes.filter((index) => !old.includes(index));
    this.#indexes = [...kept, ...by].sort((a, b) => a.span.first - b.span.first);
    const names = new Set(by.map(({ span }) => indexName(span)));
    for (const index of old) {
      const name = indexName(index.span);
      if (!names.has(name)) await this.#files.unlink(name);
      await index.retire();
    }
  }

  /** Changes to the list of indexes wait for each other; lookups wait for nobody. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(work);
    this.#turn = turn;
    // Whoever asked for the work is told; the next in turn is told again, since nothing is indexed after a failure.
    turn.catch(() => {});
    return turn;
  }
}

async function openOrRebuild(files: JournalFiles, span: Span): Promise<IndexLookup[]> {
  try {
    return [await IndexLookup.open(files, span)];
  } catch (error) {
    if (!(error instanceof IndexDamaged) && !isMissing(error)) throw error;
  }
  return rebuild(files, span);
}

/** Makes the indexes of these segments again by reading them. */
async function rebuild(files: JournalFiles, { first, last }: Span): Promise<IndexLookup[]> {
  const indexes: IndexLookup[] = [];
  for (let segment = first; segment <= last; segment += 1) {
    const name = segmentName(segment);
    const { standing, wrong } = await withFile(files, name, "read", (file) => replay(file, segment));
    if (wrong !== null) throw damaged(name, wrong.line.number, wrong.problem);
    indexes.push(await indexOf(files, standing.tail));
  }
  return indexes;
}

async function indexOf(files: JournalFiles, tail: Tail): Promise<IndexLookup> {
  const span = { first: tail.segment, last: tail.segment };
  const buckets: Buffer[][] = Array.from({ length: 256 }, () => []);
  const put = (entry: Buffer) => buckets[entry[0] ?? 0]?.push(entry);
  let count = 0;
  for (const [id, lines] of tail.lines) {
    const hash = hashOfId(id);
    for (const offset of lines) put(entryOf(hash, { segment: tail.segment, offset }));
    count += lines.length;
    if (count % SLICE < lines.length) await yieldToOthers();
  }
  for (const [lead, id] of tail.leads) {
    const [offset] = tail.lines.get(id) ?? [];
    if (offset === undefined) throw new Error(`the finished request ${id} has no lines`);
    put(entryOf(hashOfKey(lead), { segment: tail.segment, offset }));
    count += 1;
    if (count % SLICE === 0) await yieldToOthers();
  }
  await writeIndex(files, span, count, sorted(buckets));
  return IndexLookup.open(files, span);
}

/** How many hashes are computed before decisions that wait get their turn. */
const SLICE = 512;

/** Sorted a bucket at a time, since sorting a whole segment's entries at once would hold the event loop. */
function* sorted(buckets: readonly Buffer[][]): Generator<Buffer> {
  for (const bucket of buckets) yield* bucket.sort(Buffer.compare);
}

/** Damage found by a merge is mended first; what was mended is merged with what comes next. */
async function mergeOrRebuild(files: JournalFiles, indexes: readonly IndexLookup[]): Promise<IndexLookup[]> {
  try {
    return [await merge(files, indexes)];
  } catch (error) {
    if (!(error instanceof IndexDamaged)) throw error;
  }
  const rebuilt: IndexLookup[] = [];
  for (const { span } of indexes) rebuilt.push(...(await rebuild(files, span)));
  return rebuilt;
}

async function merge(files: JournalFiles, indexes: readonly IndexLookup[]): Promise<IndexLookup> {
  const span = {
    first: Math.min(...indexes.map((index) => index.span.first)),
    last: Math.max(...indexes.map((index) => index.span.last)),
  };
  const count = indexes.reduce((sum, index) => sum + index.count, 0);
  await writeIndex(files, span, count, merged(indexes.map((index) => index.entries())));
  return IndexLookup.open(files, span);
}

async function* merged(sources: readonly AsyncGenerator<Buffer>[]): AsyncGenerator<Buffer> {
  const heads: { entry: Buffer; source: AsyncGenerator<Buffer> }[] = [];
  const pull = async (source: AsyncGenerator<Buffer>) => {
    const next = await source.next();
    if (next.done !== true) heads.push({ entry: next.value, source });
  };
  for (const source of sources) await pull(source);
  for (;;) {
    const [first, ...others] = heads;
    if (first === undefined) return;
    const least = others.reduce((a, b) => (Buffer.compare(b.entry, a.entry) < 0 ? b : a), first);
    yield least.entry;
    heads.splice(heads.indexOf(least), 1);
    await pull(least.source);
  }
}

function isSame(a: Span, b: Span): boolean {
  return a.first === b.first && a.last === b.last;
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
