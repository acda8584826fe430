import { Fault } from "../../core/codes.ts";
import type { JsonObject } from "../../core/json.ts";
import { type Act, carryOut } from "./carrying-out.ts";
import { type Consent, type ConsentOptions, seekConsent } from "./consent.ts";
import type { Countersign } from "./countersign.ts";
import { ChangesRequestedError, NotDoneError } from "./outcomes.ts";

export interface ToolGateOptions extends ConsentOptions {
  /** The kind of action that a tool's calls are (default: its name). */
  readonly kind?: (tool: string) => string;
  readonly title?: (tool: string, params: JsonObject) => string;
}

/** A tool's call, as a model asked for it. */
interface ToolCall {
  readonly id: string;
  readonly tool: string;
  readonly params: JsonObject;
}

export type ToolAnswer =
  | { readonly approved: true; readonly request: string }
  | { readonly approved: false; readonly reason: string };

/** A tool's function was called without the approval that its call needs. */
export class NotApprovedError extends Error {
  constructor(message = "This call was not approved, so nothing was done.") {
    super(message);
    this.name = "NotApprovedError";
  }
}

/** Stands between a framework that asks whether a call may run, and the function that it then runs. */
export interface ToolGate {
  /** Asks, and waits. What cannot be asked is a no, with what to tell the model. */
  decide(call: ToolCall): Promise<ToolAnswer>;
  /**
   * Runs a function for a call that was approved, with the params that were approved, and once; refuses every other. Where
   * a framework goes over its steps again, here or in another process, `request` has what came of it.
   */
  run<Params, Result>(
    callId: string | undefined,
    act: Act<Params, Result>,
    request?: string,
  ): Promise<Result>;
}

/** A yes, and the calls that it is for: equal ones that wait at the same time are one request. */
interface Shared {
  consent: Consent;
  calls: number;
  running: Promise<unknown> | null;
}

export function createToolGate(countersign: Countersign, options: ToolGateOptions = {}): ToolGate {
  const byCall = new Map<string, Shared>();
  const byRequest = new Map<string, Shared>();
  const { kind = (tool) => tool, title } = options;

  return {
    async decide({ id, tool, params }) {
      try {
        const action = { kind: kind(tool), params, ...(title && { title: title(tool, params) }) };
        const consent = await seekConsent(countersign, action, options, "decision");
        if (consent instanceof NotDoneError) return { approved: false, reason: toModel(consent) };
        byCall.set(id, share(consent));
        return { approved: true, request: consent.request.id };
      } catch (error) {
        const because = sentence(error instanceof Error ? error.message : String(error));
        const asked = options.signal?.aborted || (error instanceof Fault && error.code === "no_answer");
        const what = asked ? "It was not approved" : "Nobody was asked";
        return { approved: false, reason: `${what}: ${because} ${LEAVE_IT}` };
      }
    },

    async run<Params, Result>(
      callId: string | undefined,
      act: Act<Params, Result>,
      request?: string,
    ): Promise<Result> {
      const shared = byCall.get(callId ?? "");
      if (callId === undefined || shared === undefined) return elsewhere<Result>(request);
      byCall.delete(callId);
      shared.calls -= 1;
      if (shared.calls === 0) byRequest.delete(shared.consent.request.id);
      // Whichever comes first does it, so that none waits for one behind it.
      shared.running ??= carryOut(countersign, shared.consent, act);
      return shared.running as Promise<Result>;
    },
  };

  function share(consent: Consent): Shared {
    const { id } = consent.request;
    const shared = byRequest.get(id) ?? { consent, calls: 0, running: null };
    if (consent.token !== null) shared.consent = consent;
    shared.calls += 1;
    byRequest.set(id, shared);
    return shared;
  }

  async function elsewhere<Result>(request: string | undefined): Promise<Result> {
    const found = request === undefined ? null : await countersign.show(request);
    if (found?.status === "executed") return found.result as Result;
    throw new NotApprovedError();
  }
}

const LEAVE_IT = "Do not try again, and do not reach the same end another way.";

function sentence(text: string): string {
  return text.replace(/(?<![.!?])$/, ".");
}

function toModel(error: NotDoneError): string {
  return `${sentence(error.message)} ${error instanceof ChangesRequestedError ? "Ask again with what is wanted." : LEAVE_IT}`;
}
