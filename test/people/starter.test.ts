import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { renderStarterPeople } from "../../src/people/starter.ts";
import { peopleFrom } from "../people.ts";

const EXAMPLE = { user: "ada", name: "Ada Lovelace", email: "ada@example.org" };

describe("the people that init writes", () => {
  test("are the current user, under all names", () => {
    const people = peopleFrom(renderStarterPeople(EXAMPLE));
    for (const name of ["ada", "Ada Lovelace", "ada@example.org", "Ada Lovelace <ada@example.org>"]) {
      expect(people.find(name)).toBe("ada");
    }
    expect(people.persons).toHaveLength(1);
  });

  test.each([
    ["ada", "ada"],
    ["DOMAIN\\ada", "DOMAIN-ada"],
    ["Jörg Müller", "Jorg-Muller"],
    ["анна", "me"],
    ["unnamed", "me"],
    ["1e3", "1e3"],
    ["null", "null"],
    ["", "me"],
  ])("are called by the user's name as far as it can be one: %j", (user, name) => {
    const people = peopleFrom(renderStarterPeople({ ...EXAMPLE, user, name: null, email: null }));
    expect(people.persons.map((person) => person.name)).toEqual([name]);
  });

  test("can be added to by taking lines out of their comment", () => {
    const text = renderStarterPeople(EXAMPLE).replaceAll(/^( *)# (?=[ a-z]+:)/gm, "$1");
    const people = peopleFrom(text);
    expect(people.members("treasury", 0)).toEqual(["ada", "bob"]);
  });

  test("are valid whatever the machine says", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.string(),
      fc.constantFrom("ada", "Ada", "a@b.c", "А", "<x>", "ada ", '"', "x\ny"),
    );
    fc.assert(
      fc.property(
        text,
        fc.option(text),
        fc.option(fc.oneof(text, fc.emailAddress())),
        (user, name, email) => {
          expect(peopleFrom(renderStarterPeople({ user, name, email })).persons).toHaveLength(1);
        },
      ),
    );
  });
});
