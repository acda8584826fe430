import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { wrongWith } from "../../src/core/delegation.ts";
import { NOBODY, personOf } from "../../src/core/people.ts";
import { quorumOf } from "../../src/core/quorum.ts";
import { isEntitled, type Roster, type RosterGroup, rosterOf, votersOf } from "../../src/core/roster.ts";
import { peopleFrom } from "../people.ts";
import { canBeMet } from "./can-be-met.ts";

const PERSONS = ["ada", "bob", "cleo", "dan", "eve", "fay"];
const person = fc.constantFrom(...PERSONS);
const group: fc.Arbitrary<RosterGroup> = fc.record({
  of: fc.constant(["somebody"]),
  quorum: fc.integer({ min: 1, max: 3 }),
  owners: fc.oneof(
    { weight: 5, arbitrary: fc.uniqueArray(person, { minLength: 1, maxLength: 4 }) },
    { weight: 1, arbitrary: fc.constant(null) },
  ),
});
const roster: fc.Arbitrary<Roster> = fc.record({
  groups: fc.array(group, { minLength: 1, maxLength: 3 }),
  seats: fc
    .array(fc.uniqueArray(person, { minLength: 1, maxLength: 2 }), {
      minLength: PERSONS.length,
      maxLength: PERSONS.length,
    })
    .map((held) => PERSONS.map((owner, i) => ({ owner, held_by: held[i] ?? [owner] }))),
  excluded: fc.uniqueArray(person, { maxLength: 2 }),
});

describe("a quorum", () => {
  test("is met exactly when there is a way to fill it, every person and every seat counting once", () => {
    fc.assert(
      fc.property(fc.uniqueArray(person), roster, (voters, roster) => {
        expect(quorumOf(voters, roster).met).toBe(canBeMet(voters, roster));
      }),
      { numRuns: 1_000 },
    );
  });

  test("never takes fewer distinct persons than were asked for, in whatever order and however often they vote", () => {
    fc.assert(
      fc.property(fc.array(person, { maxLength: 12 }), roster, (votes, roster) => {
        const { met } = quorumOf(votes, roster);
        const needed = roster.groups.reduce((sum, { quorum }) => sum + quorum, 0);
        const able = new Set(votes.filter((name) => isEntitled(name, roster)));
        if (met) expect(able.size).toBeGreaterThanOrEqual(needed);
        expect(quorumOf([...votes].reverse(), roster).met).toBe(met);
        expect(quorumOf([...votes, ...votes], roster).met).toBe(met);
      }),
      { numRuns: 1_000 },
    );
  });

  test("is never lost by one more approval, and tells as many missing as there are", () => {
    fc.assert(
      fc.property(fc.uniqueArray(person), person, roster, (votes, more, roster) => {
        const count = (names: readonly string[]) =>
          quorumOf(names, roster).missing.reduce((sum, { count }) => sum + count, 0);
        const [before, after] = [count(votes), count([...votes, more])];
        expect(before - after).toBeGreaterThanOrEqual(0);
        expect(before - after).toBeLessThanOrEqual(1);
        expect(quorumOf(votes, roster).met).toBe(before === 0);
      }),
    );
  });

  test("takes names that look the same for one person's", () => {
    const groups = [{ of: null, quorum: 2, owners: null }];
    expect(
      quorumOf(["eve", "\u0435ve", "e\u0301ve", "ev\u200be"], { groups, seats: [], excluded: [] }).met,
    ).toBe(false);
    expect(quorumOf(["eve", "ev"], { groups, seats: [], excluded: [] }).met).toBe(true);
  });

  test("of nobody is never met", () => {
    expect(quorumOf(["ada"], { groups: [], seats: [], excluded: [] })).toEqual({ met: false, missing: [] });
  });
});

describe("a roster", () => {
  const people = peopleFrom(`
persons:
  ada: { names: [Ada Lovelace] }
  bob: { absent: [{ from: 1970-01-01, until: 1970-01-02, stand_in: dan }] }
  cleo: {}
  dan: {}
groups:
  treasury: [ada, bob]
  everybody: [ada, bob, cleo]
`);
  const asked = { requester: "agent", on_behalf_of: null, delegations: [], escalated_to: [], at: 43_200_000 };
  const of = (names: readonly string[] | null, more: Partial<Parameters<typeof rosterOf>[0]> = {}) =>
    rosterOf({ ...asked, approvers: [{ of: names, quorum: 1 }], ...more }, people);

  test.each<[string, Roster, string[] | null]>([
    ["has a group's persons, and whoever stands in", of(["treasury"]), ["ada", "bob", "dan"]],
    [
      "has a person of several groups once",
      of(["treasury", "everybody", "Ada Lovelace"]),
      ["ada", "bob", "cleo", "dan"],
    ],
    ["never has the requester", of(["treasury"], { requester: "ada" }), ["bob", "dan"]],
    [
      "nor whoever it acts for, by whatever name",
      of(["treasury"], { on_behalf_of: "Ada Lovelace" }),
      ["bob", "dan"],
    ],
    [
      "has those to whom it was escalated",
      of(["treasury"], { escalated_to: ["cleo"] }),
      ["ada", "bob", "cleo", "dan"],
    ],
    [
      "follows a decision that was passed on",
      of(["treasury"], { delegations: [{ from: "ada", to: "cleo" }] }),
      ["bob", "cleo", "dan"],
    ],
    [
      "follows it on and on",
      of(["treasury"], {
        delegations: [
          { from: "ada", to: "cleo" },
          { from: "cleo", to: "dan" },
        ],
      }),
      ["bob", "dan"],
    ],
    ["names nobody where anyone may", of(null), null],
  ])("%s", (_, roster, voters) => {
    expect(votersOf(roster)).toEqual(voters);
  });

  test("counts an absent person and whoever stands in as one", () => {
    const two = rosterOf({ ...asked, approvers: [{ of: ["treasury"], quorum: 2 }] }, people);
    expect(quorumOf(["bob", "dan"], two).met).toBe(false);
    expect(quorumOf(["ada", "dan"], two).met).toBe(true);
  });
});

test("a name is compared however its Latin letters are written, and in no other way", () => {
  expect(personOf(NOBODY, " Ada ")).toBe("ada");
  expect(personOf(NOBODY, "\u0410da")).not.toBe("ada");
  expect(personOf(NOBODY, "A\u030Angstrom")).toBe("\u00C5ngstrom");
});

test.each([
  ["to oneself", { from: "ada", to: "ada" }, [], "to_oneself"],
  ["back", { from: "bob", to: "ada" }, [{ from: "ada", to: "bob" }], "circle"],
  [
    "round",
    { from: "cleo", to: "ada" },
    [
      { from: "ada", to: "bob" },
      { from: "bob", to: "cleo" },
    ],
    "circle",
  ],
  [
    "too often",
    { from: "dan", to: "eve" },
    [
      { from: "ada", to: "bob" },
      { from: "bob", to: "cleo" },
      { from: "cleo", to: "dan" },
    ],
    "too_long",
  ],
  ["on", { from: "bob", to: "cleo" }, [{ from: "ada", to: "bob" }], null],
  ["beside another", { from: "cleo", to: "bob" }, [{ from: "ada", to: "bob" }], null],
])("a decision is passed %s", (_, delegation, before, wrong) => {
  expect(wrongWith(delegation, before)).toBe(wrong);
});
