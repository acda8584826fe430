import { Fault } from "../../core/codes.ts";
import type { Json, JsonObject } from "../../core/json.ts";
import type { RequestView } from "../../core/view.ts";
import type { Asked, Countersign } from "./countersign.ts";
import { errorOf, type NotDoneError } from "./outcomes.ts";

/** What a gated function is told of the approval that it runs by. */
export interface Approved {
  readonly id: string;
  readonly digest: string;
  readonly action_digest: string;
  /** Proves to a tool that this very action was approved: see `verifyGrant`. */
  readonly grant: string;
  /** Who approved; null where the policy allowed it. */
  readonly reviewer: string | null;
  /** The same however often this one action is tried at its receiver. */
  readonly idempotency_key: string;
}

/** The params are those that were approved: a person may have changed them. */
export type Act<Params, Result> = (params: Params, approved: Approved) => Promise<Result> | Result;

export interface GuardOptions<Params, Result> {
  /** An action that the configuration has with `caller: true`. */
  readonly kind: string;
  readonly title?: string | ((params: Params) => string);
  readonly key?: (params: Params) => string;
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
  /** Called instead of throwing when the answer is no; what it gives is the result. */
  readonly onDeny?: (error: NotDoneError) => Result | Promise<Result>;
}

export function createGuard<Params extends JsonObject, Result>(
  countersign: Countersign,
  action: string | GuardOptions<Params, Result>,
  act: Act<Params, Result>,
): (params: Params) => Promise<Result> {
  const options: GuardOptions<Params, Result> = typeof action === "string" ? { kind: action } : action;

  return async (params) => {
    const asked = await countersign.request(actionOf(options, params));
    const { request, token } = asked;
    if (request.executor === "daemon") {
      if (asked.created) await withdraw(asked, "it cannot be executed by who asked");
      throw new Fault(
        "not_caller",
        `The daemon itself executes ${request.kind}, so no function of the caller's can stand for it.`,
        "Give the action `caller: true` in countersign.yaml, or use `request` and `outcome`.",
      );
    }
    options.onAsk?.(request);
    const decided = token === null ? await othersOutcome(request.id) : await decision(asked);
    if (decided.decision !== null) await told(asked, decided);
    const error = errorOf(decided);
    if (error !== null) {
      if (options.onDeny === undefined) throw error;
      return options.onDeny(error);
    }
    // Somebody else asked first, and has done it: one outcome for all who ask.
    if (token === null) return decided.result as Result;
    return carryOut(decided, token);
  };

  /** Only who asked first can claim an approval: everyone else gets what came of it. */
  async function othersOutcome(id: string): Promise<RequestView> {
    const { timeout_ms, signal } = options;
    try {
      await countersign.outcome(id, { ...(timeout_ms && { timeout_ms }), ...(signal && { signal }) });
    } catch (error) {
      if (error instanceof Fault || options.signal?.aborted) throw error;
    }
    return countersign.show(id);
  }

  async function decision(asked: Asked): Promise<RequestView> {
    const { timeout_ms, signal } = options;
    try {
      const waiting = { ...(timeout_ms && { timeout_ms }), ...(signal && { signal }) };
      return await countersign.wait(asked.request.id, waiting);
    } catch (error) {
      // Nobody is left who would act on a yes.
      await withdraw(asked, "nobody waits for it any more");
      throw error;
    }
  }

  async function told(asked: Asked, decided: RequestView): Promise<void> {
    try {
      await options.onDecide?.(decided);
    } catch (error) {
      await withdraw(asked, "who asked could not take the decision");
      throw error;
    }
  }

  async function carryOut({ id, digest, action_digest, decision: said }: RequestView, token: string) {
    const { grant } = await countersign.grant(id, token);
    const claimed = await countersign.claim(id, { token, grant });
    // Until here somebody may have taken it back.
    if (claimed.status !== "executing") throw errorOf(claimed) ?? new Fault("not_approved");
    const approved = {
      id,
      digest,
      action_digest,
      grant,
      reviewer: said?.reviewer ?? null,
      idempotency_key: id,
    };
    let result: Result;
    try {
      result = await act(claimed.params as Params, approved);
    } catch (error) {
      await report(id, { token, failed: sentenceOf(error) });
      throw error;
    }
    await report(id, { token, result: jsonOf(result) });
    return result;
  }

  /**
   * What cannot be reported is not undone by that: the daemon shows it to a person as an unknown outcome, and the caller
   * gets what it did.
   */
  async function report(id: string, said: Parameters<Countersign["complete"]>[1]): Promise<void> {
    await countersign.complete(id, said).catch(() => {});
  }

  async function withdraw({ request, token }: Asked, reason: string): Promise<void> {
    if (token === null && request.executor === "caller") return;
    await countersign.cancel(request.id, { reason, ...(token !== null && { token }) }).catch(() => {});
  }
}

function actionOf<Params extends JsonObject>(
  {
    kind,
    title,
    key,
    requester,
    on_behalf_of,
    expires_in_ms,
  }: GuardOptions<Params, never> | GuardOptions<Params, unknown>,
  params: Params,
) {
  const named = typeof title === "function" ? title(params) : title;
  return {
    kind,
    params,
    ...(named !== undefined && { title: named }),
    ...(key !== undefined && { key: key(params) }),
    ...(requester !== undefined && { requester }),
    ...(on_behalf_of !== undefined && { on_behalf_of }),
    ...(expires_in_ms !== undefined && { expires_in_ms }),
  };
}

function sentenceOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return (text.trim() === "" ? "It failed without saying why." : text).slice(0, 4_000);
}

/** What JSON has no form for is left out, as everywhere in JavaScript. */
function jsonOf(result: unknown): Json {
  try {
    return JSON.parse(JSON.stringify(result) ?? "null") as Json;
  } catch {
    return null;
  }
}
