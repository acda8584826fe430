import { isFinal, type Submission } from "./core/request.ts";
import type { Clock, KindSettings, Ledger, LedgerRecord, Log, Question } from "./daemon/ports.ts";
import { firstSince } from "./looking-back.ts";
import type { Counted, Used } from "./policy/limits.ts";
import type { Policy } from "./policy/policy.ts";
import { createUsage, type Usage } from "./policy/usage.ts";

export interface CountingPorts {
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly log: Log;
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
  stop(): void;
}

/** How many are taken before decisions that wait get their turn. */
const SLICE = 100;

/**
 * Keeps count of what policies limit. At a start, and for a policy with other limits, the ledger is read as far back as
 * the longest limit reaches; from then on every record is taken as it comes.
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
    besides: ({ id }) => counted?.usage.besides(id, ports.clock.now()) ?? (() => null),
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
    stop() {
      coming?.count.stop();
      counted?.stop();
    },
  };
}

interface Count {
  readonly usage: Usage;
  readonly loaded: Promise<void>;
  stop(): void;
}

function startCount({ limits }: Policy, { ledger, clock, kind }: CountingPorts): Count {
  const usage = createUsage(limits);
  const since = clock.now() - Math.max(0, ...limits.map(({ within_ms }) => within_ms));
  /** What comes while the earlier records are read; null from then on. */
  let early: LedgerRecord[] | null = [];
  let last = 0;
  const stop = ledger.follow((record) => {
    if (early === null) take(record);
    else early.push(record);
  });

  function take({ seq, id, event }: LedgerRecord): void {
    if (seq <= last) return;
    last = seq;
    if (event.type === "submitted") hold(event.submission);
    else usage.take(id, event);
  }

  function hold(submission: Submission): void {
    const { fields, verdict } = submission;
    if (verdict?.says === "deny") return;
    const tags = verdict?.action_tags ?? kind(fields.kind)?.tags ?? [];
    usage.hold(fields.id, { ...fields, tags });
  }

  async function load(): Promise<void> {
    const before = (await ledger.open()).filter((request) => !isFinal(request));
    for (const { submission } of before) hold(submission);
    for await (const record of ledger.records(await firstSince(ledger, since))) {
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

  return { usage, stop, loaded: load() };
}

function countedOf({ kind, params, action_tags, requester, on_behalf_of }: Question): Counted {
  return { kind, params, tags: action_tags, requester, on_behalf_of };
}
