import type { EffectClass } from "../core/request.ts";
import type { Answer } from "../outgoing/post.ts";
import { postSigned, type Receiver } from "../outgoing/signed-post.ts";
import { fillUrl } from "../outgoing/url-template.ts";
import { type ActionJob, actionDocument, timeFor } from "./action-document.ts";
import type { CommandOutcome } from "./command-outcome.ts";
import { cutResult, resultOf } from "./result.ts";

/** What the configuration says about the receiver. */
export interface HttpSpec {
  /** Its URL may hold `{name}` for params. */
  readonly receiver: Receiver;
  readonly method: string;
  /** For the whole execution, with all of its attempts. */
  readonly timeout_ms: number;
}

export interface HttpOptions {
  /** In ms since the epoch. */
  readonly now: () => number;
  /** Between one attempt and the next, in ms: as many more attempts as there are pauses. */
  readonly pauses_ms?: readonly number[];
  /** How long a shutdown waits for an answer, in ms. */
  readonly shutdown_grace_ms?: number;
}

export interface HttpJob extends ActionJob {
  readonly effect: EffectClass;
}

const PAUSES_MS = [1_000, 4_000, 10_000];
/** Of the answer, as of a command's output. */
const BODY_LIMIT_BYTES = 1_048_576;
const WORDS_CHARACTERS = 2_000;

/**
 * Carries an action out by one signed request. 2xx is `executed` with the body as the result (JSON, or else text); a
 * client error and what was never sent is `failed`; everything else is `unknown`, since it may have happened. Only for
 * actions of which a second try is harmless the same bytes are sent again under the same key, each attempt recorded first.
 * Never rejects.
 */
export function createHttpHandler(options: HttpOptions) {
  const { now, pauses_ms = PAUSES_MS, shutdown_grace_ms = 4_000 } = options;

  return async (
    job: HttpJob,
    spec: HttpSpec,
    shutdown: AbortSignal,
    again: (number: number, because: string) => Promise<boolean>,
  ): Promise<CommandOutcome> => {
    if (shutdown.aborted) return failed("Countersign was shutting down.");
    const url = spec.receiver.url();
    const filled = url.ok ? fillUrl(url.text, job.params) : url;
    if (!filled.ok) return failed(`${capital(filled.why)}.`);
    const receiver = { ...spec.receiver, url: () => filled };
    const body = JSON.stringify(actionDocument(job));
    const time_ms = timeFor(job, spec.timeout_ms);
    const ends = performance.now() + time_ms;
    const pauses = job.effect === "unsafe" ? [] : pauses_ms;
    const each_ms = time_ms / (pauses.length + 1);
    const called_off = afterShutdown(shutdown, shutdown_grace_ms);
    /** What may have happened by an attempt that is over. */
    let doubt: string | null = null;
    try {
      for (let number = job.attempt.number; ; number += 1) {
        const answer = await postSigned(receiver, {
          id: job.attempt.idempotency_key,
          method: spec.method,
          body,
          headers: { "idempotency-key": job.attempt.idempotency_key, "countersign-attempt": String(number) },
          timeout_ms: Math.max(1, Math.min(each_ms, ends - performance.now())),
          body_limit_bytes: BODY_LIMIT_BYTES,
          now: now(),
          signal: called_off.signal,
        });
        const said = meaningOf(answer);
        if (said.is === "executed") return said.outcome;
        if (said.is === "unclear") doubt ??= said.why;
        const pause = pauses[number - job.attempt.number];
        const isSettled = said.is === "final" || (said.is === "unclear" && said.settled === true);
        const isOver = isSettled || pause === undefined || performance.now() + pause >= ends;
        if (isOver || !(await rest(pause, shutdown)) || !(await again(number + 1, said.why))) {
          return doubt === null ? failed(said.why) : { status: "unknown", cause: doubt };
        }
      }
    } finally {
      called_off.release();
    }
  };
}

type Meaning =
  | { readonly is: "executed"; readonly outcome: CommandOutcome }
  /** It did not happen, and would not another time. */
  | { readonly is: "final"; readonly why: string }
  /** It was not sent. */
  | { readonly is: "unsent"; readonly why: string }
  /** It may have happened; `settled` where another try would be answered in the same way. */
  | { readonly is: "unclear"; readonly why: string; readonly settled?: true };

/** Client errors that say nothing about what became of the action. */
const UNCLEAR = new Set([408, 409, 429]);

function meaningOf(answer: Answer): Meaning {
  if (answer.got === "refused") return { is: "final", why: `It was not sent: ${answer.why}.` };
  if (answer.got === "nothing") {
    return answer.sent
      ? { is: "unclear", why: `It was sent, but ${answer.why}.` }
      : { is: "unsent", why: `It was not sent: ${answer.why}.` };
  }
  const { status, body, extent } = answer;
  const words = quoted(body);
  const why = `The receiver answered HTTP ${status}${words === "" ? "." : `: ${words}`}`;
  if (status >= 200 && status < 300) {
    if (extent === "broken") return { is: "unclear", why: `${why} Then its answer broke off.` };
    const result = extent === "cut" ? cutResult(body, BODY_LIMIT_BYTES, null) : resultOf(body);
    return { is: "executed", outcome: { status: "executed", result } };
  }
  if (status >= 400 && status < 500 && !UNCLEAR.has(status)) return { is: "final", why };
  if (status >= 300 && status < 400)
    return { is: "unclear", why: `${why} Redirects are not followed.`, settled: true };
  return { is: "unclear", why };
}

function failed(why: string): CommandOutcome {
  return { status: "failed", error: why };
}

function quoted(body: string): string {
  return body.slice(0, WORDS_CHARACTERS).toWellFormed().trim();
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** A signal that comes a while after the shutdown's. */
function afterShutdown(shutdown: AbortSignal, grace_ms: number) {
  const late = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const onAbort = () => {
    timer = setTimeout(() => late.abort(), grace_ms);
  };
  shutdown.addEventListener("abort", onAbort, { once: true });
  const release = () => {
    shutdown.removeEventListener("abort", onAbort);
    clearTimeout(timer);
  };
  return { signal: late.signal, release };
}

/** Whether the pause went by without a shutdown. */
async function rest(ms: number, shutdown: AbortSignal): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const onAbort = () => resolve(false);
  shutdown.addEventListener("abort", onAbort, { once: true });
  const timer = setTimeout(resolve, ms, true);
  if (shutdown.aborted) resolve(false);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    shutdown.removeEventListener("abort", onAbort);
  }
}
