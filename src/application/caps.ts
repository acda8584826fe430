import { Fault } from "../core/codes.ts";
import type { RequestId, Status } from "../core/request.ts";
import { TRANSITIONS } from "../core/transitions.ts";
import type { Clock, Ledger, LedgerRecord, Log } from "../daemon/ports.ts";
import { type CountStore, createKeptCount, type Kept } from "./kept-count.ts";

/** How much of the reviewers' time one requester may ask for; null for as much as it likes. */
export interface CapSettings {
  /** How many of its requests may wait for a decision at a time. */
  readonly open: number | null;
  /** How many it may make within an hour that need a person. */
  readonly per_hour: number | null;
}

export interface CapsPorts {
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly log: Log;
  /** Where it is kept over restarts what was asked for. */
  readonly store: CountStore;
  readonly settings: CapSettings;
  /** Tells the reviewers how many were refused, in a sentence; null once there were none for a while. */
  readonly onRefused: (text: string | null) => void;
}

export interface Caps {
  /** Counts a request that needs a person; gives what takes it back, for one that is not recorded. Gives over_limit. */
  admit(id: RequestId, requester: string): () => void;
  /** Resolves once what was asked for before this start is counted. */
  readonly ready: Promise<void>;
  stop(): Promise<void>;
}

const HOUR_MS = 3_600_000;
/** What is kept: who asked for which request, and when. */
const ABOUT = "asked within an hour";
/** More requesters than these are told of as one. */
const TOLD = 5;

/** Nobody is held to anything. */
export const NO_CAPS: Caps = { admit: () => () => {}, ready: Promise.resolve(), async stop() {} };

/**
 * Keeps a requester that asks too much from burying the reviewers: what goes over a cap is refused and not recorded, and
 * the reviewers are told once how many there were.
 */
export function createCaps(ports: CapsPorts): Caps {
  const { ledger, clock, settings, onRefused } = ports;
  if (settings.open === null && settings.per_hour === null) return NO_CAPS;
  const statuses = new Map<RequestId, { readonly requester: string; status: Status }>();
  const waiting = new Map<string, number>();
  /** When each requester asked for what within the last hour, the oldest first. */
  const asked = new Map<string, Map<RequestId, number>>();
  const kept = createKeptCount(ports);
  const refused = createRefused(clock, settings, onRefused);
  let last = 0;
  let early: LedgerRecord[] | null = [];
  const stop = ledger.follow((record) => {
    if (early === null) take(record);
    else early.push(record);
  });

  function put(id: RequestId, requester: string, status: Status): void {
    const before = statuses.get(id)?.status;
    const [was, is] = [before === "pending" ? 1 : 0, status === "pending" ? 1 : 0];
    if (was !== is) waiting.set(requester, (waiting.get(requester) ?? 0) + is - was);
    if (isOver(status)) statuses.delete(id);
    else statuses.set(id, { requester, status });
  }

  function ask(id: RequestId, requester: string, at: number): void {
    const times = asked.get(requester) ?? new Map<RequestId, number>();
    asked.set(requester, times);
    if (!times.has(id)) times.set(id, at);
  }

  function take(record: LedgerRecord): void {
    if (record.seq <= last) return;
    last = record.seq;
    count(record);
    if (settings.per_hour !== null) kept.counted(record, size, keptNow);
  }

  function count({ id, event }: LedgerRecord): void {
    if (event.type === "submitted") {
      const { fields, verdict } = event.submission;
      if (verdict !== undefined && verdict.says !== "require_approval") return;
      ask(id, fields.requester, Date.parse(event.at));
      put(id, fields.requester, "pending");
      return;
    }
    const known = statuses.get(id);
    if (known === undefined) return;
    const row: Partial<Record<string, Status>> = TRANSITIONS[known.status];
    put(id, known.requester, row[event.type] ?? known.status);
  }

  async function load(): Promise<void> {
    for (const { submission, status } of await ledger.open()) {
      const { id, requester } = submission.fields;
      put(id, requester, status);
    }
    const since = settings.per_hour === null ? Number.POSITIVE_INFINITY : clock.now() - HOUR_MS;
    const found = settings.per_hour === null ? null : await kept.read((about) => about === ABOUT);
    for (const row of found?.rows ?? []) ask(...(row as [RequestId, string, number]));
    for await (const record of ledger.records(found?.seq ?? (await ledger.lastBefore(since)))) {
      const { event, id, seq } = record;
      last = seq;
      kept.counted(record, size, keptNow);
      if (event.type !== "submitted" || Date.parse(event.at) <= since) continue;
      const { fields, verdict } = event.submission;
      if (verdict === undefined || verdict.says === "require_approval") {
        ask(id, fields.requester, Date.parse(event.at));
      }
    }
    for (const record of early ?? []) take(record);
    early = null;
  }

  const size = () => [...asked.values()].reduce((sum, times) => sum + times.size, 0);

  function keptNow(): Kept {
    const since = clock.now() - HOUR_MS;
    const rows = [...asked].flatMap(([requester, times]) =>
      [...times].flatMap(([id, at]) => (at > since ? [[id, requester, at]] : [])),
    );
    return { about: ABOUT, rows };
  }

  function check(requester: string): void {
    const now = clock.now();
    const times = asked.get(requester) ?? new Map<RequestId, number>();
    for (const [id, at] of times) {
      if (at > now - HOUR_MS) break;
      times.delete(id);
    }
    if (times.size === 0) asked.delete(requester);
    const { open, per_hour } = settings;
    if (open !== null && (waiting.get(requester) ?? 0) >= open) {
      refused.count(requester);
      const message = `${requester} has ${open} requests waiting for a decision, and no more may wait at a time.`;
      throw new Fault("over_limit", message, "Wait until some of them are decided, or withdraw some.");
    }
    if (per_hour !== null && times.size >= per_hour) {
      refused.count(requester);
      const again = new Date(([...times.values()].at(-per_hour) ?? now) + HOUR_MS).toISOString();
      const message = `${requester} has asked ${times.size} times within an hour, and may not ask more often.`;
      throw new Fault("over_limit", message, `Ask again after ${again}.`);
    }
  }

  return {
    admit(id, requester) {
      check(requester);
      ask(id, requester, clock.now());
      put(id, requester, "pending");
      return () => {
        put(id, requester, "cancelled");
        asked.get(requester)?.delete(id);
      };
    },
    ready: load(),
    async stop() {
      stop();
      refused.stop();
      if (early === null && settings.per_hour !== null) await kept.write(keptNow());
    },
  };
}

/** What was refused since the last quiet hour, told as one sentence. */
function createRefused(clock: Clock, { open, per_hour }: CapSettings, tell: (text: string | null) => void) {
  const counts = new Map<string, number>();
  let since = "";
  let cancel = () => {};

  return {
    count(requester: string): void {
      if (counts.size === 0) since = new Date(clock.now()).toISOString().replace(/\.\d+Z$/, "Z");
      counts.set(requester, (counts.get(requester) ?? 0) + 1);
      const told = [...counts].slice(0, TOLD).map(([name, count]) => `${count} by ${name}`);
      const more = counts.size > TOLD ? [`and more by ${counts.size - TOLD} others`] : [];
      const caps = [
        ...(open === null ? [] : [`${open} may wait at a time`]),
        ...(per_hour === null ? [] : [`${per_hour} may be asked within an hour`]),
      ].join(", and ");
      tell(
        `Requests were refused since ${since}: ${[...told, ...more].join(", ")} (of each requester ${caps}).`,
      );
      cancel();
      cancel = clock.after(HOUR_MS, () => {
        counts.clear();
        tell(null);
      });
    },
    stop: () => cancel(),
  };
}

function isOver(status: Status): boolean {
  return (
    status !== "pending" && status !== "approved" && status !== "executing" && status !== "outcome_unknown"
  );
}
