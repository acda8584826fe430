import type { Event } from "../../src/core/event.ts";
import type { Request, Submission } from "../../src/core/request.ts";
import { step } from "../../src/core/transitions.ts";
import type { EmbeddedJournal } from "../../src/ledger/embedded-journal.ts";
import type { LedgerRecord } from "../../src/ledger/record.ts";
import { sampleEvent, sampleSubmission } from "../sample.ts";

/** A small generator of chance that a failure can be told again with (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function idOf(n: number): string {
  return `20261121-091403-payment-${String(n).padStart(6, "0")}`;
}

function submissionOf(n: number): Submission {
  return sampleSubmission({ id: idOf(n), key: n % 3 === 0 ? null : `key-${n}` });
}

/** The whole life of request `n`, from submission to archive. */
export const LIFE = ["submitted", "approved", "started", "executed", "archived"] as const;

export function eventsOf(n: number, types: readonly Event["type"][] = LIFE): Event[] {
  return types.map((type, second) => sampleEvent(type, submissionOf(n), second));
}

/** Appends a request's events one by one. */
export async function live(journal: EmbeddedJournal, n: number, types: readonly Event["type"][] = LIFE) {
  const from = (await journal.read(idOf(n)))?.revision ?? 0;
  let request: Request | null = null;
  for (const [index, event] of eventsOf(n, types).entries()) {
    request = await journal.append(idOf(n), from + index, [event]);
  }
  return request;
}

const SOME: readonly Event["type"][] = [
  "submitted",
  "approved",
  "rejected",
  "started",
  "executed",
  "outcome_lost",
  "resolved_did_not",
  "cancelled",
  "refused",
  "archived",
];

/** An event that the core allows now, picked by chance. */
export function allowedEvent(request: Request | null, n: number, random: () => number): Event {
  const events = SOME.map((type) => sampleEvent(type, submissionOf(n), request?.revision ?? 0));
  const allowed = events.filter((event) => step(request, event).ok);
  const event = allowed[Math.floor(random() * allowed.length)];
  if (event === undefined) throw new Error("there is always something that can be said to a request");
  return event;
}

export async function recordsOf(journal: EmbeddedJournal, after = 0): Promise<LedgerRecord[]> {
  const records: LedgerRecord[] = [];
  for await (const record of journal.records(after)) records.push(record);
  return records;
}

/** Everything that can be asked of a journal about the first `count` requests. */
export async function tellAll(journal: EmbeddedJournal, count: number) {
  const ids = Array.from({ length: count }, (_, n) => idOf(n));
  const requests = await Promise.all(ids.map((id) => journal.read(id)));
  return {
    requests: requests.map((request) => JSON.parse(JSON.stringify(request)) as Request | null),
    open: (await journal.open()).map((request) => request.submission.fields.id),
    keys: await Promise.all(ids.map((_, n) => journal.findKey("billing-agent", `key-${n}`))),
    head: journal.head(),
    records: await recordsOf(journal),
  };
}
