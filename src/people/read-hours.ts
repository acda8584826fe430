import type { Hours, Span } from "../core/people.ts";
import { type Fields, fieldsAt, needed, type Sheet, shown } from "../document/fields.ts";
import { HOURS_KEYS } from "./keys.ts";
import { isDay, zoneOf } from "./zoned.ts";

const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/** The zone that is set; null where there is none, or it is not one. */
export function readZone(fields: Fields): string | null {
  const text = fields.text("zone");
  if (text === null) return null;
  const zone = zoneOf(text);
  if (zone === null) fields.report("unknown_zone", "zone", `there is no time zone ${shown(text)}`);
  return zone;
}

/** Hours that open at some time; null where something is wrong with them. */
export function readHours(sheet: Sheet, given: Fields, fallback: string): Hours | null {
  const fields = fieldsAt(sheet, given.path, Object.keys(HOURS_KEYS)) ?? given;
  const before = sheet.findings.length;
  const zone = fields.has("zone") ? readZone(fields) : fallback;
  const days = readDays(needed(fields, "days", fields.map("days")));
  const holidays = fields.value("holidays") === null ? [] : (fields.texts("holidays") ?? []);
  for (const day of holidays.filter((one) => !isDay(one))) {
    fields.report(
      "wrong_value",
      "holidays",
      `${shown(day)} is not a day`,
      "Expected: days such as 2026-12-25.",
    );
  }
  if (sheet.findings.length > before || zone === null) return null;
  if (days.every((spans) => spans.length === 0)) {
    fields.report("never_open", "days", `${String(given.path.at(-1))} never opens`);
    return null;
  }
  return { zone, days, holidays };
}

function readDays(fields: Fields | null): readonly (readonly Span[])[] {
  const days: Span[][] = DAYS.map(() => []);
  const written = new Set<number>();
  for (const key of fields?.keys ?? []) {
    const meant = weekdaysOf(key);
    if (meant === null) {
      const hint = `Expected: ${DAYS.join(", ")}, or a row of them such as mon-fri.`;
      fields?.report("wrong_value", key, `${shown(key)} is no day of the week`, hint);
      continue;
    }
    const spans = readSpans(fields as Fields, key);
    for (const day of meant) {
      if (written.has(day)) {
        const message = `${DAYS[day]} is written down twice`;
        fields?.report("not_together", key, message, "Write each day once, with all of its times.");
      }
      written.add(day);
      days[day] = spans;
    }
  }
  return days;
}

/** `mon`, or a row of days, which may go on from Sunday to Monday. */
function weekdaysOf(text: string): readonly number[] | null {
  const [first = "", last = first, ...more] = text.split("-");
  const [from, to] = [DAYS.indexOf(first), DAYS.indexOf(last)];
  if (from === -1 || to === -1 || more.length > 0) return null;
  const count = ((to - from + 7) % 7) + 1;
  return Array.from({ length: count }, (_, at) => (from + at) % 7);
}

function readSpans(fields: Fields, key: string): Span[] {
  const value = fields.value(key);
  if (value === null || (Array.isArray(value) && value.length === 0)) return [];
  const spans: Span[] = [];
  for (const text of fields.texts(key) ?? []) {
    const span = spanOf(text);
    if (span === null) {
      const hint = "Expected: times such as 09:00-17:00, within one day; 24:00 is its end.";
      fields.report("wrong_value", key, `${shown(text)} is no part of a day`, hint);
    } else spans.push(span);
  }
  spans.sort((a, b) => a.from - b.from);
  if (spans.some(({ from }, at) => from < (spans[at - 1]?.to ?? 0))) {
    fields.report("not_together", key, `the times of ${key} overlap`, "Write each time of the day once.");
  }
  return spans;
}

function spanOf(text: string): Span | null {
  const found = /^([01]\d|2[0-3]):([0-5]\d)\s?-\s?(?:([01]\d|2[0-3]):([0-5]\d)|24:00)$/.exec(text);
  if (found === null) return null;
  const from = Number(found[1]) * 60 + Number(found[2]);
  const to = found[3] === undefined ? 1_440 : Number(found[3]) * 60 + Number(found[4]);
  return from < to ? { from, to } : null;
}
