import type { EventType } from "../core/event.ts";
import { type EventSubject, type EventView, eventViewOf } from "../core/event-view.ts";
import type { Ledger, LedgerRecord } from "../daemon/ports.ts";

/** What happened, in order, as it is told to whoever follows. */
export interface Happenings {
  /** The last event that followers have been told. */
  head(): number;
  /** Events behind a sequence number, oldest first, up to now. */
  after(seq: number): AsyncIterable<EventView>;
  /**
   * Calls back with every event behind `head`, without gaps; with null where one cannot be told, and then no more. Gives
   * what ends it.
   */
  follow(listener: (event: EventView | null) => void): () => void;
  /** One page of the events that fit; `next` goes on behind it, and is null where nothing is left. */
  page(filter: HappeningFilter): Promise<HappeningPage>;
}

interface HappeningFilter {
  /** Only behind this sequence number. */
  readonly after?: number;
  readonly id?: string;
  readonly event?: EventType;
  readonly requester?: string;
  /** ISO 8601: not before this. */
  readonly since?: string;
  readonly limit: number;
}

interface HappeningPage {
  readonly events: readonly EventView[];
  readonly next: number | null;
}

/** How many requests' unchanging facts are kept, so that a replay need not read each one for every event. */
const KNOWN_LIMIT = 1_000;

/** How many records one page looks at: a page that finds little in a long journal is short, and says where it got to. */
const LOOK_LIMIT = 50_000;

export function createHappenings(ledger: Ledger): Happenings {
  const listeners = new Set<(event: EventView | null) => void>();
  const known = new Map<string, EventSubject>();
  let told = 0;
  let stop: (() => void) | null = null;
  let telling: Promise<void> = Promise.resolve();

  async function subjectOf({ id, event }: LedgerRecord): Promise<EventSubject> {
    const before = known.get(id);
    if (before !== undefined) return before;
    const submission = event.type === "submitted" ? event.submission : (await ledger.read(id))?.submission;
    if (submission === undefined) throw new Error(`the journal has events of ${id}, and not the request`);
    const { requester, kind } = submission.fields;
    known.set(id, { requester, kind });
    const [oldest = id] = known.keys();
    if (known.size > KNOWN_LIMIT) known.delete(oldest);
    return { requester, kind };
  }

  async function tell(record: LedgerRecord): Promise<void> {
    // Of an earlier time of following, still on its way.
    if (record.seq <= told) return;
    const view = eventViewOf(record, await subjectOf(record));
    told = record.seq;
    for (const listener of listeners) listener(view);
  }

  /** One after the other: looking up the request of one must not let the next overtake it. */
  function begin(): void {
    told = ledger.head().seq;
    stop = ledger.follow((record) => {
      telling = telling.then(() => tell(record)).catch(breakOff);
    });
  }

  /** Followers come back and read on from where they are; who was told of a later event would miss this one. */
  function breakOff(): void {
    const told = [...listeners];
    listeners.clear();
    end();
    for (const listener of told) listener(null);
  }

  function end(): void {
    stop?.();
    stop = null;
  }

  async function* after(seq: number): AsyncGenerator<EventView> {
    for await (const record of ledger.records(seq)) yield eventViewOf(record, await subjectOf(record));
  }

  return {
    head: () => (stop === null ? ledger.head().seq : told),
    after,

    follow(listener) {
      if (stop === null) begin();
      const own = (event: EventView | null) => listener(event);
      listeners.add(own);
      return () => {
        listeners.delete(own);
        if (listeners.size === 0) end();
      };
    },

    async page({ after: from = 0, id, event, requester, since, limit }) {
      const begins = since === undefined ? Number.NEGATIVE_INFINITY : Date.parse(since);
      const events: EventView[] = [];
      let looked = 0;
      for await (const record of ledger.records(from)) {
        looked += 1;
        const fits =
          (id === undefined || record.id === id) &&
          (event === undefined || record.event.type === event) &&
          Date.parse(record.event.at) >= begins;
        if (fits) {
          const view = eventViewOf(record, await subjectOf(record));
          if (requester === undefined || view.requester === requester) events.push(view);
        }
        if (events.length === limit || looked === LOOK_LIMIT) return { events, next: record.seq };
      }
      return { events, next: null };
    },
  };
}
