import type { Request, RequestId } from "../core/request.ts";
import { createTally, type Figures } from "../core/tally.ts";
import type { Ledger, LedgerRecord, Log } from "./ports.ts";

/** How many of the ledger's last records a start reads: a month of most vaults, and less than a second. */
const RECORDS = 25_000;
const SLICE = 100;
/** How many finished requests are shown, and how many of those that failed. */
const RECENT = 20;
const FAILED = 10;

export interface Lately {
  /** Newest first. */
  readonly recent: readonly Request[];
  readonly failed: readonly Request[];
  readonly figures: Figures;
}

/** What came of requests lately: from the ledger's last records at first, then from every new one. */
export function createLately({ ledger, log }: { ledger: Ledger; log: Log }) {
  const tally = createTally();
  /** The requests that were shown last, until something happens to them. */
  let shown = new Map<RequestId, Request>();
  const changed = new Set<RequestId>();
  let loading: Promise<void> | null = null;
  /** Records that came before the earlier ones were read; null from then on. */
  let early: LedgerRecord[] | null = [];
  let last = 0;
  const stop = ledger.follow((record) => {
    if (early !== null) early.push(record);
    else take(record);
  });

  function take({ seq, id, event }: LedgerRecord): void {
    if (seq <= last) return;
    last = seq;
    changed.add(id);
    tally.take(id, event);
  }

  async function load(): Promise<void> {
    try {
      const after = Math.max(0, ledger.head().seq - RECORDS);
      if (after > 0) tally.cutBefore();
      for await (const record of ledger.records(after)) {
        take(record);
        // Decisions that wait get their turn.
        if (record.seq % SLICE === 0) await new Promise(setImmediate);
      }
    } catch (error) {
      log.warn({ err: error }, "the dashboard does not know what happened before this start");
    }
    for (const record of early ?? []) take(record);
    early = null;
  }

  async function requests(ids: readonly RequestId[]): Promise<Request[]> {
    const found: Request[] = [];
    for (const id of ids) {
      const request = shown.get(id) ?? (await ledger.read(id));
      if (request === null) continue;
      shown.set(id, request);
      found.push(request);
    }
    return found;
  }

  return {
    async read(): Promise<Lately> {
      loading ??= load();
      await loading;
      for (const id of changed) shown.delete(id);
      changed.clear();
      const recent = await requests(tally.newest(RECENT));
      const failed = await requests(tally.newest(FAILED, "failed"));
      shown = new Map([...recent, ...failed].map((request) => [request.submission.fields.id, request]));
      return { recent, failed, figures: tally.figures() };
    },

    stop,
  };
}
