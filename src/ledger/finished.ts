import type { Request, RequestId } from "../core/request.ts";
import { fold } from "../core/transitions.ts";
import type { Archive } from "./archive.ts";
import { type JournalFiles, withFile } from "./files.ts";
import type { Place } from "./index-file.ts";
import { lineAt } from "./lines.ts";
import { isRecordLine, readOpenState, readRecord } from "./record.ts";
import { damaged, segmentName } from "./segment.ts";
import { type Standing, submissionLeads, type Tail } from "./standing.ts";

/** What a line about a finished request says: the state that a checkpoint had of it, or a record. */
type Said = { readonly request: Request } | NonNullable<ReturnType<typeof readRecord>>;

/**
 * Finds requests that are finished: in the newest segment by what memory knows of it, in older ones through the archive.
 * Nothing is kept of what was found.
 */
export class Finished {
  readonly #files: JournalFiles;
  readonly #standing: Standing;
  readonly #archive: Archive;
  /** Sealed segments whose index is still being written. */
  #sealed: readonly Tail[] = [];

  constructor(files: JournalFiles, standing: Standing, archive: Archive) {
    this.#files = files;
    this.#standing = standing;
    this.#archive = archive;
  }

  /** Takes over what a sealed segment finished. Rejects when its index cannot be written; nothing is lost by that. */
  async seal(tail: Tail): Promise<void> {
    this.#sealed = [...this.#sealed, tail];
    await this.#archive.add(tail);
    this.#sealed = this.#sealed.filter((other) => other !== tail);
  }

  /** Folds a finished request from its lines; null when there never was one. */
  async read(id: RequestId): Promise<Request | null> {
    // Both are asked at once: a segment's lines leave memory only when its index is there.
    const inMemory = this.#tails().flatMap((tail) => placesOf(tail, id));
    const places = inOrder([...(await this.#archive.placesOfId(id)), ...inMemory]);
    const said = (await this.#linesAt(places)).filter((one) => idOf(one) === id);
    const [first, ...rest] = said;
    if (first === undefined) return null;
    const events = rest.flatMap((one) => ("event" in one ? [one.event] : []));
    try {
      return "request" in first ? fold(events, first.request) : fold([first.event, ...events]);
    } catch (error) {
      const [place] = places;
      const reason = `request ${id} cannot be read: ${error instanceof Error ? error.message : String(error)}`;
      throw damaged(segmentName(place?.segment ?? 1), null, reason);
    }
  }

  /** The finished request that this leads to (see `leadsOf`), the latest one if there are several. */
  async idOfLead(lead: string): Promise<RequestId | null> {
    const tails = this.#tails();
    for (const tail of tails.toReversed()) {
      const id = tail.leads.get(lead);
      if (id !== undefined) return id;
    }
    const said = await this.#linesAt(inOrder(await this.#archive.placesOfLead(lead)));
    for (const one of said.toReversed()) {
      if (leadsIn(one).includes(lead)) return idOf(one);
    }
    return null;
  }

  /** Waits for what is being indexed. */
  close(): Promise<void> {
    return this.#archive.close();
  }

  /** Oldest first. */
  #tails(): readonly Tail[] {
    return [...this.#sealed, this.#standing.tail];
  }

  async #linesAt(places: readonly Place[]): Promise<Said[]> {
    const said: Said[] = [];
    for (const segment of new Set(places.map((place) => place.segment))) {
      const offsets = places.flatMap((place) => (place.segment === segment ? [place.offset] : []));
      const name = segmentName(segment);
      await withFile(this.#files, name, "read", async (file) => {
        for (const offset of offsets) said.push(whatIsSaid(await lineAt(file, offset), name, offset));
      });
    }
    return said;
  }
}

function whatIsSaid(line: Buffer | null, name: string, offset: number): Said {
  const said = line === null ? null : isRecordLine(line) ? readRecord(line) : readOpenState(line);
  if (said !== null) return said;
  throw damaged(name, null, `the line at byte ${offset} is not what was written there`);
}

/** Whether it came to a no stands further on in the journal: who asks for one looks. */
function leadsIn(said: Said): readonly string[] {
  const request = "request" in said ? said.request : null;
  const submission =
    request?.submission ??
    ("event" in said && said.event.type === "submitted" ? said.event.submission : null);
  if (submission === null) return [];
  return submissionLeads(submission, (request?.amendment?.asked ?? submission).action_digest);
}

function placesOf(tail: Tail, id: RequestId): Place[] {
  return (tail.lines.get(id) ?? []).map((offset) => ({ segment: tail.segment, offset }));
}

/** Sorted by where they are, each once: a segment that is just being indexed is found twice. */
function inOrder(places: readonly Place[]): Place[] {
  return places
    .toSorted((a, b) => a.segment - b.segment || a.offset - b.offset)
    .filter((place, index, all) => {
      const before = all[index - 1];
      return before?.segment !== place.segment || before.offset !== place.offset;
    });
}

function idOf(said: Said): RequestId {
  return "request" in said ? said.request.submission.fields.id : said.id;
}
