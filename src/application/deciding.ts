import { Fault, type Refusal, refusal } from "../core/codes.ts";
import { fixedChange, withValue } from "../core/editable.ts";
import type { Event } from "../core/event.ts";
import type { JsonObject } from "../core/json.ts";
import type { Look } from "../core/look.ts";
import { type People, personOf, UNNAMED } from "../core/people.ts";
import { type Assurance, approvalsOf, type Decision, type Request, type Verb } from "../core/request.ts";
import { iso, UNKNOWN_LIMITS, windowOf } from "../core/timing.ts";
import { step } from "../core/transitions.ts";
import {
  approvalBy,
  byPerson,
  isInNote,
  rosterDue,
  tellVoters,
  wrongWithDelegation,
  wrongWithVote,
} from "../core/voting.ts";
import { amend, editableOf } from "../daemon/amending.ts";
import type { KindSettings } from "../daemon/ports.ts";
import { visibleLine } from "../document/visible.ts";

export interface DecideInput {
  readonly verb: Verb;
  readonly reviewer: string | null;
  /** A name that was given beside the `reviewer`'s own: see `Decision`. */
  readonly claimed?: string;
  readonly reason: string | null;
  /** The digest that the reviewer saw; when given, it must be the request's. */
  readonly digest?: string;
  /** Which surface: `cli`, `http`. */
  readonly via: string;
  /** Params to change before the approval, which is then of the changed action. */
  readonly set?: JsonObject;
  /** That the reviewer has looked at every point of the rule's checklist. */
  readonly checked?: boolean;
}

export interface DelegateInput {
  readonly from: string;
  readonly to: string;
  readonly reason: string | null;
  readonly via: string;
}

/** What deciding depends on besides the request. */
interface Moment {
  readonly now: number;
  readonly people: People;
  readonly kind: KindSettings | null;
}

type Answer = Event | readonly Event[] | Refusal | Fault;

/** What a decision by another way than the note comes to, the roster being brought up to date before it. */
export function decide(request: Request, input: DecideInput, moment: Moment): Answer {
  return withPresentRoster(request, moment, (present) => {
    const { verb, reviewer, set } = input;
    const at = iso(moment.now);
    const decision: Decision = {
      verb,
      reviewer: reviewer ?? UNNAMED,
      ...(input.claimed !== undefined && { claimed: input.claimed }),
      reason: input.reason,
      digest: input.digest ?? present.submission.digest,
      assurance: "edit" satisfies Assurance,
      seen_at: at,
      via: input.via,
      note_sha256: null,
    };
    const no = refuse(present, input, moment.people);
    if (no !== null) return no;
    if (verb === "approve") return approve(decision, present, set, moment);
    if (set !== undefined) return new Fault("invalid_request", "Only an approval can change params.");
    const own = byPerson(decision, present, moment.people);
    if (verb === "reject") return { type: "rejected", at, decision: own, settled: true };
    return { type: "changes_requested", at, decision: own };
  });
}

/** What passing a decision on comes to. */
export function delegate(request: Request, input: DelegateInput, moment: Moment): Answer {
  return withPresentRoster(request, moment, (present) => {
    const [from, to] = [personOf(moment.people, input.from), personOf(moment.people, input.to)];
    if (present.status === "pending") {
      const no = wrongWithDelegation(present, { from, to }, moment.people);
      if (no !== null) return no;
    }
    const { via, reason } = input;
    return { type: "delegated", at: iso(moment.now), from, to, via, reason };
  });
}

/** What undoing an approval comes to; one that stands in the note is undone there, since it would only count again. */
export function takeBack(
  request: Request,
  look: Look,
  { by, reason }: { readonly by: string; readonly reason: string | null },
  { now, people }: Moment,
): Event | Refusal {
  const { status } = request;
  const [at, person] = [iso(now), personOf(people, by)];
  const isOwn = approvalsOf(request).some(({ reviewer }) => reviewer === person);
  if (status === "pending" && !isOwn) return refusal("not_approved");
  if (status !== "pending" && status !== "approved") return { type: "taken_back", at, by, reason };
  if (!isOwn && wrongWithVote(request, "reject", by, people) !== null) {
    return refusal("not_entitled", `${by} may not decide this. ${tellVoters(request)}`);
  }
  if (isInNote(request, person, look, people)) return refusal("said_in_note");
  if (status === "pending") return { type: "vote_withdrawn", at, by: person };
  return { type: "taken_back", at, by: person, reason, ...("allowed_at" in request && { allowed: true }) };
}

/** The answer to a request whose recorded roster is the present one, behind the event that makes it so. */
function withPresentRoster(request: Request, moment: Moment, answer: (present: Request) => Answer): Answer {
  const changed = request.status === "pending" ? rosterDue(request, moment) : null;
  if (changed === null) return answer(request);
  const stepped = step(request, changed);
  if (!stepped.ok) return stepped.refusal;
  const found = answer(stepped.request);
  if (!("type" in found) && "code" in found) return found;
  return [changed, ...("type" in found ? [found] : found)];
}

function refuse(request: Request, { verb, reviewer, checked }: DecideInput, people: People): Refusal | null {
  const isOpen = request.status === "pending" || (request.status === "approved" && verb !== "approve");
  if (!isOpen) return null;
  switch (wrongWithVote(request, verb, reviewer, people)) {
    case "not_entitled":
      return refusal("not_entitled", `${reviewer ?? UNNAMED} may not decide this. ${tellVoters(request)}`);
    case "own_request":
      return refusal("own_request");
    case "reviewer_missing":
      return refusal("reviewer_missing");
  }
  const { checklist = [] } = request.submission.verdict ?? {};
  if (verb !== "approve" || checked === true || checklist.length === 0) return null;
  return refusal("checklist_open", `To be looked at before: ${checklist.join("; ")}.`);
}

function approve(decision: Decision, request: Request, set: JsonObject | undefined, moment: Moment): Answer {
  const at = iso(moment.now);
  const window = windowOf(request.submission, moment.now, moment.kind?.limits ?? UNKNOWN_LIMITS);
  const said = byPerson(decision, request, moment.people);
  const approval = { at, window };
  if (set === undefined) return approvalBy(said, request, approval);

  const changed = changeTo(request, set, decision, moment);
  if ("code" in changed) return changed;
  if (changed.digest === request.submission.digest) return approvalBy(said, request, approval);
  const stepped = step(request, changed);
  if (!stepped.ok) return stepped.refusal;
  return [changed, approvalBy({ ...said, digest: changed.digest }, stepped.request, approval)];
}

/** The change of the action that goes before its approval. */
function changeTo(
  request: Request,
  set: JsonObject,
  decision: Decision,
  { now, kind }: Moment,
): Extract<Event, { type: "amended" }> | Refusal | Fault {
  const { submission } = request;
  const editable = kind === null ? [] : editableOf(request, kind);
  const { params } = submission.fields;
  const wanted = Object.entries(set).reduce((now, [name, value]) => withValue(now, name, value), params);
  const fixed = fixedChange(params, wanted, editable);
  if (kind === null || fixed !== null) {
    const allowed = editable.join(", ") || "none";
    const message = `${visibleLine(fixed ?? Object.keys(set).join(", "), 60)} may not be changed; what may be changed: ${allowed}.`;
    return new Fault("not_editable", message);
  }
  if (decision.digest !== submission.digest) return refusal("digest_mismatch");
  const version = amend(request, wanted, kind);
  if ("code" in version) return new Fault("invalid_params", version.message);
  const by = decision.reviewer;
  return { type: "amended", at: iso(now), ...version, by, via: decision.via, note_sha256: null };
}
