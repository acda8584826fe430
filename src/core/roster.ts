import type { Delegation } from "./delegation.ts";
import { isService, type People, personOf, serviceOf } from "./people.ts";
import type { ApproverGroup } from "./verdict.ts";

/** One person's place among the approvers of a request, and who may vote in it now. */
interface Seat {
  readonly owner: string;
  /** The owner, whoever stands in, or whom it was passed on to. */
  readonly held_by: readonly string[];
}

/** One of the groups that must all have their quorum. */
export interface RosterGroup {
  /** The names that the rule has; null for whoever may decide. */
  readonly of: readonly string[] | null;
  readonly quorum: number;
  /** Whose seats these are; null where anyone may vote. */
  readonly owners: readonly string[] | null;
}

/** Who may decide one request. */
export interface Roster {
  readonly groups: readonly RosterGroup[];
  /** Every owner's one seat, in however many of the groups it counts. */
  readonly seats: readonly Seat[];
  /** Who may not in any case: the requester, and whoever it acts for. */
  readonly excluded: readonly string[];
}

/** What a roster is made of, besides the people. */
export interface RosterInput {
  readonly approvers: readonly ApproverGroup[];
  readonly requester: string;
  readonly on_behalf_of: string | null;
  readonly delegations: readonly Delegation[];
  /** Whom it was escalated to: they may decide in every group. */
  readonly escalated_to: readonly string[];
  /** When, in ms since the epoch. */
  readonly at: number;
}

/** Who may decide, by the people as they are at that time. */
export function rosterOf(input: RosterInput, people: People): Roster {
  const { requester, on_behalf_of, approvers, escalated_to } = input;
  const excluded = [requester, ...(on_behalf_of === null ? [] : [on_behalf_of])];
  const groups = approvers.map(({ kind, of, quorum }): RosterGroup => {
    if (of === null) return { of, quorum, owners: null };
    if (kind === "service") return { of, quorum, owners: of.map(serviceOf) };
    return { of, quorum, owners: namesIn([...of, ...escalated_to], people, input.at) };
  });
  const owners = new Set(groups.flatMap((group) => group.owners ?? []));
  return {
    groups,
    seats: [...owners].map((owner) => seatOf(owner, input, people)),
    excluded: [...new Set(excluded.map((name) => personOf(people, name)))],
  };
}

function namesIn(names: readonly string[], people: People, at: number): readonly string[] {
  const persons = names.flatMap((name) => people.members(name, at) ?? [personOf(people, name)]);
  return [...new Set(persons)].sort();
}

function seatOf(owner: string, { delegations, at }: RosterInput, people: People): Seat {
  if (isService(owner)) return { owner, held_by: [owner] };
  const standIn = people.standIn(owner, at);
  const first = standIn === null ? [owner] : [owner, standIn];
  const held_by = delegations.reduce<readonly string[]>(
    (holders, { from, to }) => holders.map((holder) => (holder === from ? to : holder)),
    first,
  );
  return { owner, held_by: [...new Set(held_by)] };
}

/** Whether everybody may decide alone, with or without a name. */
export function isOpenToAll({ groups }: Pick<Roster, "groups">): boolean {
  const [only] = groups;
  return groups.length <= 1 && (only === undefined || (only.owners === null && only.quorum === 1));
}

/** Whether a person may decide. */
export function isEntitled(person: string, { groups, seats, excluded }: Roster): boolean {
  if (excluded.includes(person)) return false;
  if (!isService(person) && groups.some(({ owners }) => owners === null)) return true;
  return seats.some(({ held_by }) => held_by.includes(person));
}

/** The services that are asked. */
export function servicesOf({ seats }: Roster): readonly string[] {
  return seats.map(({ owner }) => owner).filter(isService);
}

/** All persons that may decide, in the order of the alphabet; null where anyone may. */
export function votersOf(roster: Roster): readonly string[] | null {
  const { groups } = roster;
  if (groups.length === 0 || groups.some(({ owners }) => owners === null)) return null;
  const voters = groups.flatMap((group) => votersIn(group, roster) ?? []);
  return [...new Set(voters)].filter((voter) => !isService(voter)).sort();
}

/** Those of one group; null where anyone may. */
export function votersIn({ owners }: RosterGroup, { seats, excluded }: Roster): readonly string[] | null {
  if (owners === null) return null;
  const persons = seats.filter(({ owner }) => owners.includes(owner)).flatMap(({ held_by }) => held_by);
  return [...new Set(persons)].filter((person) => !excluded.includes(person));
}
