/**
 * Words about people, with one meaning each.
 *
 * - person: somebody who may decide, with one canonical name and any number of others
 * - group: persons and groups under one name
 * - rota: a group of which only those count who are on duty
 * - hours: when somebody works, in a time zone
 * - stand-in: who decides for a person who is absent
 */

/** What a requester, a person or a group can be called: nothing in it can be taken for another letter. */
export const NAME = /^[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}$/;

/**
 * The persons and groups that are known. Names are compared without regard to the case of the letters A to Z and to how a
 * letter with accents is stored; every other difference makes another name. Times are ms since 1970.
 */
export interface People {
  /** `sha256:` and hex over the file's text; null where there is none. */
  readonly snapshot: string | null;
  readonly persons: readonly Person[];
  /** Names of groups. */
  readonly groups: readonly string[];
  /** The canonical name of the person with this name, alias, e-mail address or git identity; null for anybody else. */
  find(name: string): string | null;
  person(name: string): Person | null;
  /** Whether a person or a group has this name. */
  knows(name: string): boolean;
  /**
   * Canonical names of those who are in a group at a time, each once; of a rota those on duty. Absence changes nothing
   * in it. Null where the name is not a group's.
   */
  members(group: string, at: number): readonly string[] | null;
  /** How many different persons these persons and groups can be at one time, at the most. */
  atOnce(names: readonly string[]): number;
  isAbsent(person: string, at: number): boolean;
  /** Who, being there, stands in for a person who is absent; null where nobody does, or the person is there. */
  standIn(person: string, at: number): string | null;
  /** The channels that a person wants to be told by, the preferred one first. */
  notify(person: string): readonly string[];
  /** Whether others may pass their decisions on to this person. */
  mayReceive(person: string): boolean;
  /** The hours of that name. */
  hours(name: string): Hours | null;
  readonly hoursNames: readonly string[];
  /** When so much of the time that the hours of that name give has passed since an instant. */
  workingEnd(hours: string, span: WorkingSpan, from: number): number;
}

/** A span of the time in which people work; the next business day lasts until its hours close. */
export type WorkingSpan = { readonly is: "time"; readonly ms: number } | { readonly is: "next_business_day" };

export interface Person {
  /** The canonical name. */
  readonly name: string;
  readonly names: readonly string[];
  readonly emails: readonly string[];
  /** `Name <address>`, as in commits. */
  readonly git: readonly string[];
  /** Public keys or their fingerprints. */
  readonly keys: readonly string[];
  readonly notify: readonly string[];
  /** Null where this person has none. */
  readonly hours: Hours | null;
  readonly absent: readonly Absence[];
  readonly may_receive: boolean;
}

/** From an instant up to another, which is no longer part of it. */
export interface Absence {
  readonly from: number;
  readonly until: number;
  /** A canonical name. */
  readonly stand_in: string | null;
}

export interface Hours {
  /** An IANA time zone, such as `Europe/Berlin`. */
  readonly zone: string;
  /** Seven days, Monday first, each with its times in order. */
  readonly days: readonly (readonly Span[])[];
  /** Days on which nobody works, such as `2026-12-25`. */
  readonly holidays: readonly string[];
}

/** Part of a day by the clock on the wall, in minutes from midnight; `to` is no longer part of it. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** Where nobody has said who there is. */
export const NOBODY: People = {
  snapshot: null,
  persons: [],
  groups: [],
  find: () => null,
  person: () => null,
  knows: () => false,
  members: () => null,
  atOnce: () => 0,
  isAbsent: () => false,
  standIn: () => null,
  notify: () => [],
  mayReceive: () => false,
  hours: () => null,
  hoursNames: [],
  workingEnd: (_hours, _span, from) => from,
};

/** What a person without a name is called. */
export const UNNAMED = "unnamed";

/** Programs that review are told apart from persons by what their names begin with, which no person's can. */
const SERVICE = "service:";

export function serviceOf(name: string): string {
  return SERVICE + name;
}

export function isService(reviewer: string): boolean {
  return reviewer.trim().toLowerCase().startsWith(SERVICE);
}

/** Whom a name means: the known person, else the name itself, however its Latin letters are written. */
export function personOf(people: People, name: string): string {
  const plain = name.normalize("NFC").trim();
  return people.find(plain) ?? plain.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
}
