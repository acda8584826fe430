import type { JsonObject, JsonShape } from "../../core/json.ts";
import type { RequestView } from "../../core/view.ts";
import type { Act } from "./carrying-out.ts";
import type { Countersign } from "./countersign.ts";
import type { GuardOptions } from "./guard.ts";
import { ChangesRequestedError, type EndedWithout, NotDoneError, RejectedError } from "./outcomes.ts";

/** Why the draft before was not good enough. */
export interface Feedback {
  /** 1 for the first draft. */
  readonly attempt: number;
  readonly draft: JsonObject;
  /** The reviewer's words; null when a validation found something, or nothing was said. */
  readonly reason: string | null;
  readonly reviewer: string | null;
  /** What was found, where it never came to a person. */
  readonly validation: unknown;
}

export interface WorkflowOptions<
  Task,
  Draft extends JsonShape<Draft>,
  Result,
  Validation extends { readonly ok: boolean },
> extends Omit<GuardOptions<Draft, Result>, "onDeny"> {
  /** Makes a proposal: the params of the action. */
  readonly draft: (task: Task, feedback: Feedback | null) => Promise<Draft> | Draft;
  /** Looks at it before a person does. */
  readonly validate?: (draft: Draft, task: Task) => Promise<Validation> | Validation;
  /** Carries out what was approved. */
  readonly execute: Act<Draft, Result>;
  /** How many drafts at most. */
  readonly maxAttempts?: number;
}

interface Tried<Draft, Validation> {
  readonly attempts: number;
  readonly draft: Draft;
  readonly validation: Validation | null;
}

export type WorkflowResult<Draft, Result, Validation> =
  | (Tried<Draft, Validation> & {
      readonly status: "completed";
      readonly approval: { readonly reviewer: string | null; readonly approved_at: string | null };
      readonly result: Result;
    })
  | (Tried<Draft, Validation> & { readonly status: "validation_failed" })
  | (Tried<Draft, Validation> & {
      /** `rejected`, `changes_requested`, or another end without an execution. */
      readonly status: EndedWithout;
      readonly reason: string | null;
      readonly reviewer: string | null;
    });

const MAX_ATTEMPTS = 3;

export function createWorkflow<
  Task,
  Draft extends JsonShape<Draft>,
  Result,
  Validation extends { readonly ok: boolean },
>(
  countersign: Countersign,
  options: WorkflowOptions<Task, Draft, Result, Validation>,
): (task: Task) => Promise<WorkflowResult<Draft, Result, Validation>> {
  const { draft: makeDraft, validate, execute, maxAttempts = MAX_ATTEMPTS, onDecide, ...gate } = options;

  return async (task) => {
    let feedback: Feedback | null = null;
    let previous: string | undefined;
    for (let attempt = 1; ; attempt += 1) {
      const isLast = attempt >= maxAttempts;
      const draft: Draft = await makeDraft(task, feedback);
      const validation = validate === undefined ? null : await validate(draft, task);
      const tried = { attempts: attempt, draft, validation };
      if (validation !== null && !validation.ok) {
        if (isLast) return { ...tried, status: "validation_failed" };
        feedback = { attempt, draft: draft as JsonObject, reason: null, reviewer: null, validation };
        continue;
      }
      let decided: RequestView | null = null;
      const run = countersign.guard<Draft, Result>(
        {
          ...gate,
          ...(previous !== undefined && { previous }),
          onDecide(request) {
            decided = request;
            return onDecide?.(request);
          },
        },
        execute,
      );
      try {
        const result = await run(draft);
        return { ...tried, status: "completed", approval: approvalOf(decided), result };
      } catch (error) {
        if (!(error instanceof NotDoneError)) throw error;
        const { reason, reviewer, status } = error;
        const mayTryAgain = error instanceof RejectedError || error instanceof ChangesRequestedError;
        if (isLast || !mayTryAgain) return { ...tried, status, reason, reviewer };
        feedback = { attempt, draft: draft as JsonObject, reason, reviewer, validation: null };
        previous = error.request.id;
      }
    }
  };
}

function approvalOf(decided: RequestView | null) {
  const { reviewer = null, decided_at = null } = decided?.decision ?? {};
  return { reviewer, approved_at: decided_at };
}
