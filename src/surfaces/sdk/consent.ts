import { inspect } from "node:util";
import { Fault } from "../../core/codes.ts";
import type { Json, JsonObject } from "../../core/json.ts";
import type { Reported } from "../../core/request.ts";
import type { RequestView } from "../../core/view.ts";
import type { Action, Asked, Countersign } from "./countersign.ts";
import { DoubtfulError, errorOf, type NotDoneError, OutcomeUnknownError } from "./outcomes.ts";

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

export interface ConsentOptions {
  readonly requester?: string;
  readonly on_behalf_of?: string;
  readonly expires_in_ms?: number;
  /** How long to wait for the decision; the request is withdrawn when it is over. */
  readonly timeout_ms?: number;
  /** Withdraws the request when it aborts. */
  readonly signal?: AbortSignal;
  /** Told of the request once it waits for a decision: to say where. */
  readonly onAsk?: (request: RequestView) => void;
  /** Told of the decision before anything is done; when it throws, nothing is done. */
  readonly onDecide?: (request: RequestView) => void | Promise<void>;
}

/** A yes that is not used yet. Without a token somebody else asked first, and the request has what came of it. */
export interface Consent {
  readonly request: RequestView;
  readonly token: string | null;
}

/** Asks for an action that the caller executes, and waits. Gives the no as an error; rejects where it cannot be asked. */
export async function seekConsent(
  countersign: Countersign,
  { kind, params = {}, title, key, previous }: Pick<Action, "kind" | "params" | "title" | "key" | "previous">,
  options: ConsentOptions,
): Promise<Consent | NotDoneError> {
  const { requester, on_behalf_of, expires_in_ms, timeout_ms, signal, onAsk, onDecide } = options;
  const waiting = { ...(timeout_ms !== undefined && { timeout_ms }), ...(signal && { signal }) };
  const asked = await countersign.request({
    kind,
    params,
    ...(title !== undefined && { title }),
    ...(key !== undefined && { key }),
    ...(previous !== undefined && { previous }),
    ...(requester !== undefined && { requester }),
    ...(on_behalf_of !== undefined && { on_behalf_of }),
    ...(expires_in_ms !== undefined && { expires_in_ms }),
  });
  const { request, token } = asked;
  if (request.executor === "daemon") {
    if (asked.created) await withdraw(countersign, asked, "it cannot be executed by who asked");
    throw new Fault(
      "not_caller",
      `The daemon itself executes ${request.kind}, so no function of the caller's can stand for it.`,
      "Give the action `caller: true` in countersign.yaml, or use `request` and `outcome`.",
    );
  }
  onAsk?.(request);
  const decided = await (token === null ? othersOutcome(request.id) : decision());
  if (decided.decision !== null) await told(decided);
  return errorOf(decided) ?? { request: decided, token };

  /** Only who asked first can claim an approval: everyone else gets what came of it. */
  async function othersOutcome(id: string): Promise<RequestView> {
    try {
      await countersign.outcome(id, waiting);
    } catch (error) {
      if (error instanceof Fault || signal?.aborted) throw error;
    }
    return countersign.show(id);
  }

  async function decision(): Promise<RequestView> {
    try {
      return await countersign.wait(request.id, waiting);
    } catch (error) {
      // Nobody is left who would act on a yes.
      await withdraw(countersign, asked, "nobody waits for it any more");
      throw error;
    }
  }

  async function told(request: RequestView): Promise<void> {
    try {
      await onDecide?.(request);
    } catch (error) {
      await withdraw(countersign, asked, "who asked could not take the decision");
      throw error;
    }
  }
}

/** Uses a yes: claims it, does what was approved, and reports what came of it. */
export async function carryOut<Params extends JsonObject, Result>(
  countersign: Countersign,
  { request, token }: Consent,
  act: Act<Params, Result>,
): Promise<Result> {
  // Somebody else asked first, and has done it: one outcome for all who ask.
  if (token === null) return request.result as Result;
  const { id, digest, action_digest, decision } = request;
  const { grant } = await countersign.grant(id, token);
  const claimed = await countersign.claim(id, { token, grant });
  // Until here somebody may have taken it back.
  if (claimed.status !== "executing") throw errorOf(claimed) ?? new Fault("not_approved");
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

/** Whether a result is too large for the record, or has no one form there. */
function isNotTaken(error: unknown): boolean {
  return error instanceof Fault && (error.code === "too_large" || error.code === "invalid_json");
}

async function withdraw(countersign: Countersign, { request, token }: Asked, reason: string): Promise<void> {
  if (token === null && request.executor === "caller") return;
  await countersign.cancel(request.id, { reason, ...(token !== null && { token }) }).catch(() => {});
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
