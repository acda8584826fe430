import { Fault } from "../../core/codes.ts";
import type { RequestView } from "../../core/view.ts";
import type { Action, Asked, Countersign } from "./countersign.ts";
import { errorOf, type NotDoneError } from "./outcomes.ts";

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

type Wanted = Pick<Action, "kind" | "params" | "title" | "key" | "previous" | "token">;

/** A yes that is not used yet. Without a token somebody else asked first, and carries it out. */
export interface Consent {
  readonly request: RequestView;
  readonly token: string | null;
}

/**
 * Asks for an action that the caller executes, and waits. Gives the no as an error; rejects where it cannot be asked. What
 * somebody else asked first is waited for until it is carried out; with `decision` until it may be, as for one's own.
 */
export async function seekConsent(
  countersign: Countersign,
  { kind, params = {}, title, key, previous, token: kept }: Wanted,
  options: ConsentOptions,
  until: "outcome" | "decision" = "outcome",
): Promise<Consent | NotDoneError> {
  const { requester, on_behalf_of, expires_in_ms, timeout_ms, signal, onAsk, onDecide } = options;
  signal?.throwIfAborted();
  const waiting = { ...(timeout_ms !== undefined && { timeout_ms }), ...(signal && { signal }) };
  const asked = await countersign.request({
    kind,
    params,
    ...(title !== undefined && { title }),
    ...(key !== undefined && { key }),
    ...(kept !== undefined && { token: kept }),
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
  if (request.status === "pending") await hear(() => onAsk?.(request));
  const isOthers = token === null && until === "outcome";
  const decided = await (isOthers ? othersOutcome(request.id) : decision());
  if (decided.decision !== null) await hear(() => onDecide?.(decided));
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
      const gone = await withdraw(countersign, asked, "nobody waits for it any more");
      if (!(gone && error instanceof Fault && error.code === "no_answer")) throw error;
      const said = `Nobody decided on ${request.id} in time, so it was withdrawn.`;
      throw new Fault("no_answer", said, "Ask again, with a longer timeout_ms.", { cause: error });
    }
  }

  /** Who cannot be told of it is nobody to act on a yes. */
  async function hear(tell: () => unknown): Promise<void> {
    try {
      await tell();
    } catch (error) {
      await withdraw(countersign, asked, "who asked could not take it");
      throw error;
    }
  }
}

/** Whether it was withdrawn. */
export async function withdraw(
  countersign: Countersign,
  { request, token }: Pick<Asked, "request" | "token">,
  reason: string,
): Promise<boolean> {
  if (token === null && request.executor === "caller") return false;
  const said = countersign.cancel(request.id, { reason, ...(token !== null && { token }) });
  return said.then(
    ({ status }) => status === "cancelled",
    () => false,
  );
}
