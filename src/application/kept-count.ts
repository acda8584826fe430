import type { Json } from "../core/json.ts";
import type { Ledger, LedgerRecord, Log } from "../daemon/ports.ts";

/** Where a count is kept over restarts. Only a cache. */
export interface CountStore {
  /** Null where there is none that is whole. */
  read(): Promise<readonly Json[] | null>;
  write(rows: readonly Json[]): Promise<void>;
}

export interface KeptCountPorts {
  readonly store: CountStore;
  readonly ledger: Pick<Ledger, "records">;
  readonly log: Log;
}

/** What a later start must count in the same way for these rows to be of use to it. */
export interface Kept {
  readonly about: Json;
  readonly rows: readonly Json[];
}

/** So many records, at least, come between two times of keeping: about a quarter of a second of reading at a start. */
const EVERY = 10_000;

/** Keeps a count beside the ledger, as it was behind some record, so that a start reads only what came since. */
export function createKeptCount({ store, ledger, log }: KeptCountPorts) {
  let last: Pick<LedgerRecord, "seq" | "hash"> | null = null;
  let kept = 0;
  let writing = false;

  async function write({ about, rows }: Kept): Promise<void> {
    if (last === null || last.seq === kept) return;
    const { seq, hash } = last;
    kept = seq;
    writing = true;
    try {
      await store.write([{ seq, hash, about }, ...rows]);
    } catch (error) {
      log.warn({ err: error }, "a count could not be kept; the next start reads more of the journal");
    } finally {
      writing = false;
    }
  }

  return {
    /** The rows, and the record up to which they count; null where nothing that is kept fits. */
    async read(fits: (about: Json) => boolean): Promise<{ seq: number; rows: readonly Json[] } | null> {
      const [head, ...rows] = (await store.read()) ?? [];
      const { seq = 0, hash, about } = (head ?? {}) as { seq?: number; hash?: string; about?: Json };
      if (seq < 1 || about === undefined || !fits(about)) return null;
      // A journal that was put back has another record at that place, or none.
      for await (const record of ledger.records(seq - 1)) {
        if (record.seq !== seq || record.hash !== hash) return null;
        kept = seq;
        return { seq, rows };
      }
      return null;
    },

    /** This record is counted; `size` is how many rows there would be now. Keeps them where it is worth it. */
    counted(
      { seq, hash }: Pick<LedgerRecord, "seq" | "hash">,
      size: () => number,
      now: () => Kept | null,
    ): void {
      last = { seq, hash };
      if (writing || seq - kept < EVERY || seq - kept < size()) return;
      const rows = now();
      if (rows !== null) void write(rows);
    },

    /** Keeps what is counted now. Never rejects. */
    write,
  };
}
