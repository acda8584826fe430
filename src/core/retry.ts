import { tellChanges } from "./amendment.ts";
import { type FinalRequest, isFinal, type Request, type RequestId, type Submission } from "./request.ts";

/** What came of an earlier request, as a later one tells of it. */
export interface Past {
  readonly id: RequestId;
  readonly outcome: FinalRequest["status"];
  readonly at: string;
  /** Who said so; null where nobody did. */
  readonly by: string | null;
  /** Why, in their words or the handler's; foreign text as it is. */
  readonly reason: string | null;
}

/** The request that this one tries again. */
export interface Previous extends Past {
  /** How the action differs from that one's, one clause each. */
  readonly changes: readonly string[];
}

/** What the requester can make of an outcome that it did not ask for. */
export interface Feedback {
  readonly outcome: FinalRequest["status"];
  readonly reason: string | null;
  /** Whose no it was; null where no person said it. */
  readonly reviewer: string | null;
  /** Whether another attempt that names this one will be taken. */
  readonly retryable: boolean;
}

/** Which attempt a request is; the first is 1. */
export function attemptNumber({ attempt = 1 }: Submission): number {
  return attempt;
}

/** Whether so many attempts are allowed; as many as one likes where nothing limits them. */
export function isWithinAttempts(attempt: number, { max_attempts = Infinity }: Submission): boolean {
  return attempt <= max_attempts;
}

/** What was not done, and why; null where it is not finished, was done, or was withdrawn by the requester itself. */
export function feedbackOf(request: Request): Feedback | null {
  if (!isFinal(request) || request.status === "executed" || request.status === "cancelled") return null;
  const { by, outcome, reason } = pastOf(request);
  const left = isWithinAttempts(attemptNumber(request.submission) + 1, request.submission);
  // What the policy denies it would deny again.
  return { outcome, reason, reviewer: by, retryable: left && outcome !== "denied" };
}

export function pastOf(request: FinalRequest): Past {
  const { id } = request.submission.fields;
  return { id, outcome: request.status, at: request.finished_at, ...wordsOf(request) };
}

export function previousOf(request: FinalRequest, params: Submission["fields"]["params"]): Previous {
  return { ...pastOf(request), changes: tellChanges(request.submission.fields.params, params, "now") };
}

function wordsOf(request: FinalRequest): Pick<Past, "by" | "reason"> {
  switch (request.status) {
    case "rejected":
    case "changes_requested":
      return { by: request.decision.reviewer, reason: request.decision.reason };
    case "failed":
      return { by: null, reason: request.error };
    case "denied":
      return { by: null, reason: request.verdict.reason };
    case "cancelled":
      return { by: request.by, reason: request.reason };
    case "expired":
      return { by: null, reason: EXPIRED[request.history.findLast(isConsent)?.event ?? ""] ?? UNDECIDED };
    default:
      return { by: null, reason: null };
  }
}

const UNDECIDED = "There was no decision in time.";

const EXPIRED: Readonly<Record<string, string>> = {
  approved: "It was approved, and not started in time.",
  allowed: "It was allowed, and not started in time.",
};

function isConsent({ event }: { readonly event: string }): boolean {
  return event in EXPIRED || event === "taken_back" || event === "sent_back" || event === "quorum_lost";
}
