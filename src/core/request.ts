/**
 * Terminology, with one meaning each, here, in the notes and in the README.
 *
 * - action: what would be done: `kind` (a name in the configuration) and `params`
 * - request: one action waiting for, or past, a decision; has an `id` and a `digest`
 * - verdict: the policy's answer, no person asked
 * - rule, policy snapshot: what gave the verdict; the exact policy text, by SHA-256
 * - shadow: a kind of action is in it while the operator only tries the rules: nobody is asked, and what the verdict would
 *   have been is recorded
 * - requester: who asks: an agent or script, by name
 * - reviewer: the person who decides
 * - approvers: who may decide this request, by rule; its roster is who that is now, seat by seat
 * - quorum: how many distinct approvers must approve; a vote is an approval that is not enough yet
 * - delegation: a reviewer's passing a decision on to somebody else
 * - decision: a reviewer's answer: `approve`, `reject`, `request_changes`
 * - statement: what a person's edit of a note says; becomes a decision once it is clear and settled
 * - amendment: a person's change of the action, where the configuration allows it; needs a fresh decision
 * - action digest: SHA-256 over the RFC 8785 canonical JSON of `{kind, params}`
 * - digest: the same over all of `RequestFields`
 * - foreign note: a note of another program in the pending folder; adopted, it becomes a request
 * - handler: what carries out one kind of action
 * - attempt, outcome: one try at executing, and what came of it; of a request that names the one it tries again (its
 *   previous), which try at being approved it is
 * - grant: a single-use, signed, expiring token with which a caller proves that this digest was approved
 * - assurance: how strongly a decision is tied to a person
 * - journal: the append-only, hash-chained record outside the vault: the authority
 */

import type { Amendment } from "./amendment.ts";
import type { Constraints } from "./constraints.ts";
import type { Delegation } from "./delegation.ts";
import type { Reached } from "./escalation.ts";
import type { Json, JsonObject } from "./json.ts";
import type { Past, Previous } from "./retry.ts";
import { isEntitled, isOpenToAll, type Roster } from "./roster.ts";
import type { Verdict } from "./verdict.ts";

export type RequestId = string;

/** How safe a second try would be. `unsafe` is never tried again. */
export type EffectClass = "unsafe" | "natural" | "key" | "lookup";

/** The immutable fields: exactly these, in canonical JSON, are what `digest` is the SHA-256 of. Times are ISO 8601, UTC. */
export interface RequestFields {
  readonly version: 1;
  readonly id: RequestId;
  readonly host: string;
  readonly requester: string;
  readonly on_behalf_of: string | null;
  readonly kind: string;
  readonly params: JsonObject;
  readonly effect: EffectClass;
  readonly key: string | null;
  readonly policy: string | null;
  readonly rule: string | null;
  readonly created: string;
  readonly expires: string;
}

/** What is recorded when a request is made: the fields, their digests, and what the note shows beside them. */
export interface Submission {
  readonly fields: RequestFields;
  readonly digest: string;
  readonly action_digest: string;
  readonly title: string;
  /** What the note says under "What happens if you approve"; empty when the configuration has no `next_effect`. */
  readonly next_effect: string;
  /** Whether the requester executes the action itself, with a grant. */
  readonly caller: boolean;
  /** SHA-256 (hex) of the token that only the requester has; null for actions that the daemon executes. */
  readonly token_sha256: string | null;
  /** The action does not start before this (ISO 8601), however early it is approved; absent where it may at once. */
  readonly not_before?: string;
  /** What the policy said of it; absent where there was no policy. */
  readonly verdict?: Verdict;
  /** Who might decide when it was made; absent where anyone may. */
  readonly roster?: Roster;
  /** Only where the request was made from another program's note. */
  readonly adopted?: Adopted;
  /** Which attempt this is, counted along the requests that it tries again; absent for the first. */
  readonly attempt?: number;
  /** How many attempts there may be, by the rule or else by the configuration; absent where as many as one likes. */
  readonly max_attempts?: number;
  /** The request that the requester tries again with this one. */
  readonly previous?: Previous;
  /** The same action, asked for by the same requester before, to which a person said no. */
  readonly refused_before?: Past;
}

/** The note of another program that a request was made from; its bytes are kept beside the finished one. */
export interface Adopted {
  /** Its file name in the pending folder. */
  readonly name: string;
  /** SHA-256 (hex) of its bytes. */
  readonly sha256: string;
  /** As much of its text as the request's note shows. */
  readonly text: string;
  /** How many characters the text has in all. */
  readonly characters: number;
}

export type Verb = "approve" | "reject" | "request_changes";

export type Assurance = "edit" | "os" | "signed" | "present";

/** A reviewer's answer, about the digest that was shown. */
export interface Decision {
  readonly verb: Verb;
  /** The person, by the canonical name where there is one; `unnamed` when there was no name. */
  readonly reviewer: string;
  /** A name that a client gave for somebody else than its token names: a claim, never who decided. */
  readonly claimed?: string;
  /** The name that was given, where that is another one. */
  readonly named?: string;
  readonly reason: string | null;
  readonly digest: string;
  readonly assurance: Assurance;
  /** When the daemon first saw it said (ISO 8601): what `expires` is held against, since settling may outlast it. */
  readonly seen_at: string;
  /** Where it was said: a field or box of the note, a folder, or a surface. */
  readonly via: string;
  /** SHA-256 (hex) of the note's bytes that carried it; null when it came by another way. */
  readonly note_sha256: string | null;
}

/** One try at executing. `deadline` (ISO 8601) is when an unreported `caller` attempt becomes unknown. */
export interface Attempt {
  readonly number: number;
  readonly idempotency_key: string;
  readonly executor: "daemon" | "caller";
  readonly deadline: string | null;
  /** What it is held to, by what was approved and by the rules right before the start; absent where there is nothing. */
  readonly constraints?: Constraints;
  /** SHA-256 (hex) of the grant that a caller consumed; absent in older records. */
  readonly claimed_with?: string;
}

/** What a caller says came of its attempt; `unknown`: it may have happened, and why that cannot be told. */
export type Reported = { readonly result: Json } | { readonly failed: string } | { readonly unknown: string };

/** One line of a request's history, as the finished note shows it. */
export interface HistoryLine {
  readonly at: string;
  readonly event: string;
  readonly by: string | null;
  readonly detail: string | null;
}

interface Facts {
  /** With the action as it is now: see `amendment`. */
  readonly submission: Submission;
  /** Only where a person changed the action. */
  readonly amendment?: Amendment;
  /** How many events have been recorded for this request; the ledger compares it on append. */
  readonly revision: number;
  /** Approvals that are not enough yet, or were not until the decision came; absent where there are none. */
  readonly votes?: readonly Decision[];
  /** Who may decide now, where that is no longer what the submission says. */
  readonly roster?: Roster;
  readonly delegations?: readonly Delegation[];
  /** Whom it was escalated to, and how often people were reminded, as it is now; absent where neither was. */
  readonly escalated?: readonly Reached[];
  readonly reminded?: number;
  /** How often it was asked for, where that is more than once; see `askedOf`. */
  readonly asked?: number;
  readonly history: readonly HistoryLine[];
}

interface Approval {
  readonly decision: Decision;
  readonly decided_at: string;
}

/** The policy's yes: there is no decision, because nobody was asked. */
interface Allowance {
  readonly allowed_at: string;
}

type Consent = Approval | Allowance;

interface Start {
  readonly attempt: Attempt;
  readonly started_at: string;
}

type Started = Consent & Start;

interface Final {
  readonly finished_at: string;
  /** Whether the note is known to be in `Done/`. */
  readonly archived: boolean;
}

type PendingRequest = Facts & { readonly status: "pending" };
/** When it may start: see `Window`. `closes` is null only where the record is older than that limit. */
type ApprovedRequest = Facts &
  Consent & {
    readonly status: "approved";
    readonly opens: string | null;
    readonly closes: string | null;
    readonly lapses: string | null;
  };
type ExecutingRequest = Facts & Started & { readonly status: "executing" };
export type UnknownRequest = Facts & Started & { readonly status: "outcome_unknown"; readonly cause: string };
type ExecutedRequest = Facts & Started & Final & { readonly status: "executed"; readonly result: Json };
type FailedRequest = Facts & Started & Final & { readonly status: "failed"; readonly error: string };
/** `settled` is false while a reason typed just behind the word may still be on its way. */
type RejectedRequest = Facts & Approval & Final & { readonly status: "rejected"; readonly settled: boolean };
type ChangesRequest = Facts & Approval & Final & { readonly status: "changes_requested" };
type ExpiredRequest = Facts & Final & { readonly status: "expired" };
/** By the policy, whether at once or right before the start. */
type DeniedRequest = Facts & Final & { readonly status: "denied"; readonly verdict: Verdict };
type CancelledRequest = Facts &
  Final & { readonly status: "cancelled"; readonly by: string; readonly reason: string | null };

/** A request's state: data exists only in the statuses where it is true. */
export type Request =
  | PendingRequest
  | ApprovedRequest
  | ExecutingRequest
  | UnknownRequest
  | ExecutedRequest
  | FailedRequest
  | RejectedRequest
  | ChangesRequest
  | ExpiredRequest
  | CancelledRequest
  | DeniedRequest;

export type FinalRequest = Extract<Request, Final>;

export type Status = Request["status"];

export const STATUSES = [
  "pending",
  "approved",
  "executing",
  "outcome_unknown",
  "executed",
  "failed",
  "rejected",
  "changes_requested",
  "expired",
  "cancelled",
  "denied",
] as const satisfies readonly Status[];

/** Who may decide, as far as it is recorded; null where anyone may. */
export function rosterIn(request: Request): Roster | null {
  const roster = request.roster ?? request.submission.roster ?? null;
  return roster === null || isOpenToAll(roster) ? null : roster;
}

/** Everybody's approval, the deciding one last. */
export function approvalsOf(request: Request): readonly Decision[] {
  const { votes = [] } = request;
  return "decision" in request && request.decision.verb === "approve" ? [...votes, request.decision] : votes;
}

/** Who has approved it and may do so, each once; nobody where the policy allowed it. */
export function approversOf(request: Request): readonly string[] {
  const roster = rosterIn(request);
  const persons = new Set(approvalsOf(request).map(({ reviewer }) => reviewer));
  return [...persons].filter((person) => roster === null || isEntitled(person, roster));
}

/** How often it was asked for: one decision and one outcome are for all who asked. */
export function askedOf(request: Request): number {
  return request.asked ?? 1;
}

/** Final statuses are never left. `outcome_unknown` is not among them: a person resolves it. */
export function isFinal(request: Request): request is FinalRequest {
  return "archived" in request;
}

/** Whether nothing is left to do, so that the request needs no more looks and no place in a checkpoint. */
export function isClosed(request: Request): boolean {
  return isFinal(request) && request.archived;
}

/** Whether a waiter may be told the outcome: final, and a reason that may still be typed has had its time. */
export function isReportable(request: Request): boolean {
  return isFinal(request) && (request.status !== "rejected" || request.settled);
}
