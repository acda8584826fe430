import type { FindingCode } from "../../src/core/codes.ts";

/** Two persons, whose file goes on with more lines; the first of these is line 4. */
const two = (...lines: string[]) => ["persons:", "  ada: {}", "  bob: {}", ...lines].join("\n");
const ada = (...lines: string[]) =>
  ["persons:", "  bob: { names: Bobby }", "  ada:", ...lines.map((line) => `    ${line}`)].join("\n");
const rota = (...lines: string[]) =>
  two("groups:", "  duty:", "    rota:", ...lines.map((line) => `      ${line}`));
const hours = (...lines: string[]) =>
  ["hours:", "  office:", ...lines.map((line) => `    ${line}`)].join("\n");
const days = (text: string) => hours(`days: { ${text} }`);
const away = (who: string, from: string, until: string, more = "") =>
  `  ${who}: { absent: [{ from: ${from}, until: ${until}${more} }] }`;

type Wrong = readonly [name: string, text: string, code: FindingCode, line: number];

export const WRONG: readonly Wrong[] = [
  ["broken YAML", "persons: [", "not_plain_yaml", 1],
  ["a person twice", "persons:\n  ada: {}\n  ada: {}", "not_plain_yaml", 3],
  ["a list at the top", "- ada", "wrong_value", 1],
  ["persons in a list", "persons: [ada]", "wrong_value", 1],
  ["a person who is no map", "persons:\n  ada: yes", "wrong_value", 2],
  ["an unknown key at the top", two("teams: {}"), "unknown_key", 4],
  ["the key of a file that init once wrote", "people:\n  ada: { name: Ada }", "unknown_key", 1],
  ["services, which are no persons", two("services: {}"), "unknown_key", 4],
  ["an unknown key of a person", ada("nmaes: Ada"), "unknown_key", 4],
  [
    "an unknown key of an absence",
    ada("absent:", "  - { from: 2026-12-21, till: 2026-12-22 }"),
    "unknown_key",
    5,
  ],
  ["an unknown key of a rota", rota("shifts: 1w"), "unknown_key", 7],
  ["an unknown key of a group", two("groups:", "  a: { members: [ada] }"), "unknown_key", 5],
  ["an unknown key of hours", hours("day: {}"), "unknown_key", 3],

  ["a name with a space", "persons:\n  Ada Lovelace: {}", "wrong_value", 2],
  ["a name in other letters", "persons:\n  аda: {}", "wrong_value", 2],
  ["the name of nobody", "persons:\n  Unnamed: {}", "wrong_value", 2],
  ["a group without a proper name", two("groups:", "  a/b: ada"), "wrong_value", 5],
  ["an alias of two alphabets", ada("names: [Аda]"), "wrong_value", 4],
  ["an alias with what cannot be seen", ada('names: ["A\\u200dda"]'), "wrong_value", 4],
  ["an alias without letters", ada("names: ['--']"), "wrong_value", 4],
  ["an alias of two lines", ada('names: ["A\\nB"]'), "wrong_value", 4],
  ["an alias that is a git identity", ada("names: Ada <ada@example.org>"), "wrong_value", 4],
  ["the alias of nobody", ada("names: UNNAMED"), "wrong_value", 4],
  ["an alias that is no text", ada("names: [7]"), "wrong_value", 4],
  ["an e-mail address without @", ada("email: ada"), "wrong_value", 4],
  ["a git identity without address", ada("git: Ada"), "wrong_value", 4],
  ["a channel that is no name", ada("notify: [https://example.org]"), "wrong_value", 4],
  ["a yes that is none", ada("may_receive: 'yes'"), "wrong_value", 4],

  ["two persons whose names differ in case", "persons:\n  ada: {}\n  Ada: {}", "name_taken", 3],
  ["another one's name as an alias", ada("names: BOB"), "name_taken", 4],
  ["another one's alias", ada("names: bobby"), "name_taken", 4],
  [
    "another one's alias, stored in another way",
    'persons:\n  ada: { names: "J\\u00f6rg" }\n  bob: { names: "Jo\\u0308rg" }',
    "name_taken",
    3,
  ],
  ["a shared e-mail address", "persons:\n  ada: { email: a@b.c }\n  bob: { email: A@b.c }", "name_taken", 3],
  [
    "an e-mail address in a git identity",
    "persons:\n  ada: { email: a@b.c }\n  bob: { git: Bob <a@b.c> }",
    "name_taken",
    3,
  ],
  [
    "another one's name as an e-mail address",
    "persons:\n  a@b.c: {}\n  bob: { email: a@b.c }",
    "name_taken",
    3,
  ],
  ["a group with a person's name", two("groups:", "  ADA: bob"), "name_taken", 5],
  ["a group with a person's alias", ada("names: treasury\ngroups:\n  treasury: bob"), "name_taken", 4],
  ["an alias that looks like another's name", ada("names: ВОВВУ"), "names_alike", 4],
  [
    "an alias that looks like another's alias",
    "persons:\n  ada: { names: Ope }\n  bob: { names: Оре }",
    "names_alike",
    3,
  ],
  ["an alias in wide letters", ada('names: "Ｂob"'), "wrong_value", 4],

  ["a group with a stranger", two("groups:", "  a: [ada, cy]"), "unknown_person", 5],
  ["an empty group", two("groups:", "  a: []"), "empty_group", 5],
  ["a group of nothing", two("groups:", "  a:"), "empty_group", 5],
  ["a group in itself", two("groups:", "  a: [a]"), "circle", 5],
  ["a circle of groups", two("groups:", "  a: [ada, b]", "  b: c", "  c: [bob, A]"), "circle", 7],
  [
    "a circle through a rota",
    two(
      "groups:",
      "  a: [duty]",
      "  duty: { rota: { shift: 1d, starts: 2026-11-02T09:00, order: [ada, a] } }",
    ),
    "circle",
    6,
  ],

  ["a rota of nobody", rota("shift: 1w", "starts: 2026-11-02T09:00", "order: []"), "empty_group", 9],
  ["a rota without order", rota("shift: 1w", "starts: 2026-11-02T09:00"), "empty_group", 6],
  [
    "a rota with a stranger",
    rota("shift: 1w", "starts: 2026-11-02T09:00", "order: [ada, cy]"),
    "unknown_person",
    9,
  ],
  ["a rota without shift", rota("starts: 2026-11-02T09:00", "order: ada"), "key_missing", 6],
  ["a rota without beginning", rota("shift: 1w", "order: ada"), "key_missing", 6],
  ["a shift of nothing", rota("shift: 0d", "starts: 2026-11-02T09:00", "order: ada"), "wrong_value", 7],
  ["a shift of minutes", rota("shift: 30m", "starts: 2026-11-02T09:00", "order: ada"), "wrong_value", 7],
  [
    "a rota that begins on no time",
    rota("shift: 1w", "starts: 2026-02-30T09:00", "order: ada"),
    "wrong_value",
    8,
  ],
  ["a rota that begins on a day", rota("shift: 1w", "starts: 2026-11-02", "order: ada"), "wrong_value", 8],
  [
    "a rota in no zone",
    rota("shift: 1w", "starts: 2026-11-02T09:00", "zone: Europe/Atlantis", "order: ada"),
    "unknown_zone",
    9,
  ],

  ["a zone that is none", `zone: Mars\n${two()}`, "unknown_zone", 1],
  ["an offset for a zone", hours("zone: '+01:00'", "days: { mon: 09:00-17:00 }"), "unknown_zone", 3],
  [
    "hours of a zone that is none",
    hours("zone: Europe/Berlim", "days: { mon: 09:00-17:00 }"),
    "unknown_zone",
    3,
  ],
  ["hours without days", hours("zone: Europe/Berlin"), "key_missing", 2],
  ["hours that never open", days(""), "never_open", 3],
  ["hours whose days never open", days("mon: [], tue:"), "never_open", 3],
  ["hours on no day", days("monday: 09:00-17:00"), "wrong_value", 3],
  ["hours on an unknown row of days", days("mon-fry: 09:00-17:00"), "wrong_value", 3],
  ["hours on a day twice", days("mon-fri: 09:00-17:00, fri: 09:00-12:00"), "not_together", 3],
  ["hours that end before they begin", days("mon: 17:00-09:00"), "wrong_value", 3],
  ["hours of no length", days("mon: 09:00-09:00"), "wrong_value", 3],
  ["hours at no time of day", days("mon: 09:00-25:00"), "wrong_value", 3],
  ["hours that overlap", days("mon: [09:00-12:00, 11:00-17:00]"), "not_together", 3],
  ["a holiday on no day", hours("days: { mon: 09:00-17:00 }", "holidays: [2026-02-29]"), "wrong_value", 4],
  ["a person with unknown hours", ada("hours: office"), "unknown_hours", 4],

  [
    "an absence that ends first",
    ada("absent:", "  - { from: 2026-12-22, until: 2026-12-21 }"),
    "ends_before_start",
    5,
  ],
  [
    "an absence that ends when it begins",
    ada("absent:", "  - { from: 2026-12-22T09:00, until: 2026-12-22T09:00 }"),
    "ends_before_start",
    5,
  ],
  ["an absence without end", ada("absent:", "  - { from: 2026-12-22 }"), "key_missing", 5],
  ["an absence on no day", ada("absent:", "  - { from: 2026-12-32, until: 2027-01-01 }"), "wrong_value", 5],
  [
    "two absences at one time",
    ada(
      "absent:",
      "  - { from: 2026-12-21, until: 2026-12-24 }",
      "  - { from: 2026-12-24, until: 2026-12-26, stand_in: bob }",
    ),
    "not_together",
    6,
  ],
  [
    "a stand-in whom nobody knows",
    ada("absent:", "  - { from: 2026-12-21, until: 2026-12-24, stand_in: cy }"),
    "unknown_person",
    5,
  ],
  [
    "a group as a stand-in",
    ada("absent:", "  - { from: 2026-12-21, until: 2026-12-24, stand_in: all }\ngroups:\n  all: [ada, bob]"),
    "unknown_person",
    5,
  ],
  [
    "a stand-in for oneself",
    ada("absent:", "  - { from: 2026-12-21, until: 2026-12-24, stand_in: Ada }"),
    "stand_in_impossible",
    5,
  ],
  [
    "a stand-in who may not receive",
    [
      "persons:",
      "  bob: { may_receive: false }",
      away("ada", "2026-12-21", "2026-12-24", ", stand_in: bob"),
    ].join("\n"),
    "stand_in_impossible",
    3,
  ],
  [
    "a circle of stand-ins",
    [
      "persons:",
      away("ada", "2026-12-21", "2026-12-24", ", stand_in: bob"),
      away("bob", "2026-12-24", "2026-12-28", ", stand_in: ada"),
    ].join("\n"),
    "circle",
    3,
  ],
  [
    "too long a row of stand-ins, which is only there for a moment",
    [
      "persons:",
      ..."abcdefg"
        .split("")
        .map((name, i) =>
          name === "g"
            ? "  g: {}"
            : away(
                name,
                name === "d" ? "2026-12-20T11:00" : "2026-12-10",
                "2026-12-20",
                `, stand_in: ${"abcdefg"[i + 1]}`,
              ),
        ),
    ].join("\n"),
    "stand_in_impossible",
    5,
  ],
];
