import { inspect } from "node:util";
import { Fault } from "../../core/codes.ts";
import type { Json } from "../../core/json.ts";
import type { Reported } from "../../core/request.ts";
import type { RequestView } from "../../core/view.ts";
import { type Consent, withdraw } from "./consent.ts";
import type { Countersign } from "./countersign.ts";
import {
  CancelledError,
  DoubtfulError,
  errorOf,
  FailedError,
  NotDoneError,
  OutcomeUnknownError,
} from "./outcomes.ts";

/** What a gated function is told of the approval that it runs by. */
export interface Approved {
  readonly id: string;
  readonly digest: string;
  readonly action_digest: string;
  /** Proves to a tool that this very action was approved, and is carried out now: see `verifyGrant`. */
  readonly grant: string;
  /** Who approved; null where the policy allowed it. */
  readonly reviewer: string | null;
  /** The same however often this one action is tried at its receiver. */
  readonly idempotency_key: string;
}

/** The params are those that were approved: a person may have changed them. */
export type Act<Params, Result> = (params: Params, approved: Approved) => Promise<Result> | Result;

/**
 * Uses a yes: claims it, does what was approved, and reports what came of it. Where the yes has become a no before it was
 * claimed, and nothing was done, it gives what `deny` makes of that.
 */
export async function carryOut<Params, Result>(
  countersign: Countersign,
  { request, token }: Consent,
  act: Act<Params, Result>,
  deny: (error: NotDoneError) => Result | Promise<Result> = raise,
): Promise<Result> {
  const { id, digest, action_digest, decision } = request;
  // One outcome for all who ask: somebody else asked first, or it has been done already.
  if (token === null || request.status === "executed") return outcome();
  const claimed = await claim(token);
  if (claimed === null) return outcome();
  if (claimed instanceof NotDoneError) return deny(claimed);
  const reviewer = decision?.reviewer ?? null;
  // The one from before the claim proves only that it could be claimed.
  const proof = await countersign.grant(id, token).catch(async (error: unknown) => {
    await report({ failed: "Its caller got no grant for the tool, so nothing was done." });
    throw error;
  });
  let result: Result;
  try {
    const approved = { id, digest, action_digest, grant: proof.grant, reviewer, idempotency_key: id };
    result = await act(claimed.params as Params, approved);
  } catch (error) {
    await report(isDoubtful(error) ? { unknown: sentenceOf(error) } : { failed: sentenceOf(error) });
    throw error;
  }
  await report({ result: jsonOf(result) });
  return result;

  async function outcome(): Promise<Result> {
    return (request.status === "executed" ? request.result : await countersign.outcome(id)) as Result;
  }

  /** Null where another process with the same token was first; the no where nobody has begun it, nor ever will. */
  async function claim(token: string): Promise<RequestView | NotDoneError | null> {
    let found: RequestView;
    let refused = new Fault("not_approved");
    try {
      const { grant } = await countersign.grant(id, token);
      found = await countersign.claim(id, { token, grant });
      if (found.status === "executing") return found;
    } catch (error) {
      if (!(error instanceof Fault) || error.code === "unreachable") throw error;
      refused = error;
      found = await countersign.show(id);
      if (found.status === "executing" || found.status === "executed") return null;
    }
    // Taken back, sent back to people or out of time. Nobody is left who would act on another yes.
    const why = whyNoMore(found, refused);
    if (why !== null) {
      const gone = await withdraw(countersign, { request, token }, why);
      found = await countersign.show(id);
      if (gone) return new CancelledError(found, `${why}, so it was withdrawn`, null);
    }
    const no = errorOf(found);
    // A process with the same token has tried it in the meantime: that is no answer of anybody's.
    if (no === null || no instanceof FailedError || no instanceof OutcomeUnknownError) throw no ?? refused;
    return no;
  }

  /**
   * What cannot be reported is not undone by that: the daemon shows it to a person as an unknown outcome, and the caller
   * gets what it did.
   */
  async function report(said: Reported): Promise<void> {
    const tell = (what: Reported) => countersign.complete(id, { token: token ?? "", ...what });
    await tell(said)
      .catch(async (error: unknown) => {
        if (!("result" in said && isNotTaken(error))) throw error;
        const { recordableResult } = await import("../../document/recordable.ts");
        return tell({ result: recordableResult(said.result) });
      })
      .catch(() => {});
  }
}

/** Why nobody begins it any more that has not ended yet; null where somebody may. */
function whyNoMore({ status }: RequestView, { code }: Fault): string | null {
  if (status === "pending") return "its approval was taken back";
  return status === "approved" && code === "grant_expired" ? "its approval was not used in time" : null;
}

export function raise(error: Error): never {
  throw error;
}

/** Whether a result is too large for the record, or has no one form there. */
function isNotTaken(error: unknown): boolean {
  return error instanceof Fault && (error.code === "too_large" || error.code === "invalid_json");
}

/** What broke off in the middle may have done its work: a time-out, an abort, a connection that ended before an answer. */
function isDoubtful(error: unknown, depth = 0): boolean {
  // Not by its class alone: some test runners and sandboxes have error classes of their own.
  if (typeof error !== "object" || error === null || depth > 4) return false;
  if (error instanceof DoubtfulError || error instanceof OutcomeUnknownError) return true;
  const { name, code, signal, cause, errors } = error as Readonly<Record<string, unknown>>;
  if ([name, code].some((word) => typeof word === "string" && BROKEN_OFF.has(word))) return true;
  // A program that was killed, as node:child_process tells it.
  if (typeof signal === "string") return true;
  return [cause, ...(Array.isArray(errors) ? errors : [])].some((inner) => isDoubtful(inner, depth + 1));
}

const BROKEN_OFF: ReadonlySet<string> = new Set([
  "AbortError",
  "TimeoutError",
  "ECONNABORTED",
  "ECONNRESET",
  "EPIPE",
  "ERR_CANCELED",
  "ERR_HTTP2_STREAM_ERROR",
  "ERR_STREAM_PREMATURE_CLOSE",
  "ETIMEDOUT",
  "UND_ERR_ABORTED",
  "UND_ERR_SOCKET",
  "UND_ERR_HEADERS_TIMEOUT",
  "UND_ERR_BODY_TIMEOUT",
]);

/** As many characters as the record takes of an error's words. */
const WORDS_LIMIT = 4_000;

function sentenceOf(error: unknown): string {
  const message = typeof error === "object" && error !== null && "message" in error ? error.message : error;
  const text = typeof message === "string" ? message : inspect(message);
  return text.trim() === "" ? "It failed without saying why." : text.slice(0, WORDS_LIMIT).toWellFormed();
}

/** What JSON has no form for is left out, as everywhere in JavaScript; as a whole it is described. */
function jsonOf(result: unknown): Json {
  try {
    return JSON.parse(JSON.stringify(result) ?? "null") as Json;
  } catch {
    return inspect(result);
  }
}
