import type { Event } from "../core/event.ts";
import { type Attempt, approversOf, type Request, type RequestId } from "../core/request.ts";
import { iso } from "../core/timing.ts";
import type { Clock, HaltSwitch, KindSettings, Log, Outcome } from "./ports.ts";

export interface ExecutionPorts {
  readonly clock: Clock;
  readonly halt: HaltSwitch;
  readonly log: Log;
  readonly kind: (kind: string) => KindSettings | null;
  /** Records another attempt; false where that must not be. Never rejects. */
  readonly onRetry: (id: RequestId, event: Event) => Promise<boolean>;
  /** Records what came of an execution; `ended` must be called once the record can no longer be missed. */
  readonly onOutcome: (id: RequestId, outcome: Event, ended: () => void) => Promise<void>;
}

/** The handlers that are running in this process. */
export function createExecutions(ports: ExecutionPorts) {
  const running = new Map<RequestId, Promise<void>>();

  async function again(id: RequestId, number: number, because: string): Promise<boolean> {
    const at = iso(ports.clock.now());
    return !ports.halt.isHalted() && ports.onRetry(id, { type: "retried", at, number, because });
  }

  async function carryOut(request: Request, attempt: Attempt): Promise<Outcome> {
    const { fields, digest } = request.submission;
    const { id, kind, params, effect } = fields;
    const handler = ports.kind(kind)?.handler ?? null;
    if (handler === null)
      return { status: "failed", error: "this kind has no handler any more; nothing was done" };
    // Halted while the start was being recorded: whoever halted was told that nothing begins any more.
    if (ports.halt.isHalted())
      return { status: "failed", error: "halted before it was started; nothing was done" };
    const approved_by = approversOf(request);
    try {
      const job = { id, digest, kind, params, attempt, effect, approved_by };
      return await handler(job, (number, because) => again(id, number, because));
    } catch (error) {
      ports.log.error({ err: error, id }, "a handler failed in a way that it should not");
      return { status: "unknown", cause: "the handler broke off with an internal error" };
    }
  }

  return {
    isRunning: (id: RequestId): boolean => running.has(id),

    /** Runs the request's handler, whose start is recorded. */
    start(request: Request, attempt: Attempt): void {
      const { id } = request.submission.fields;
      const done = carryOut(request, attempt).then((outcome) =>
        ports.onOutcome(id, eventOf(outcome, iso(ports.clock.now())), () => running.delete(id)),
      );
      running.set(id, done);
    },

    /** Resolves when all that run now have ended, or when `grace_ms` are over. */
    async ended(grace_ms: number): Promise<void> {
      const { promise: over, resolve } = Promise.withResolvers<void>();
      const cancel = ports.clock.after(grace_ms, resolve);
      await Promise.race([Promise.all(running.values()), over]);
      cancel();
    },
  };
}

function eventOf(outcome: Outcome, at: string): Event {
  if (outcome.status === "executed") return { type: "executed", at, result: outcome.result };
  if (outcome.status === "failed") return { type: "failed", at, error: outcome.error };
  return { type: "outcome_lost", at, cause: outcome.cause };
}
