import type { Status } from "../../core/request.ts";
import type { RequestView } from "../../core/view.ts";

/** How a request can end without having been carried out. */
export type EndedWithout = Exclude<Status, "pending" | "approved" | "executing" | "executed">;

/**
 * The answer was no, or nothing came of the yes. Each kind of no is a class of its own, so that a caller can tell what to
 * do: ask again with the reason in mind, or leave it.
 */
export class NotDoneError extends Error {
  /** The status that the request ended with. */
  readonly status: EndedWithout;
  /** Why, in the words of whoever said no; null where nobody did. */
  readonly reason: string | null;
  /** Who said no; null where it was no person. */
  readonly reviewer: string | null;
  readonly request: RequestView;
  constructor(request: RequestView, said: string, reason: string | null) {
    super(`${request.title}: ${said}${reason === null ? "" : `: ${reason}`}`);
    this.name = new.target.name;
    this.status = request.status as EndedWithout;
    this.reason = reason;
    this.reviewer = request.decision?.reviewer ?? null;
    this.request = request;
  }
}

/** A person said no. */
export class RejectedError extends NotDoneError {}
/** A person wants something else: the reason says what. */
export class ChangesRequestedError extends NotDoneError {}
/** The policy forbids it; asking again does not help. */
export class DeniedError extends NotDoneError {}
/** Nobody decided in time, or the approval was not used in time. */
export class ExpiredError extends NotDoneError {}
export class CancelledError extends NotDoneError {}
/** It was approved, tried, and did not work. */
export class FailedError extends NotDoneError {}
/** It was begun, and nobody knows what came of it: a person finds out. Never try it again by yourself. */
export class OutcomeUnknownError extends NotDoneError {}

/**
 * To be thrown by a gated function that cannot tell whether it did what it was to do: a person finds out. Every other
 * error says that it did not, unless it tells by itself that something broke off in the middle, such as a time-out.
 */
export class DoubtfulError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "DoubtfulError";
  }
}

/** The error that a request's end is; null where it ended well, or has not ended. */
export function errorOf(request: RequestView): NotDoneError | null {
  const reason = request.decision?.reason ?? null;
  const by = request.decision?.reviewer ?? "somebody";
  switch (request.status) {
    case "rejected":
      return new RejectedError(request, `rejected by ${by}`, reason);
    case "changes_requested":
      return new ChangesRequestedError(request, `${by} asks for changes`, reason);
    case "denied":
      return new DeniedError(request, "denied by the policy", request.verdict?.reason ?? null);
    case "expired":
      return new ExpiredError(
        request,
        `expired: ${request.feedback?.reason ?? "nobody decided in time"}`,
        null,
      );
    case "cancelled":
      return new CancelledError(request, "withdrawn", request.feedback?.reason ?? null);
    case "failed":
      return new FailedError(request, "failed", request.error);
    case "outcome_unknown":
      return new OutcomeUnknownError(request, "what came of it is not known", request.error);
    default:
      return null;
  }
}
