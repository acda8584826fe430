import type { Decision } from "../../src/core/request.ts";
import { votersOf } from "../../src/core/roster.ts";
import type { LedgerRecord } from "../../src/daemon/ports.ts";

/** A moment of the story's day: `09:14:03`, with milliseconds only where there are some. */
function clockTime(at: string): string {
  return at.slice(11, 23).replace(/\.000|Z$/, "");
}

/** What happens to several requests at one moment may happen in any order; a story tells one after the other. */
export function inOrder<T>(list: readonly T[], key: (one: T) => string): T[] {
  return list.toSorted((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0));
}

/** What one journal record says, in a line. */
export function tellRecord({ event }: LedgerRecord, name: string): string {
  const what = event.type.replaceAll("_", " ");
  const detail = detailOf(event);
  return `${clockTime(event.at)} ${name}: ${what}${detail === "" ? "" : ` ${detail}`}`;
}

function detailOf(event: LedgerRecord["event"]): string {
  switch (event.type) {
    case "submitted":
      return `by ${event.submission.fields.requester}, until ${clockTime(event.submission.fields.expires)}`;
    case "amended":
      return `by ${event.by} (${event.via}) to ${JSON.stringify(event.params)}`;
    case "roster_changed":
      return `to ${votersOf(event.roster)?.join(", ") ?? "anyone"}`;
    case "delegated":
      return `by ${event.from} to ${event.to} (${event.via})`;
    case "voted":
      return said(event.decision);
    case "vote_withdrawn":
      return `by ${event.by}`;
    case "quorum_lost":
      return `because ${event.reason}`;
    case "allowed":
      return `by ${event.verdict.rule ?? "default"}, because ${event.verdict.reason}${window(event)}`;
    case "denied":
    case "sent_back":
      return `by ${event.verdict.rule ?? "default"}, because ${event.verdict.reason}`;
    case "approved":
      return said(event.decision) + window(event);
    case "rejected":
      return said(event.decision) + (event.settled ? "" : "; its reason may still be typed");
    case "changes_requested":
      return said(event.decision);
    case "settled":
      return `${event.reviewer}${reason(event.reason)}`;
    case "started": {
      const { executor, deadline } = event.attempt;
      return executor === "daemon"
        ? ""
        : `by the caller, who has until ${clockTime(deadline ?? "")} to report`;
    }
    case "executed":
      return JSON.stringify(event.result);
    case "retried":
      return `as attempt ${event.number}, because ${event.because}`;
    case "failed":
      return `with: ${event.error}`;
    case "outcome_lost":
      return `because ${event.cause}`;
    case "refused":
      return `${event.code}: ${event.detail}`;
    case "taken_back":
    case "resolved_happened":
    case "resolved_did_not":
    case "cancelled":
      return `by ${event.by}${reason(event.reason)}`;
    case "reminded":
      return `for the ${event.level === 1 ? "first" : "last"} time`;
    case "escalated":
      return `to ${event.to.join(", ")} (level ${event.level})`;
    case "joined":
    case "expired":
    case "archived":
      return "";
  }
}

function said(decision: Decision): string {
  return `by ${decision.reviewer} (${decision.via})${reason(decision.reason)}`;
}

type Opened = Extract<LedgerRecord["event"], { type: "approved" | "allowed" }>;

/** When it may start, as far as that is not what it is for everything. */
function window({ at, opens = null, closes, lapses }: Opened): string {
  const usual = closes === undefined || Date.parse(closes) === Date.parse(opens ?? at) + 86_400_000;
  return [
    ...(opens === null ? [] : [`; it starts at ${clockTime(opens)}`]),
    ...(usual ? [] : [`; it has to start before ${clockTime(closes)}`]),
    ...(lapses === null ? [] : [`; the grant lapses at ${clockTime(lapses)}`]),
  ].join("");
}

function reason(text: string | null): string {
  return text === null ? "" : `, because ${text}`;
}

/** What differs from run to run, or only fills lines: hashes, signed grants, secret tokens. */
export function normalised(text: string): string {
  return text
    .replaceAll(/\b(sha256:)?[0-9a-f]{64}\b/g, "$1…")
    .replaceAll(/\beyJ[\w-]+\.[\w-]+\.[\w-]+\b/g, "<grant>");
}
