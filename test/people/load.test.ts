import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { NOBODY } from "../../src/core/people.ts";
import { loadPeople } from "../../src/people/load.ts";
import { peopleFrom } from "../people.ts";
import { at } from "./stage.ts";
import { WRONG } from "./wrong-people.ts";

describe("a wrong file is refused", () => {
  test.each(WRONG)("%s", (_, text, code, line) => {
    const { people, findings } = loadPeople("people.yaml", text);
    expect(findings).toContainEqual(expect.objectContaining({ code, line, file: "people.yaml" }));
    expect(people).toBeNull();
    for (const { message, hint } of findings) expect(message && hint).toBeTruthy();
  });

  test("with all that is wrong at once", () => {
    const text = "zone: Mars\npersons:\n  ada: { nmae: x }\ngroups:\n  a: [cy]\n";
    const { findings } = loadPeople("people.yaml", text);
    expect(findings.map(({ code, line }) => [code, line])).toEqual([
      ["unknown_zone", 1],
      ["unknown_key", 3],
      ["unknown_person", 5],
    ]);
  });

  test("and no text makes loading throw", () => {
    const parts = fc.constantFrom(
      ..."persons: groups: hours: zone: ada: bob: names: email: git: absent: - from: until: 2026-12-21 2026-99-99T25:00 stand_in: rota: shift: 1w starts: order: days: mon-fri: 09:00-17:00 holidays: [ ] { } ' , \n  null".split(
        " ",
      ),
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(parts).map((words) => words.join(" ")),
          fc.array(parts).map((words) => words.join("\n")),
          fc.array(parts).map((words) => `{ ${words.join(" {")}`),
        ),
        (text) => {
          loadPeople("people.yaml", text);
        },
      ),
    );
  });
});

test.each(["", "# nobody yet\n", "persons: {}\n"])("a file may name nobody: %j", (text) => {
  const people = peopleFrom(text);
  expect(people.persons).toEqual([]);
  expect(people.find("ada")).toBeNull();
  expect(people.snapshot).toMatch(/^sha256:[0-9a-f]{64}$/);
  const { snapshot: _, ...rest } = NOBODY;
  for (const [key, value] of Object.entries(rest)) {
    if (typeof value !== "function") continue;
    expect((people[key as keyof typeof rest] as (...args: unknown[]) => unknown)("x", 0), key).toEqual(
      (value as (...args: unknown[]) => unknown)("x", 0),
    );
  }
});

const ADA = `
persons:
  ada:
    names: [Ada Lovelace, "Jörg", Анна]
    email: [ada@example.org, AL@example.com]
    git: Ada L. <ada@work.example>
    keys: ssh-ed25519 AAAA ada
    notify: [mail, slack]
  bob: { may_receive: false }
groups:
  Treasury: [ada, bob]
`;

describe("a person is found", () => {
  const people = peopleFrom(ADA);
  test.each([
    "ada",
    "ADA",
    " ada ",
    "ada lovelace",
    "Ada  Lovelace",
    "J\u00f6rg",
    "Jo\u0308rg",
    "Анна",
    "ADA@example.org",
    "al@example.com",
    "Ada L. <ada@work.example>",
    "ada@work.example",
  ])("by %j", (name) => {
    expect(people.find(name)).toBe("ada");
    expect(people.person(name)?.keys).toEqual(["ssh-ed25519 AAAA ada"]);
    expect(people.knows(name)).toBe(true);
    expect(people.notify(name)).toEqual(["mail", "slack"]);
    expect(people.mayReceive(name)).toBe(true);
  });

  test.each([
    "",
    "аda",
    "a\u200dda",
    "ａda",
    "Lovelace",
    "JÖRG",
    "Jorg",
    "анна",
    "Bob <ada@work.example>",
    "Ada Lovelace <ada@example.org>",
    "Treasury",
    `ada${" ".repeat(400)}x`,
    "__proto__",
    "constructor",
  ])("and nobody by %j", (name) => {
    expect(people.find(name)).toBeNull();
    expect(people.person(name)).toBeNull();
  });

  test("and a group by its name alone", () => {
    expect(people.knows("TREASURY")).toBe(true);
    expect(people.members("treasury", 0)).toEqual(["ada", "bob"]);
    expect(people.members("ada", 0)).toBeNull();
    expect(people.members("nobody", 0)).toBeNull();
    expect(people.mayReceive("bob")).toBe(false);
    expect(people.groups).toEqual(["Treasury"]);
  });
});

test("the snapshot is the SHA-256 of the text", () => {
  expect(peopleFrom("").snapshot).toBe(
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  );
});

describe("groups", () => {
  const people = peopleFrom(`
zone: Europe/Berlin
persons: { ada: { names: Countess }, bob: {}, cy: {}, dee: {} }
groups:
  one: [COUNTESS, ada]
  both: [one, bob, one]
  week: { rota: { shift: 1w, starts: 2026-11-02T09:00, order: [bob, cy] } }
  day: { rota: { shift: 1d, starts: 2026-11-02T09:00, order: [one, week, dee] } }
  all: [both, day]
`);
  test.each([
    ["one", "2026-11-03T12:00Z", ["ada"]],
    ["both", "2026-11-03T12:00Z", ["ada", "bob"]],
    ["week", "2026-11-02T07:59:59Z", []],
    ["week", "2026-11-02T08:00:00Z", ["bob"]],
    ["week", "2026-11-09T07:59:59Z", ["bob"]],
    ["week", "2026-11-09T08:00:00Z", ["cy"]],
    ["week", "2026-11-16T08:00:00Z", ["bob"]],
    ["day", "2026-11-02T08:00:00Z", ["ada"]],
    ["day", "2026-11-03T08:00:00Z", ["bob"]],
    ["day", "2026-11-04T08:00:00Z", ["dee"]],
    ["day", "2026-11-12T08:00:00Z", ["cy"]],
    ["all", "2026-11-12T08:00:00Z", ["ada", "bob", "cy"]],
  ])("%s at %s", (group, time, persons) => {
    expect(people.members(group, at(time))).toEqual(persons);
  });

  test.each<[readonly string[], number]>([
    [["ada", "Countess", "one"], 1],
    [["both"], 2],
    [["week"], 1],
    [["week", "bob"], 2],
    [["week", "bob", "cy"], 2],
    [["day"], 1],
    [["all"], 3],
    [["week", "week"], 1],
    [["nobody"], 0],
    [[], 0],
  ])("%j are at most %i at once", (names, count) => {
    expect(people.atOnce(names)).toBe(count);
  });

  test("that hold each other many times over are told in no time", () => {
    const groups = Array.from({ length: 60 }, (_, i) => `  g${i}: [g${i + 1}, g${i + 1}, r${i}]`);
    const rotas = Array.from(
      { length: 60 },
      (_, i) => `  r${i}: { rota: { shift: 1d, starts: 2026-11-02T09:00, order: [g${i + 1}, g${i + 1}] } }`,
    );
    const many = peopleFrom(
      ["persons: { ada: {} }", "groups:", ...groups, ...rotas, "  g60: ada"].join("\n"),
    );
    expect(many.members("g0", at("2026-11-22T12:00Z"))).toEqual(["ada"]);
    expect(many.atOnce(["g0"])).toBe(1);
  });
});

describe("a rota is handed over", () => {
  const rota = (shift: string, starts: string, zone: string) =>
    peopleFrom(
      `persons: { ada: {}, bob: {}, cy: {} }\ngroups: { duty: { rota: { shift: ${shift}, starts: ${starts}, zone: ${zone}, order: [ada, bob, cy] } } }`,
    );
  test("at the same time on the clock when summer begins and when it ends", () => {
    const people = rota("1d", "2026-03-28T09:00", "Europe/Berlin");
    const on = (time: string) => people.members("duty", at(time))?.[0];
    expect([on("2026-03-28T08:00Z"), on("2026-03-29T06:59Z"), on("2026-03-29T07:00Z")]).toEqual([
      "ada",
      "ada",
      "bob",
    ]);
    // 210 days later: 210 is a multiple of three.
    expect([on("2026-10-24T07:00Z"), on("2026-10-25T07:59Z"), on("2026-10-25T08:00Z")]).toEqual([
      "ada",
      "ada",
      "bob",
    ]);
  });

  test("once, also where the clock shows the hour twice or not at all", () => {
    for (const [zone, starts] of [
      ["Europe/Berlin", "2026-01-01T02:30"],
      ["Australia/Lord_Howe", "2026-01-01T01:45"],
      ["Australia/Lord_Howe", "2026-01-01T02:15"],
      ["America/St_Johns", "2026-01-01T01:10"],
      ["Asia/Kathmandu", "2026-01-01T00:00"],
    ] as const) {
      for (const shift of ["1h", "12h", "1d"]) {
        const people = rota(shift, starts, zone);
        for (const month of ["03-27", "04-04", "03-07", "10-03", "10-24", "10-31"]) {
          const from = at(`2026-${month}T00:00Z`);
          const seen: string[] = [];
          for (let i = 0; i < 3 * 24 * 4; i += 1) {
            const [name = ""] = people.members("duty", from + i * 900_000) ?? [];
            if (seen.at(-1) !== name) seen.push(name);
          }
          const order = ["ada", "bob", "cy"];
          const steps = seen
            .slice(1)
            .map((name, i) => (order.indexOf(name) - order.indexOf(seen[i] ?? "") + 3) % 3);
          // Where an hour is left out, a turn of one hour may be left out with it.
          const allowed = shift === "1h" ? [1, 2] : [1];
          expect(
            steps.filter((step) => !allowed.includes(step)),
            `${zone} ${shift} ${month}`,
          ).toEqual([]);
        }
      }
    }
  });
});

describe("who is absent", () => {
  const people = peopleFrom(`
zone: UTC
hours: { berlin: { zone: Europe/Berlin, days: { mon-fri: 09:00-17:00 } } }
persons:
  ada:
    hours: berlin
    absent:
      - { from: 2026-12-21, until: 2026-12-23, stand_in: Bobby }
      - { from: 2026-12-30T12:00, until: 2026-12-30T12:00-05:00 }
  bob: { names: Bobby, absent: [{ from: 2026-12-22T12:00, until: 2026-12-22T18:00Z, stand_in: cy }] }
  cy: { absent: [{ from: 2026-12-22T13:00, until: 2026-12-22T14:00 }] }
`);
  test.each<[string, string, boolean, string | null]>([
    ["ada", "2026-12-20T22:59:59Z", false, null],
    ["ada", "2026-12-20T23:00:00Z", true, "bob"],
    ["ada", "2026-12-23T22:59:59Z", true, "bob"],
    ["ada", "2026-12-23T23:00:00Z", false, null],
    ["Ada", "2026-12-22T11:59:00Z", true, "bob"],
    ["ada", "2026-12-22T12:00:00Z", true, "cy"],
    ["bobby", "2026-12-22T12:30:00Z", true, "cy"],
    ["ada", "2026-12-22T13:30:00Z", true, null],
    ["cy", "2026-12-22T13:30:00Z", true, null],
    ["ada", "2026-12-22T17:59:00Z", true, "cy"],
    ["ada", "2026-12-22T18:00:00Z", true, "bob"],
    ["ada", "2026-12-30T11:00:00Z", true, null],
    ["ada", "2026-12-30T17:00:00Z", false, null],
    ["nobody", "2026-12-22T12:00:00Z", false, null],
  ])("%s at %s", (name, time, absent, standIn) => {
    expect(people.isAbsent(name, at(time))).toBe(absent);
    expect(people.standIn(name, at(time))).toBe(standIn);
  });
});
