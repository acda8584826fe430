import type { Finding } from "../core/codes.ts";
import type { People, Person } from "../core/people.ts";
import { sha256 } from "../document/digest.ts";
import { openSheet, type Sheet } from "../document/fields.ts";
import { absenceOf, settleAbsences, standInOf } from "./absence.ts";
import { checkGroups, createGroups } from "./groups.ts";
import { addressOf, createRegister, type Owner, type Register } from "./names.ts";
import { type PeopleFile, readPeople } from "./read-people.ts";
import { addWorkingTime, endOfNextBusinessDay } from "./working-time.ts";

export interface LoadedPeople {
  /** Null where anything but a warning was found. */
  readonly people: People | null;
  readonly findings: readonly Finding[];
}

/** Loads `people.yaml`, and finds everything that is wrong with it. Never throws. */
export function loadPeople(file: string, text: string): LoadedPeople {
  const findings: Finding[] = [];
  const sheet = openSheet(file, text, findings);
  if (sheet === null) return { people: null, findings };
  const read = readPeople(sheet);
  const register = createRegister(findings);
  claimNames(sheet, read, register);
  checkGroups(sheet, read.groups, register);
  const absences = settleAbsences(sheet, read.persons, register);
  findings.sort((a, b) => a.line - b.line);
  if (findings.some(({ warning }) => !warning)) return { people: null, findings };
  const persons = read.persons.map((written): Person => {
    const { name, names, emails, git, keys, notify, hours, may_receive } = written;
    const absent = (absences.get(name)?.absent ?? []).map(({ from, until, stand_in }) => {
      return { from, until, stand_in };
    });
    return { name, names, emails, git, keys, notify, hours, absent, may_receive };
  });
  return { people: peopleOf(`sha256:${sha256(text)}`, read, persons, register), findings };
}

function claimNames({ file }: Sheet, { persons, groups }: PeopleFile, register: Register): void {
  // Canonical names first, so that the alias is told, not the person whose name it is.
  const owners = [
    ...persons.map(({ name, line }): [Owner, number] => [{ is: "person", name }, line]),
    ...groups.map(({ name, line }): [Owner, number] => [{ is: "group", name }, line]),
  ];
  for (const [owner, line] of owners) register.claim(owner.name, owner, { file, line });
  for (const { name, lineOf, ...person } of persons) {
    const owner: Owner = { is: "person", name };
    const claim = (key: string, names: readonly string[]) => {
      for (const one of names) register.claim(one, owner, { file, line: lineOf(key) });
    };
    claim("names", person.names);
    claim("email", person.emails);
    claim("git", person.git);
    claim(
      "git",
      person.git.flatMap((identity) => addressOf(identity) ?? []),
    );
  }
}

function peopleOf(
  snapshot: string,
  { groups: written, hours }: PeopleFile,
  persons: readonly Person[],
  register: Register,
): People {
  const byName = new Map(persons.map((person) => [person.name, person]));
  const { members, atOnce } = createGroups(written, register);
  const find = (name: string) => {
    const owner = register.ownerOf(name);
    return owner?.is === "person" ? owner.name : null;
  };
  const person = (name: string) => byName.get(find(name) ?? "") ?? null;
  return {
    snapshot,
    persons,
    groups: written.map(({ name }) => name),
    find,
    person,
    knows: (name) => register.ownerOf(name) !== null,
    members,
    atOnce,
    isAbsent: (name, at) => absenceOf(byName, find(name) ?? "", at) !== null,
    standIn: (name, at) => standInOf(byName, find(name) ?? "", at),
    notify: (name) => person(name)?.notify ?? [],
    mayReceive: (name) => person(name)?.may_receive ?? false,
    hours: (name) => hours.get(name) ?? null,
    hoursNames: [...hours.keys()],
    workingEnd(name, span, from) {
      const own = hours.get(name);
      if (own === undefined) return from;
      return span.is === "time" ? addWorkingTime(from, span.ms, own) : endOfNextBusinessDay(from, own);
    },
  };
}
