import { type Problem, type ProblemCode, problem, type Refusal, refusal, stopsAll } from "./codes.ts";
import { type Delegation, wrongWith } from "./delegation.ts";
import { escalatedTo } from "./escalation.ts";
import type { Event } from "./event.ts";
import type { Ballot, Look, Reading } from "./look.ts";
import { looksOf } from "./look-alikes.ts";
import { isService, type People, personOf, UNNAMED } from "./people.ts";
import { quorumOf } from "./quorum.ts";
import { approvalsOf, approversOf, type Decision, type Request, rosterIn } from "./request.ts";
import { isEntitled, isOpenToAll, type Roster, rosterOf, votersIn, votersOf } from "./roster.ts";
import type { Window } from "./timing.ts";
import type { ApproverGroup, Verdict } from "./verdict.ts";

/** What voting depends on besides the request: who there is, and the daemon's clock in ms. */
export interface Voters {
  readonly people: People;
  readonly now: number;
}

/** Who may decide a request now, under its own rule or under another one. */
function rosterNow(
  { submission, delegations = [], ...request }: Pick<Request, "submission" | "delegations" | "escalated">,
  { people, now }: Voters,
  approvers: readonly ApproverGroup[] = submission.verdict?.approvers ?? [],
): Roster {
  const { requester, on_behalf_of } = submission.fields;
  const escalated_to = escalatedTo(request);
  return rosterOf({ approvers, requester, on_behalf_of, delegations, escalated_to, at: now }, people);
}

/** The event that brings the recorded roster up to date; null where it is. */
export function rosterDue(request: Request, voters: Voters): Event | null {
  const roster = rosterNow(request, voters);
  const known = rosterIn(request);
  if (known === null && isOpenToAll(roster)) return null;
  if (known !== null && same(known, roster)) return null;
  return { type: "roster_changed", at: new Date(voters.now).toISOString(), roster };
}

/** Whether the approvals that were given are enough under a verdict, by the people as they are now. */
export function isEnough(request: Request, verdict: Verdict | undefined, voters: Voters): boolean {
  const roster = rosterNow(request, voters, verdict?.approvers);
  if (!isOpenToAll(roster)) return quorumOf(approversOf(request), roster).met;
  // Somebody may turn out to be the one who asked, by a name that was not known then.
  return approvalsOf(request).every(
    ({ reviewer, named }) =>
      !isOwn(request, named ?? reviewer, voters.people) && !isOwn(request, reviewer, voters.people),
  );
}

/** The approvals in a note that are not recorded yet, by whatever name they were. */
export function newBallots(request: Request, { approvals }: Reading, people: People): readonly Ballot[] {
  const given = request.votes ?? [];
  return approvals.filter(({ reviewer }) => !given.some((vote) => isOf(vote, reviewer, people)));
}

/** Whether a person's approval stands in a note, or came from there. */
export function isInNote(request: Request, person: string, look: Look, people: People): boolean {
  if (look.at === "nowhere") return false;
  const given = approvalsOf(request).find(({ reviewer }) => reviewer === person);
  if (given === undefined || rosterIn(request) === null) return look.reading.approvals.length > 0;
  return (
    given.note_sha256 !== null || look.reading.approvals.some((one) => isOf(given, one.reviewer, people))
  );
}

/** Whether an approval is the person's whom a name in the note means. */
function isOf(vote: Decision, name: string | null, people: People): boolean {
  if (name === null) return false;
  const person = personOf(people, name);
  return isBy(vote, name) || person === vote.reviewer || looksOf(person) === looksOf(vote.reviewer);
}

/** Whether an approval is the one that was recorded: names are compared as they were written then, or as they count. */
export function isBy({ reviewer, named }: Decision, name: string | null): boolean {
  return name === reviewer || (name !== null && name === named);
}

/** What keeps one person's answer from counting; null where nothing does. */
export function wrongWithVote(
  request: Request,
  verb: Decision["verb"],
  name: string | null,
  people: People,
): ProblemCode | null {
  const roster = rosterIn(request);
  const person = name === null ? null : personOf(people, name);
  const isUnnamed = person === null || person === UNNAMED;
  if (verb === "approve" && name !== null && isOwn(request, name, people)) return "own_request";
  // A service answers for itself; nobody does in its name.
  if (name !== null && isService(name)) return "not_entitled";
  if (roster === null)
    return verb === "approve" && isUnnamed && actsFor(request, people) ? "reviewer_missing" : null;
  // Saying no needs no proof; a name that may not decide is none either.
  if (isUnnamed) return verb === "approve" ? "reviewer_missing" : null;
  return isEntitled(person, roster) ? null : "not_entitled";
}

/**
 * Whether a name is the requester's, or that of whomever it acts for: by any name that this person has, also written as
 * a link or beside an address, and by what only looks like one.
 */
function isOwn({ submission }: Request, name: string, people: People): boolean {
  const { requester, on_behalf_of } = submission.fields;
  const said = [name, ...name.split(/[<>[\]|()"'“”,;]+/)]
    .map((part) => part.trim().replace(/^@/, ""))
    .filter((part) => part !== "");
  return [requester, on_behalf_of].some((own) => {
    if (own === null) return false;
    const person = personOf(people, own);
    const { names = [], emails = [] } = people.person(own) ?? {};
    const looks = [own, person, ...names, ...emails].map(looksOf);
    const isLike = (part: string) => people.find(part) === null && looks.includes(looksOf(part));
    return said.some((part) => personOf(people, part) === person || isLike(part));
  });
}

/** Whether it is done in a known person's name: then an answer without a name could be that person's own. */
function actsFor({ submission }: Request, people: People): boolean {
  const { requester, on_behalf_of } = submission.fields;
  return [requester, on_behalf_of].some((own) => own !== null && people.find(own) !== null);
}

/** A decision with the person in place of the name that was given. */
export function byPerson(decision: Decision, request: Request, people: People): Decision {
  if (decision.reviewer === UNNAMED) return decision;
  const person = personOf(people, decision.reviewer);
  // Where anyone may decide and nobody is known by that name, it stays as it was written.
  if (rosterIn(request) === null && people.find(decision.reviewer) === null) return decision;
  if (person === decision.reviewer) return decision;
  return { ...decision, reviewer: person, named: decision.reviewer };
}

/** A person's or a service's approval as it is recorded: the decision where it makes the quorum, else a vote. */
export function approvalBy(
  decision: Decision,
  request: Request,
  { at, window }: { readonly at: string; readonly window: Window },
): Event {
  const roster = rosterIn(request);
  const isLast = roster === null || quorumOf([...approversOf(request), decision.reviewer], roster).met;
  return isLast ? { type: "approved", at, decision, ...window } : { type: "voted", at, decision };
}

/** What is in the way of the statements in a note, beyond how they are written. */
export function problemsWithVotes(request: Request, reading: Reading, people: People): readonly Problem[] {
  const { verb, reviewer } = reading;
  if (verb === null) return [];
  if (verb !== "approve") {
    const code = wrongWithVote(request, verb, reviewer, people);
    return code === null ? [] : [tellWrong(code, request, reviewer)];
  }
  if (request.status !== "pending") return [];
  return newBallots(request, reading, people).flatMap((ballot) => {
    const code = wrongWithVote(request, verb, ballot.reviewer, people);
    if (code !== null) return [tellWrong(code, request, ballot.reviewer)];
    if (!isPassedOn(request, reading, ballot, people)) return [];
    return [problem("conflict", null, `${ballot.reviewer ?? UNNAMED} approves, and passes the decision on.`)];
  });
}

/** Whether whoever approves also passes the decision on, in the same note. */
export function isPassedOn(
  request: Request,
  reading: Reading,
  { reviewer }: Ballot,
  people: People,
): boolean {
  const person = (name: string | null) => (name === null ? null : personOf(people, name));
  if (person(reviewer) !== person(reading.reviewer)) return false;
  return newDelegation(request, reading, people) !== null;
}

function tellWrong(code: ProblemCode, request: Request, name: string | null): Problem {
  if (code !== "not_entitled") return problem(code);
  return problem(code, null, `${name ?? UNNAMED} may not decide this. ${tellVoters(request)}`);
}

/** Who may decide, as a sentence. */
export function tellVoters(request: Request): string {
  const roster = rosterIn(request);
  const persons = roster === null ? null : votersOf(roster);
  if (persons === null) return "Anyone else may.";
  if (persons.length === 0) return "At the moment nobody may.";
  const shown = persons.slice(0, TOLD).join(", ");
  const more = persons.length > TOLD ? ` and ${persons.length - TOLD} more` : "";
  return `Who may: ${shown}${more}.`;
}

const TOLD = 12;

/** What a request still needs of one group. */
export interface Missing {
  /** The names that the rule has; null for anybody. */
  readonly of: readonly string[] | null;
  readonly count: number;
  /** Who could give it now; null for anybody. */
  readonly persons: readonly string[] | null;
}

/** What is still needed; empty where anyone may decide, or everything is there. */
export function missingIn(request: Request): readonly Missing[] {
  const roster = rosterIn(request);
  if (roster === null) return [];
  const voters = approversOf(request);
  return quorumOf(voters, roster).missing.map(({ group, count }) => {
    const persons = votersIn(group, roster)?.filter((person) => !voters.includes(person)) ?? null;
    return { of: group.of, count, persons };
  });
}

/** The delegation that a note asks for and that is not recorded yet. */
export function newDelegation(
  request: Request,
  { delegate_to, reviewer }: Reading,
  people: People,
): (Delegation & { readonly code: null }) | { readonly code: ProblemCode; readonly message?: string } | null {
  if (delegate_to === null) return null;
  if (reviewer === null) return { code: "reviewer_missing" };
  const [from, to] = [personOf(people, reviewer), personOf(people, delegate_to)];
  // It stays there when the next one comes, who signs beside it and passes nothing on.
  if (request.delegations?.some((known) => known.to === to)) return null;
  const wrong = wrongWithDelegation(request, { from, to }, people);
  if (wrong === null) return { from, to, code: null };
  return {
    code: wrong.code === "not_entitled" ? "not_entitled" : "delegation_refused",
    message: wrong.message,
  };
}

/** Why a decision cannot be passed on; null where it can. */
export function wrongWithDelegation(
  request: Request,
  { from, to }: Delegation,
  people: People,
): Refusal | null {
  const roster = rosterIn(request);
  if (roster === null)
    return refusal("delegation_refused", "Anyone may decide this, so it need not be passed on.");
  if (isService(from) || !isEntitled(from, roster))
    return refusal("not_entitled", `${from} may not decide this. ${tellVoters(request)}`);
  const no = (why: string) => refusal("delegation_refused", `${from} cannot pass this on to ${to}: ${why}.`);
  if (approversOf(request).includes(from)) return no(`${from} has approved it already`);
  if (people.find(to) === null) return no("nobody of that name is known");
  if (!people.mayReceive(to)) return no("decisions may not be passed on to that person");
  if (roster.excluded.includes(to)) return no("it was asked for by that person, or in that person's name");
  const wrong = wrongWith({ from, to }, request.delegations ?? []);
  if (wrong === "to_oneself") return no("that is the same person");
  if (wrong === "circle") return no("it came from there");
  return wrong === "too_long" ? no("it has been passed on too often") : null;
}

/**
 * Whose recorded approval was taken out of the note again: the tick, the word, or the note out of the folder. What did
 * not come by the note cannot be taken out of it, nor a word, or a tick in everybody's box, that another's name is beside.
 */
export function withdrawnFrom(request: Request, reading: Reading, people: People): Decision | null {
  if (rosterIn(request) === null) return null;
  const given = approvalsOf(request).filter(
    (vote) =>
      vote.note_sha256 !== null && !reading.approvals.some(({ reviewer }) => isOf(vote, reviewer, people)),
  );
  const unticked = (vote: Decision) => reading.unticked.some((name) => isOf(vote, name, people));
  const isClear = !reading.problems.some(stopsAll);
  // Half of a note, as a save in place shows it for a moment, lacks more than a box.
  const isWhole = reading.problems.length === 0 && (reading.verb === null || reading.verb === "approve");
  const isGone = (vote: Decision): boolean => {
    if (vote.via === "own_box") return unticked(vote) || isWhole;
    if (vote.via === "folder") return isClear && !reading.dropped;
    return isClear && reading.wordless;
  };
  return given.find(isGone) ?? null;
}

/** Whether taking it out was a tick's: everything else may be about to be written anew. */
export function isUntick(vote: Decision, reading: Reading, people: People): boolean {
  return vote.via === "own_box" && reading.unticked.some((name) => isOf(vote, name, people));
}

/** The vote that can stand for the decision where those who voted are enough by now; null where they are not. */
export function decidingVote(request: Request): Decision | null {
  const roster = rosterIn(request);
  const voters = approversOf(request);
  if (roster === null || !quorumOf(voters, roster).met) return null;
  return request.votes?.findLast(({ reviewer }) => voters.includes(reviewer)) ?? null;
}

function same(one: Roster, other: Roster): boolean {
  return JSON.stringify(one, inOrder) === JSON.stringify(other, inOrder);
}

/** A roster that was read from the journal has its keys in another order. */
function inOrder(_: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
