import { isNoteName } from "../core/id.ts";
import { isFinal, type Request, type RequestId } from "../core/request.ts";
import type { Desk } from "./desk.ts";
import type { Clock, Entry, Ledger, Place, Vault } from "./ports.ts";

/** Watchers lose events without an error, so everything is looked through this often. */
const RESCAN_MS = 30_000;
/** The same where no watcher tells anything: this is then how long a decision waits. */
const UNWATCHED_MS = 2_000;
/** Between two scans there are at least so many times what one took: many notes or a slow disk must not fill the day. */
const SHARE = 25;
/** From so many hints on, some of the crowd may have been dropped on the way, which the system does not tell. */
const CROWD = 32;
const CROWD_MS = 2_000;

/** A note counts as gone only when it stays away so long: editors, git and sync tools take files away for a moment. */
const MISSING_GRACE_MS = 2_000;

export interface RescanPorts {
  readonly vault: Vault;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly desk: Desk;
  /** A note may have changed. */
  readonly onChange: (id: RequestId) => void;
  /** An open request's note is nowhere in the vault. */
  readonly onMissing: (id: RequestId) => void;
  /** Files that belong to no request; gives the names of those that nothing is known about. */
  readonly onStrangers: (strangers: readonly Entry[]) => Promise<readonly string[]>;
  readonly onError: (error: unknown) => void;
}

/** A note of a request that the journal does not know, and the host that it says it belongs to. */
type Unknown = Place & { readonly host: string | null };

/** The full look through the decision folders that makes up for whatever the watcher did not tell. */
export function createRescan(ports: RescanPorts) {
  const { vault, ledger, clock, desk } = ports;
  const marks = new Map<string, { mark: string; id: RequestId | null }>();
  /** What the notes of unknown requests say whose they are, by path. */
  let hosts = new Map<string, { host: string | null; mark: string }>();
  let running: Promise<void> | null = null;
  let cancel: (() => void) | null = null;
  let dueAt = Number.POSITIVE_INFINITY;
  let stopped = false;
  /** Notes that the last scan did not find, and since when (ms). */
  let missing = new Map<RequestId, number>();
  let every = RESCAN_MS;
  /** Hints of the watcher since the last scan began. */
  let hints = 0;

  async function scan(): Promise<void> {
    const there = new Set<string>();
    const found = new Map<RequestId, Place[]>();
    const strangers: Entry[] = [];
    for await (const slice of vault.scan()) {
      for (const entry of slice) {
        const { folder, name, mark, id } = entry;
        const path = `${folder}/${name}`;
        there.add(path);
        if (id === null && isNoteName(name)) strangers.push(entry);
        if (id !== null) found.set(id, [...(found.get(id) ?? []), { folder, name }]);
        if (id !== null && marks.get(path)?.mark !== mark) ports.onChange(id);
        marks.set(path, { mark, id });
      }
    }
    for (const [path, { id }] of marks) {
      if (there.has(path)) continue;
      marks.delete(path);
      // What is left of a request's files may now say together what it did not say before.
      if (id !== null && found.has(id)) ports.onChange(id);
    }
    const open = await ledger.open();
    const unknown = await findUnknown(open, found);
    const moved = await findMissing(open, found);
    desk.setScan({ strangers: await ports.onStrangers(strangers), unknown, moved });
  }

  /** Open requests without a note in the decision folders: moved elsewhere by a person, or missing. */
  async function findMissing(
    open: readonly Request[],
    found: ReadonlyMap<RequestId, unknown>,
  ): Promise<ReadonlyMap<RequestId, string>> {
    const gone = open.filter(({ submission }) => !found.has(submission.fields.id));
    // A finished request's note may be in `Done/` already, its move cut short: that is no note moved by a person.
    const waiting = gone.filter((request) => !isFinal(request)).map(({ submission }) => submission.fields.id);
    const moved = waiting.length === 0 ? new Map() : await vault.findElsewhere(new Set(waiting));
    const now = clock.now();
    const nowhere = gone.filter(({ submission }) => !moved.has(submission.fields.id));
    // A finished request's is not waited for: nobody has to find it where it was.
    missing = new Map(
      nowhere.map((request) => {
        const { id } = request.submission.fields;
        return [id, isFinal(request) ? Number.NEGATIVE_INFINITY : (missing.get(id) ?? now)];
      }),
    );
    for (const [id, since] of missing) {
      if (now - since >= MISSING_GRACE_MS) ports.onMissing(id);
      else {
        // Its deadline may be over all the same.
        ports.onChange(id);
        within(since + MISSING_GRACE_MS - now);
      }
    }
    return moved;
  }

  /**
   * Files with a request's name that this journal knows nothing of: another host's, or a lost state's. What is in truth
   * a copy with such a name (`<id>-laptop.md`) is told by the id inside, and counted as found.
   */
  async function findUnknown(
    open: readonly Request[],
    found: Map<RequestId, Place[]>,
  ): Promise<readonly Unknown[]> {
    const known = new Set(open.map(({ submission }) => submission.fields.id));
    const isKnown = async (id: RequestId) => known.has(id) || (await ledger.read(id)) !== null;
    const unknown: Unknown[] = [];
    for (const [id, places] of [...found]) {
      if (await isKnown(id)) continue;
      for (const place of places) {
        const inside = vault.noticeInside(place);
        if (inside === null || !(await isKnown(inside))) {
          unknown.push({ ...place, host: hostOf(place) });
          continue;
        }
        found.set(inside, [...(found.get(inside) ?? []), place]);
        ports.onChange(inside);
      }
    }
    hosts = new Map(
      unknown.map(({ folder, name, host }) => [`${folder}/${name}`, { host, mark: markOf(folder, name) }]),
    );
    return unknown;
  }

  /** Read once for as long as the file does not change: another host may have thousands. */
  function hostOf(place: Place): string | null {
    const known = hosts.get(`${place.folder}/${place.name}`);
    const isSame = known !== undefined && known.mark === markOf(place.folder, place.name);
    return isSame ? known.host : vault.hostInside(place);
  }

  function markOf(folder: string, name: string): string {
    return marks.get(`${folder}/${name}`)?.mark ?? "";
  }

  function now(): Promise<void> {
    if (running !== null) return running;
    cancel?.();
    cancel = null;
    dueAt = Number.POSITIVE_INFINITY;
    hints = 0;
    const began = clock.now();
    running = scan()
      .catch(ports.onError)
      .finally(() => {
        running = null;
        within(Math.min(RESCAN_MS, Math.max(every, SHARE * (clock.now() - began))));
      });
    return running;
  }

  /** Sees to it that a scan begins within so many ms. */
  function within(ms: number): void {
    const at = clock.now() + ms;
    if (stopped || at >= dueAt) return;
    cancel?.();
    dueAt = at;
    cancel = clock.after(ms, () => {
      cancel = null;
      dueAt = Number.POSITIVE_INFINITY;
      // The one under way may have passed by what this one is for.
      if (running === null) void now();
      else void running.then(() => within(0));
    });
  }

  return {
    now,
    within,
    /** A look has found no note of this request. */
    gone(id: RequestId): void {
      if (!missing.has(id)) missing.set(id, clock.now());
      within(MISSING_GRACE_MS);
    },
    /** The watcher has told of a change. */
    hint(): void {
      hints += 1;
      if (hints === CROWD) within(CROWD_MS);
    },
    /** How often it is looked through from now on: as a rule, or in place of a watcher that cannot tell of changes. */
    pace(watched: boolean): void {
      every = watched ? RESCAN_MS : UNWATCHED_MS;
      within(every);
    },
    /** Resolves when no scan is under way. */
    settled: () => running ?? Promise.resolve(),
    async stop(): Promise<void> {
      stopped = true;
      cancel?.();
      await running;
    },
  };
}
