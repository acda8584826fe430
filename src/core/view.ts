import { changesBetween, type ParamChange } from "./amendment.ts";
import type { Delegation } from "./delegation.ts";
import type { Json, JsonObject } from "./json.ts";
import {
  approversOf,
  askedOf,
  type HistoryLine,
  isFinal,
  type Request,
  rosterIn,
  type Status,
} from "./request.ts";
import { attemptNumber, type Feedback, feedbackOf } from "./retry.ts";
import { heldBack } from "./shadow.ts";
import type { Verdict } from "./verdict.ts";
import { type Missing, missingIn } from "./voting.ts";

/** The one shape in which a request is told to the outside: HTTP, `--json`, and whatever comes later. */
export interface RequestView {
  readonly id: string;
  readonly status: Status;
  readonly title: string;
  /** What happens if it is approved; empty where the configuration does not say. */
  readonly next_effect: string;
  readonly kind: string;
  /** The action as it is now, with what a person changed in it. */
  readonly params: JsonObject;
  /** What a person changed, against what was asked for. */
  readonly amended: readonly ParamChange[];
  readonly amended_by: string | null;
  readonly requester: string;
  readonly on_behalf_of: string | null;
  readonly host: string;
  readonly key: string | null;
  readonly created: string;
  readonly expires: string;
  /** It does not start before this; null where it may at once. */
  readonly not_before: string | null;
  /** How often it was asked for; the outcome is for all who asked. */
  readonly asked: number;
  readonly digest: string;
  readonly action_digest: string;
  readonly executor: "daemon" | "caller";
  /** What the policy said last; null where there was none. */
  readonly verdict: Verdict | null;
  /** What it said in earnest, where nobody was asked only because the kind was in shadow; null for every other request. */
  readonly shadow: Verdict | null;
  readonly decision: DecisionView | null;
  readonly approvals: ApprovalsView | null;
  /** Approved and not started: not before the one time (null: at once), and before the other. */
  readonly opens: string | null;
  readonly closes: string | null;
  readonly started_at: string | null;
  readonly finished_at: string | null;
  /** The handler's result, when executed. */
  readonly result: Json;
  /** Why it failed, or why its outcome is unknown. */
  readonly error: string | null;
  /** Which attempt it is, and the request that it tries again. */
  readonly attempt: number;
  readonly previous: string | null;
  /** Why it was not done, and whether to try again; null where there is nothing to say. */
  readonly feedback: Feedback | null;
  readonly history: readonly HistoryLine[];
}

/** Where a request stands that not just anyone may decide. */
interface ApprovalsView {
  readonly approved_by: readonly string[];
  /** What is still needed; empty when nothing is. */
  readonly missing: readonly Missing[];
  readonly delegations: readonly Delegation[];
}

interface DecisionView {
  readonly verb: "approve" | "reject" | "request_changes";
  readonly reviewer: string;
  /** The name that was given beside the one that is proved, and is not proved itself; null where there was none. */
  readonly claimed: string | null;
  readonly reason: string | null;
  readonly assurance: string;
  readonly via: string;
  readonly decided_at: string;
}

export function viewOf(request: Request): RequestView {
  const { fields, digest, action_digest, title, next_effect, caller } = request.submission;
  const { amendment } = request;
  return {
    id: fields.id,
    status: request.status,
    title,
    next_effect,
    kind: fields.kind,
    params: fields.params,
    amended: amendment === undefined ? [] : changesBetween(amendment.asked.params, fields.params),
    amended_by: amendment?.by ?? null,
    requester: fields.requester,
    on_behalf_of: fields.on_behalf_of,
    host: fields.host,
    key: fields.key,
    created: fields.created,
    expires: fields.expires,
    not_before: request.submission.not_before ?? null,
    asked: askedOf(request),
    digest,
    action_digest,
    executor: caller ? "caller" : "daemon",
    ...verdictsOf(request),
    decision: decisionView(request),
    approvals: approvalsView(request),
    opens: request.status === "approved" ? request.opens : null,
    closes: request.status === "approved" ? request.closes : null,
    started_at: "started_at" in request ? request.started_at : null,
    finished_at: isFinal(request) ? request.finished_at : null,
    result: request.status === "executed" ? request.result : null,
    error: errorOf(request),
    attempt: attemptNumber(request.submission),
    previous: request.submission.previous?.id ?? null,
    feedback: feedbackOf(request),
    history: request.history,
  };
}

function verdictsOf(request: Request): Pick<RequestView, "verdict" | "shadow"> {
  const said = request.status === "denied" ? request.verdict : request.submission.verdict;
  if (said === undefined) return { verdict: null, shadow: null };
  const { shadow: _, ...verdict } = said;
  return { verdict, shadow: heldBack(said) };
}

function approvalsView(request: Request): ApprovalsView | null {
  if (rosterIn(request) === null) return null;
  const { delegations = [] } = request;
  return { approved_by: approversOf(request), missing: missingIn(request), delegations };
}

function decisionView(request: Request): DecisionView | null {
  if (!("decision" in request)) return null;
  const { verb, reviewer, claimed = null, reason, assurance, via } = request.decision;
  return { verb, reviewer, claimed, reason, assurance, via, decided_at: request.decided_at };
}

function errorOf(request: Request): string | null {
  if (request.status === "failed") return request.error;
  return request.status === "outcome_unknown" ? request.cause : null;
}
