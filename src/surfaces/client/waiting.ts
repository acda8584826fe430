import { setTimeout as sleep } from "node:timers/promises";
import { Fault } from "../../core/codes.ts";
import type { JsonObject } from "../../core/json.ts";
import type { Status } from "../../core/request.ts";
import type { RequestView } from "../../core/view.ts";
import { type Question, requestPath } from "./connection.ts";

/** One long poll; short enough that a daemon that hangs is noticed, long enough to cost nothing. */
const POLL_MS = 30_000;

/** While the daemon is away: from quick, for a restart, to once a second. */
export const FIRST_RETRY_MS = 50;
export const LAST_RETRY_MS = 1_000;

const UNDECIDED: readonly Status[] = ["pending", "approved", "executing"];

export interface WaitOptions {
  /** Null: for ever. */
  readonly timeout_ms: number | null;
  /** Told once, when the daemon is first missed. */
  readonly onAway?: () => void;
  /** For those who cannot claim an approval it is no news. */
  readonly until?: "outcome";
  readonly signal?: AbortSignal;
}

/**
 * Waits until there is something to report about a request, over as many long polls and daemon restarts as it takes.
 * Rejects with `no_answer` when the time is over, and with the signal's reason when that aborts.
 */
export async function waitForNews(
  ask: (question: Question) => Promise<JsonObject>,
  id: string,
  { timeout_ms, onAway, until, signal }: WaitOptions,
): Promise<RequestView> {
  const end = timeout_ms === null ? Number.POSITIVE_INFINITY : performance.now() + timeout_ms;
  let retry_ms = FIRST_RETRY_MS;
  let known: RequestView | null = null;
  let away = false;
  for (;;) {
    const begun = performance.now();
    const left = Math.max(0, end - begun);
    let pause_ms: number;
    try {
      const before: Status | null = known?.status ?? null;
      known = await poll(ask, id, Math.min(left, POLL_MS), {
        ...(until && { until }),
        ...(signal && { signal }),
      });
      // A rejection may still get its reason; asked again, the daemon answers when it is complete.
      const complete = known.status !== "rejected" || before === "rejected" || left === 0;
      if (isNews(known, until) && complete) return known;
      // A daemon that is closing answers at once; the pause keeps that from becoming a storm of questions.
      pause_ms = performance.now() - begun < FIRST_RETRY_MS ? FIRST_RETRY_MS : 0;
      retry_ms = FIRST_RETRY_MS;
    } catch (error) {
      if (!(error instanceof Fault) || error.code !== "unreachable") throw error;
      if (!away) onAway?.();
      away = true;
      pause_ms = retry_ms;
      retry_ms = Math.min(retry_ms * 2, LAST_RETRY_MS);
    }
    if (performance.now() >= end) throw outOfTime(id, known);
    if (pause_ms > 0) await sleep(Math.min(pause_ms, Math.max(0, end - performance.now())));
    signal?.throwIfAborted();
  }
}

function isNews({ status, executor, opens }: RequestView, until?: "outcome"): boolean {
  if (!UNDECIDED.includes(status)) return true;
  if (until !== undefined || status !== "approved" || executor !== "caller") return false;
  return opens === null || Date.parse(opens) <= Date.now();
}

async function poll(
  ask: (question: Question) => Promise<JsonObject>,
  id: string,
  wait_ms: number,
  { until, signal }: { until?: "outcome"; signal?: AbortSignal },
): Promise<RequestView> {
  const path = requestPath(id, `/wait?timeout_ms=${Math.ceil(wait_ms)}${until ? `&until=${until}` : ""}`);
  const answer = await ask({ method: "GET", path, wait_ms, ...(signal && { signal }) });
  return answer as unknown as RequestView;
}

function outOfTime(id: string, known: RequestView | null): Fault {
  const message =
    known === null ? `No daemon answered about ${id} in time.` : `${id} is still ${known.status}.`;
  return new Fault("no_answer", message, `\`countersign wait ${id}\` goes on waiting.`);
}
