import type { Hours, Person } from "../core/people.ts";
import { type Fields, fieldsAt, isMap, needed, type Sheet, shown } from "../document/fields.ts";
import { ABSENCE_KEYS, FILE_KEYS, PERSON_KEYS, ROTA_KEYS } from "./keys.ts";
import { addressOf, isAlias, isCanonical, isEmail } from "./names.ts";
import { readHours, readZone } from "./read-hours.ts";
import type { Rota } from "./rota.ts";
import { dayAfter, instantOf, isDay, isWallTime, startOf, wallTimeOf } from "./zoned.ts";

/** The file as it was written: shapes are checked, and names of hours; who is meant by a name is not. */
export interface PeopleFile {
  readonly persons: readonly WrittenPerson[];
  readonly groups: readonly WrittenGroup[];
  readonly hours: ReadonlyMap<string, Hours>;
}

export interface WrittenPerson extends Omit<Person, "absent"> {
  readonly absent: readonly WrittenAbsence[];
  readonly line: number;
  /** The line of one of this person's keys. */
  lineOf(key: string): number;
}

interface WrittenAbsence {
  readonly from: number;
  readonly until: number;
  readonly stand_in: string | null;
  readonly line: number;
}

export interface WrittenGroup {
  readonly name: string;
  /** Names of those in it; of a rota those who take turns. */
  readonly of: readonly string[];
  readonly rota: Rota | null;
  readonly line: number;
  readonly ofLine: number;
}

const NAME_EXPECTED = "Names are up to 64 letters, digits and . _ @ + -; other names go into `names`.";

/** Reads the file; what is wrong is among the sheet's findings, and left out of what is given. */
export function readPeople(sheet: Sheet): PeopleFile {
  const nobody: PeopleFile = { persons: [], groups: [], hours: new Map() };
  if (sheet.yaml.value === null) return nobody;
  const file = fieldsAt(sheet, [], Object.keys(FILE_KEYS));
  if (file === null) return nobody;
  const zone = readZone(file) ?? "UTC";
  const hours = new Map<string, Hours>();
  for (const [name, fields] of entries(file, "hours")) {
    const read = fields && readHours(sheet, fields, zone);
    if (read) hours.set(name, read);
  }
  return {
    hours,
    persons: entries(file, "persons").flatMap(([name, fields, line]) =>
      fields === null ? [] : [readPerson(sheet, name, line, fields, hours, zone)],
    ),
    groups: entries(file, "groups").flatMap(([name, , line]) => {
      const parent = file.map("groups");
      return (parent && readGroup(sheet, name, line, parent, zone)) ?? [];
    }),
  };
}

/** The named entries of a map, without those that have no proper name, which are told. */
function entries(
  file: Fields,
  key: "persons" | "groups" | "hours",
): readonly [string, Fields | null, number][] {
  const map = file.map(key);
  return (map?.keys ?? []).flatMap((name): [string, Fields | null, number][] => {
    if (!isCanonical(name)) {
      map?.report("wrong_value", name, `${shown(name)} is not a name`, NAME_EXPECTED);
      return [];
    }
    const fields = key === "groups" ? null : (map?.map(name) ?? null);
    return [[name, fields, map?.lineOf(name) ?? 1]];
  });
}

function readPerson(
  sheet: Sheet,
  name: string,
  line: number,
  given: Fields,
  hours: ReadonlyMap<string, Hours>,
  zone: string,
): WrittenPerson {
  const fields = fieldsAt(sheet, given.path, Object.keys(PERSON_KEYS)) ?? given;
  const texts = (key: string, fits: (text: string) => boolean, expected: string): readonly string[] =>
    (fields.texts(key) ?? []).filter((text) => {
      const good = fits(text);
      if (!good) fields.report("wrong_value", key, `${shown(text)} is not ${expected}`);
      return good;
    });
  const named = fields.text("hours");
  const own = named === null ? null : (hours.get(named) ?? null);
  if (named !== null && own === null) {
    fields.report(
      "unknown_hours",
      "hours",
      `${name} has the hours ${named}, which are not there or not right`,
    );
  }
  return {
    name,
    names: texts("names", isAlias, "a name without < > and without letters that look like others"),
    emails: texts("email", isEmail, "an e-mail address"),
    git: texts("git", (text) => addressOf(text) !== null, "of the form Name <address>"),
    keys: fields.texts("keys") ?? [],
    notify: texts("notify", isCanonical, "the name of a channel"),
    hours: own,
    absent: (fields.maps("absent") ?? []).flatMap(
      (absence) => readAbsence(sheet, absence, own?.zone ?? zone) ?? [],
    ),
    may_receive: fields.yesNo("may_receive") ?? true,
    line,
    lineOf: fields.lineOf,
  };
}

function readAbsence(sheet: Sheet, given: Fields, zone: string): WrittenAbsence | null {
  const fields = fieldsAt(sheet, given.path, Object.keys(ABSENCE_KEYS)) ?? given;
  const from = needed(fields, "from", readTime(fields, "from", zone));
  const until = needed(fields, "until", readTime(fields, "until", zone));
  const stand_in = fields.text("stand_in");
  if (from === null || until === null) return null;
  if (until <= from) {
    fields.report("ends_before_start", "until", "the absence ends before it has begun");
    return null;
  }
  return { from, until, stand_in, line: fields.lineOf(fields.has("stand_in") ? "stand_in" : "from") };
}

/** A day as `until` is over when the next one begins. */
function readTime(fields: Fields, key: "from" | "until", zone: string): number | null {
  const text = fields.text(key);
  if (text === null) return null;
  if (isDay(text)) return startOf(key === "from" ? text : dayAfter(text), zone);
  if (isWallTime(text)) return wallTimeOf(text, zone);
  const instant = instantOf(text);
  if (instant === null) {
    const hint = "Expected: a day such as 2026-12-21, or a time such as 2026-12-21T12:00.";
    fields.report("wrong_value", key, `${key} is ${shown(text)}`, hint);
  }
  return instant;
}

function readGroup(
  sheet: Sheet,
  name: string,
  line: number,
  parent: Fields,
  zone: string,
): WrittenGroup | null {
  if (isMap(parent.value(name))) {
    const group = fieldsAt(sheet, [...parent.path, name], ["rota"]);
    const given = group && needed(group, "rota", group.map("rota"));
    if (!given) return null;
    const rota = fieldsAt(sheet, given.path, Object.keys(ROTA_KEYS)) ?? given;
    return readRota(rota, name, line, zone);
  }
  const of = isEmpty(parent.value(name)) ? [] : parent.texts(name);
  if (of === null) return null;
  if (of.length === 0) parent.report("empty_group", name, `the group ${name} has nobody in it`);
  return { name, of, rota: null, line, ofLine: line };
}

function readRota(fields: Fields, name: string, line: number, fallback: string): WrittenGroup | null {
  const zone = fields.has("zone") ? readZone(fields) : fallback;
  const shift = needed(fields, "shift", readShift(fields));
  const starts = needed(fields, "starts", fields.text("starts"));
  if (starts !== null && !isWallTime(starts)) {
    const hint = "Expected: a time on the clocks of its zone, such as 2026-11-02T09:00.";
    fields.report("wrong_value", "starts", `starts is ${shown(starts)}`, hint);
    return null;
  }
  const order = isEmpty(fields.value("order")) ? [] : fields.texts("order");
  if (order?.length === 0) fields.report("empty_group", "order", `nobody takes turns in the rota ${name}`);
  if (zone === null || shift === null || starts === null || order === null) return null;
  return { name, of: order, rota: { shift, starts, zone }, line, ofLine: fields.lineOf("order") };
}

/** In minutes. */
function readShift(fields: Fields): number | null {
  const text = fields.text("shift");
  if (text === null) return null;
  const [, count = "", unit = ""] = /^([1-9]\d{0,2})([wdh])$/.exec(text) ?? [];
  const minutes = Number(count) * ({ w: 7 * 1_440, d: 1_440, h: 60 }[unit] ?? 0);
  if (minutes > 0) return minutes;
  fields.report("wrong_value", "shift", `shift is ${shown(text)}`, "Expected: 1w, 2d or 12h, for example.");
  return null;
}

function isEmpty(value: unknown): boolean {
  return value === null || (Array.isArray(value) && value.length === 0);
}
