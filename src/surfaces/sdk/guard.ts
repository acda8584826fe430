import type { JsonObject, JsonShape } from "../../core/json.ts";
import { type Act, carryOut, raise } from "./carrying-out.ts";
import { type ConsentOptions, seekConsent } from "./consent.ts";
import type { Countersign } from "./countersign.ts";
import { NotDoneError } from "./outcomes.ts";

export interface GuardOptions<Params, Result> extends ConsentOptions {
  /** An action that the configuration has with `caller: true`. */
  readonly kind: string;
  readonly title?: string | ((params: Params) => string);
  readonly key?: (params: Params) => string;
  /**
   * Some secret text of this agent's that outlives its process. With it and `key` a process that is started again goes on
   * with what the one before had asked for and not begun; without it an approval is of use only to the process that asked.
   */
  readonly token?: string;
  /** The request that was said no to and that this is the next try at. */
  readonly previous?: string;
  /**
   * Called instead of throwing when the answer is no, or a yes was taken back or ran out before it was used; what it gives
   * is the result.
   */
  readonly onDeny?: (error: NotDoneError) => Result | Promise<Result>;
}

export function createGuard<Params extends JsonShape<Params>, Result>(
  countersign: Countersign,
  action: string | GuardOptions<Params, Result>,
  act: Act<Params, Result>,
): (params: Params) => Promise<Result> {
  const options: GuardOptions<Params, Result> = typeof action === "string" ? { kind: action } : action;
  const { kind, title, key, token, previous, onDeny } = options;

  return async (params) => {
    const named = typeof title === "function" ? title(params) : title;
    const asked = {
      kind,
      params: params as JsonObject,
      ...(named !== undefined && { title: named }),
      ...(key && { key: key(params) }),
      ...(token !== undefined && { token }),
      ...(previous !== undefined && { previous }),
    };
    const consent = await seekConsent(countersign, asked, options);
    return consent instanceof NotDoneError
      ? (onDeny ?? raise)(consent)
      : carryOut(countersign, consent, act, onDeny);
  };
}
