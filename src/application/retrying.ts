import { Fault } from "../core/codes.ts";
import type { JsonObject } from "../core/json.ts";
import {
  type FinalRequest,
  isFinal,
  type Request,
  type RequestId,
  type Submission,
} from "../core/request.ts";
import { attemptNumber, isWithinAttempts, pastOf, previousOf } from "../core/retry.ts";
import type { Ledger } from "../daemon/ports.ts";
import { visibleLine } from "../document/visible.ts";

export interface RetrySettings {
  /** How long after a person's no the same action is not asked for again. */
  readonly cool_down_ms: number;
  /** How many attempts there may be where the rule does not say. */
  readonly max_attempts: number;
}

/** Who asks for what, behind which request of their own. */
interface Asked {
  readonly requester: string;
  readonly on_behalf_of: string | null;
  readonly kind: string;
  readonly params: JsonObject;
  readonly action_digest: string;
  readonly previous: RequestId | null;
}

type Earlier = Pick<Submission, "attempt" | "previous" | "refused_before">;

/**
 * What a new request tells of those that it tries again: the one that it names, and one for the same action to which a
 * person said no. Gives not_found, not_retryable, asked_too_soon.
 */
export async function earlierOf(
  ledger: Ledger,
  asked: Asked,
  now: number,
  { cool_down_ms }: RetrySettings,
): Promise<Earlier> {
  const previous = asked.previous === null ? null : await retryable(ledger, asked, asked.previous);
  const refused = await refusedBefore(ledger, asked);
  if (refused !== null && now < Date.parse(refused.finished_at) + cool_down_ms) {
    throw tooSoon(refused, cool_down_ms);
  }
  const before = [previous, refused].flatMap((one) => (one === null ? [] : attemptNumber(one.submission)));
  return {
    ...(before.length > 0 && { attempt: Math.max(...before) + 1 }),
    ...(previous !== null && { previous: previousOf(previous, asked.params) }),
    ...(refused !== null && { refused_before: pastOf(refused) }),
  };
}

/** Gives too_many_attempts. */
export function checkAttempts(submission: Submission): void {
  const number = attemptNumber(submission);
  if (isWithinAttempts(number, submission)) return;
  const { max_attempts } = submission;
  throw new Fault("too_many_attempts", `This would be attempt ${number}, and there may be ${max_attempts}.`);
}

/** Nobody learns here that there are other requesters' requests. */
async function retryable(ledger: Ledger, asked: Asked, id: RequestId): Promise<FinalRequest> {
  const request = await ledger.read(id);
  if (request === null || !isOwn(request, asked)) {
    throw new Fault("not_found", `There is no request ${visibleLine(id, 80)} by ${asked.requester}.`);
  }
  if (request.status === "outcome_unknown") {
    const hint = "A person has to resolve it first: what may have happened is not tried again.";
    throw new Fault("not_retryable", `What came of ${id} is not known.`, hint);
  }
  if (!isFinal(request)) {
    const hint = "Wait for its outcome: `countersign wait ID`.";
    throw new Fault("not_retryable", `The request ${id} is ${request.status} and not finished.`, hint);
  }
  if (request.status === "executed") {
    const hint = "Ask without --previous if it should be done once more.";
    throw new Fault("not_retryable", `The request ${id} was executed.`, hint);
  }
  if (request.submission.fields.kind !== asked.kind) {
    const message = `The request ${id} is one for ${request.submission.fields.kind}, not for ${asked.kind}.`;
    throw new Fault("not_retryable", message, "Ask for another kind of action without --previous.");
  }
  const next = await ledger.findRetry(id);
  if (next === null) return request;
  throw new Fault("not_retryable", `The request ${id} was tried again already.`, `Name ${next} instead.`);
}

function isOwn({ submission }: Request, { requester, on_behalf_of }: Asked): boolean {
  const { fields } = submission;
  return fields.requester === requester && fields.on_behalf_of === on_behalf_of;
}

async function refusedBefore(ledger: Ledger, asked: Asked) {
  const id = await ledger.findRefused(asked.requester, asked.on_behalf_of, asked.action_digest);
  const request = id === null ? null : await ledger.read(id);
  return request?.status === "rejected" || request?.status === "changes_requested" ? request : null;
}

function tooSoon(refused: FinalRequest, cool_down_ms: number): Fault {
  const { id, outcome, at, by, reason } = pastOf(refused);
  const what = outcome === "rejected" ? "rejected" : "sent back for changes";
  const why = reason === null ? "" : `: ${visibleLine(reason, 300)}`;
  const message = `The same action was ${what} at ${at} by ${visibleLine(by ?? "", 80)}${why}`;
  const again = new Date(Date.parse(at) + cool_down_ms).toISOString();
  return new Fault(
    "asked_too_soon",
    /[.!?…]$/.test(message) ? message : `${message}.`,
    `Change the action and ask with --previous ${id}, or ask for the same after ${again}.`,
  );
}
