import type { Json } from "../core/json.ts";
import { isFinal, type Submission } from "../core/request.ts";
import type {
  Clock,
  ClockGuard,
  KindSettings,
  Ledger,
  LedgerRecord,
  Log,
  Question,
} from "../daemon/ports.ts";
import type { Counted, Used } from "../policy/limits.ts";
import type { Policy } from "../policy/policy.ts";
import { createUsage, type Started, type Usage } from "../policy/usage.ts";
import { type CountStore, createKeptCount, type Kept } from "./kept-count.ts";

export interface CountingPorts {
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly guard: Pick<ClockGuard, "isFrozen">;
  readonly log: Log;
  /** Where what was started is kept over restarts. */
  readonly store: CountStore;
  readonly kind: (kind: string) => Pick<KindSettings, "tags"> | null;
  /** A policy is obeyed whose limits were still being counted. */
  readonly onReady: () => void;
}

/** What a policy's limits are held against. */
export interface Counting {
  /** The policy to obey: the wanted one, or the one before for as long as the wanted one's limits are being counted. */
  obeyed(wanted: Policy | null): Policy | null;
  /** What counts besides this request. */
  besides(question: Question): Used;
  /** Counts a request from now on; gives what takes it back, for one that is not recorded after all. */
  hold(question: Question): () => void;
  /** Resolves once what the wanted policy limits has been counted. */
  ready(wanted: Policy | null): Promise<void>;
  /** Keeps what is counted, and counts no more. */
  stop(): Promise<void>;
}

/** How many are taken before decisions that wait get their turn. */
const SLICE = 100;

/**
 * Keeps count of what policies limit. A start goes on from what the last one kept; without that, and for a policy with
 * other limits, the ledger is read as far back as the longest limit reaches. From then on every record is taken as it
 * comes.
 */
export function createCounting(ports: CountingPorts): Counting {
  let obeyed: Policy | null = null;
  let counted: Count | null = null;
  let coming: { readonly policy: Policy; readonly count: Count; readonly done: Promise<void> } | null = null;

  /** Begins to count for a policy, unless that is being done. */
  function prepare(policy: Policy): Promise<void> {
    if (coming?.policy === policy) return coming.done;
    coming?.count.stop();
    const count = startCount(policy, ports);
    const done = count.loaded.then(
      () => {
        if (coming?.policy !== policy) return;
        counted?.stop();
        counted = count;
        obeyed = policy;
        coming = null;
        ports.onReady();
      },
      (error) => ports.log.error({ err: error }, "what the policy limits could not be counted"),
    );
    coming = { policy, count, done };
    return done;
  }

  function isCounted({ limits }: Policy): boolean {
    return limits.every((limit) => counted?.usage.counts(limit) ?? false);
  }

  return {
    obeyed(wanted) {
      if (wanted === null || wanted === obeyed) return wanted;
      if (isCounted(wanted)) {
        obeyed = wanted;
        return wanted;
      }
      void prepare(wanted);
      // With nothing before it, it is obeyed at once, and what it limits is in doubt.
      return obeyed ?? wanted;
    },
    besides({ id }) {
      // By a wrong clock nothing is too long ago to count.
      const now = ports.guard.isFrozen() ? Number.NEGATIVE_INFINITY : ports.clock.now();
      return counted?.usage.besides(id, now) ?? (() => null);
    },
    hold(question) {
      const held = [counted, coming?.count].flatMap((count) => (count ? [count.usage] : []));
      for (const usage of held) usage.hold(question.id, countedOf(question));
      return () => {
        for (const usage of held) usage.drop(question.id);
      };
    },
    async ready(wanted) {
      if (wanted !== null && !isCounted(wanted)) await prepare(wanted);
    },
    async stop() {
      coming?.count.stop();
      counted?.stop();
      await counted?.keep();
    },
  };
}

interface Count {
  readonly usage: Usage;
  readonly loaded: Promise<void>;
  /** Keeps it for the next start. */
  keep(): Promise<void>;
  stop(): void;
}

/** Under which limits was counted, and with which tags where the configuration gave them. */
interface About {
  readonly limits: readonly string[];
  readonly tags: Readonly<Record<string, readonly string[]>>;
}

function startCount({ limits }: Policy, ports: CountingPorts): Count {
  const { ledger, clock } = ports;
  const usage = createUsage(limits);
  const kept = createKeptCount(ports);
  const tags: Record<string, readonly string[]> = {};
  const since = clock.now() - Math.max(0, ...limits.map(({ within_ms }) => within_ms));
  /** What comes while the earlier records are read; null from then on. */
  let early: LedgerRecord[] | null = [];
  let last = 0;
  const stop = ledger.follow((record) => {
    if (early === null) take(record);
    else early.push(record);
  });

  function take(record: LedgerRecord): void {
    const { seq, id, event } = record;
    if (seq <= last) return;
    last = seq;
    if (event.type === "submitted") hold(event.submission);
    else usage.take(id, event);
    kept.counted(record, usage.size, keptNow);
  }

  function hold(submission: Submission): void {
    const { fields, verdict } = submission;
    if (verdict?.says === "deny") return;
    usage.hold(fields.id, { ...fields, tags: verdict?.action_tags ?? tagsOf(fields.kind) });
  }

  function tagsOf(kind: string): readonly string[] {
    tags[kind] = ports.kind(kind)?.tags ?? [];
    return tags[kind];
  }

  async function load(): Promise<void> {
    const before = (await ledger.open()).filter((request) => !isFinal(request));
    const found = await kept.read(isOfUse);
    const starts = (found?.rows ?? []) as unknown as readonly Started[];
    usage.restore(starts);
    const started = new Set(starts.map(([, , id]) => id));
    for (const { submission } of before) if (!started.has(submission.fields.id)) hold(submission);
    for await (const record of ledger.records(found?.seq ?? (await ledger.lastBefore(since)))) {
      const { id, event, seq } = record;
      // One that was asked for before the first of these records, and is closed by now.
      if (event.type === "started" && !usage.isOpen(id)) {
        const request = await ledger.read(id);
        if (request !== null) hold(request.submission);
      }
      take(record);
      if (seq % SLICE === 0) await new Promise(setImmediate);
    }
    // What was started before any limit's time, and has not ended.
    for (const request of before) {
      if ("started_at" in request && usage.isOpen(request.submission.fields.id)) {
        usage.drop(request.submission.fields.id);
      }
    }
    for (const record of early ?? []) take(record);
    early = null;
  }

  function isOfUse(about: Json): boolean {
    const { limits, tags } = about as unknown as About;
    const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);
    return same(limits, usage.words()) && Object.keys(tags).every((kind) => same(tags[kind], tagsOf(kind)));
  }

  /** Null by a wrong clock, which does not tell what counts still. */
  function keptNow(): Kept | null {
    if (ports.guard.isFrozen()) return null;
    const about: About = { limits: usage.words(), tags };
    return { about: about as unknown as Json, rows: usage.started(clock.now()) as unknown as Json[] };
  }

  async function keep(): Promise<void> {
    const now = early === null ? keptNow() : null;
    if (now !== null) await kept.write(now);
  }

  return { usage, keep, stop, loaded: load() };
}

function countedOf({ kind, params, action_tags, requester, on_behalf_of }: Question): Counted {
  return { kind, params, tags: action_tags, requester, on_behalf_of };
}
