import type { Transition } from "../../document/commit-message.ts";
import type { Change } from "./import.ts";

/** One journal record with what it changed in the vault, bytes as they were then. */
export interface HistoryEntry extends Transition {
  readonly changes: readonly Change[];
}

/** Gives the journal's records after a number as entries, oldest first, up to now. */
export type Replay = (after: number) => AsyncIterable<HistoryEntry>;

const MAX_LIVE = 10_000;
const MAX_LIVE_BYTES = 64 * 1024 * 1024;

/**
 * What is not committed yet, in the journal's order, in bounded memory. Entries are taken as they happen; where some are
 * missing before them (after a start, or because there were too many) the journal is read again for just those.
 */
export function createBacklog(replay: Replay) {
  let live: HistoryEntry[] = [];
  let liveBytes = 0;
  let replayed: HistoryEntry[] = [];
  let feed: AsyncIterator<HistoryEntry> | null = null;
  let fed = 0;
  /** Whether records are missing between `reached` and the first live entry. */
  let gap = true;
  /** The last record that was committed or is in `replayed`. */
  let reached = 0;
  /** The highest record that was offered, and the highest that was dropped. */
  let heard = 0;
  let dropped = 0;

  /** Takes an entry as it happens; false when there are too many, so that the journal is read again for them. */
  function offer(entry: HistoryEntry): boolean {
    const { seq } = entry.record;
    if (seq <= Math.max(heard, reached)) return true;
    heard = seq;
    live.push(entry);
    liveBytes += sizeOf(entry);
    if (live.length <= MAX_LIVE && liveBytes <= MAX_LIVE_BYTES) return true;
    live = [];
    liveBytes = 0;
    dropped = seq;
    gap = true;
    return false;
  }

  /** Begins behind this record: whatever comes after it and is not here is read from the journal. */
  async function startAfter(seq: number): Promise<void> {
    await endFeed();
    reached = seq;
    replayed = [];
    forgetLive(seq);
    gap = true;
  }

  /** The next entries, at most so many; they stay until `done`. Empty when there is nothing more to commit. */
  async function next(limit: number): Promise<readonly HistoryEntry[]> {
    while (gap && replayed.length < limit) {
      // Nothing can be missing between two records that follow each other.
      if (live[0]?.record.seq === reached + 1) {
        await endFeed();
        gap = false;
      } else await pull();
    }
    return gap ? replayed.slice(0, limit) : [...replayed, ...live.slice(0, limit)].slice(0, limit);
  }

  /** Everything up to this record is committed. */
  function done(seq: number): void {
    reached = Math.max(reached, seq);
    replayed = replayed.filter((entry) => entry.record.seq > seq);
    forgetLive(seq);
  }

  async function pull(): Promise<void> {
    if (feed === null) {
      feed = replay(reached)[Symbol.asyncIterator]();
      fed = 0;
    }
    const step = await feed.next().catch(async (error: unknown) => {
      await endFeed();
      throw error;
    });
    if (step.done) {
      feed = null;
      // Records may have been dropped after the journal was opened; a reading that brings nothing has them all.
      if (fed === 0 || reached >= dropped) gap = false;
      return;
    }
    const { seq } = step.value.record;
    const first = live[0]?.record.seq ?? Number.POSITIVE_INFINITY;
    if (seq >= first) {
      gap = false;
      return endFeed();
    }
    if (seq <= reached) return;
    replayed.push(step.value);
    reached = seq;
    fed += 1;
  }

  async function endFeed(): Promise<void> {
    const ending = feed;
    feed = null;
    await ending?.return?.();
  }

  function forgetLive(upTo: number): void {
    live = live.filter((entry) => entry.record.seq > upTo);
    liveBytes = live.reduce((sum, entry) => sum + sizeOf(entry), 0);
  }

  return {
    offer,
    startAfter,
    next,
    done,
    close: endFeed,
    /** How many entries are held here, and whether more are to be read from the journal. */
    size: () => ({ waiting: live.length + replayed.length, behind: gap }),
  };
}

/** How many bytes of contents the entry holds in memory. */
export function sizeOf(entry: HistoryEntry): number {
  return entry.changes.reduce((sum, { bytes }) => sum + (bytes?.length ?? 0), 0);
}
