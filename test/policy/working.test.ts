import { expect, test } from "vitest";
import { judge } from "../../src/policy/judge.ts";
import { peopleFrom } from "../people.ts";
import { loadTexts, policyOf, subject } from "./stage.ts";

const HOURS = `zone: Europe/Berlin
persons:
  lead: {}
hours:
  office: { days: { mon-fri: 09:00-17:00 }, holidays: [2026-12-25] }
`;
const TWO = `${HOURS}  night: { days: { mon-sun: [00:00-06:00, 22:00-24:00] } }\n`;

const at = (time: string) => Date.parse(time);
const known = (people: string | null) => ({
  kinds: null,
  people: people === null ? null : peopleFrom(people),
});
const rule = (rest: string) => `rules:\n  - { id: r, decision: require_approval, ${rest} }\n`;

function asked(rest: string, created: string, people: string | null = HOURS) {
  const policy = policyOf(rule(rest), known(people));
  return judge(policy, subject({ created: at(created), now: at(created) })).requirements;
}

/** When it expires. */
function expiry(rest: string, created: string, people: string | null = HOURS): string {
  const found = asked(rest, created, people);
  return new Date(at(created) + (found?.expires_ms ?? Number.NaN)).toISOString().replace(":00.000Z", "Z");
}

test.each([
  ["within a day", "4h working", "2026-11-23T09:00Z", "2026-11-23T13:00Z"],
  ["over a night", "4h working", "2026-11-23T15:00Z", "2026-11-24T11:00Z"],
  ["over a weekend", "8h working", "2026-11-20T15:30Z", "2026-11-23T15:30Z"],
  ["from a Saturday on", "30m working", "2026-11-21T09:14:03Z", "2026-11-23T08:30Z"],
  ["over a holiday", "1h working", "2026-12-24T16:00Z", "2026-12-28T09:00Z"],
  ["over the end of summer time", "4h working", "2026-10-23T13:00Z", "2026-10-26T10:00Z"],
  ["over its beginning", "4h working", "2027-03-26T14:00Z", "2027-03-29T09:00Z"],
  ["by the clock", "4h", "2026-11-20T15:00Z", "2026-11-20T19:00Z"],
  ["by the next business day", "next business day", "2026-11-20T23:30Z", "2026-11-23T16:00Z"],
  ["by the next business day, asked early", "next business day", "2026-11-23T05:00Z", "2026-11-24T16:00Z"],
  ["by it, the clocks set back between", "next business day", "2026-10-23T07:00Z", "2026-10-26T16:00Z"],
])("%s: %s from %s is over at %s", (_, expires, created, over) => {
  expect(expiry(`expires: ${expires}`, created)).toBe(over);
});

test("where there are several hours, the rule's count", () => {
  expect(expiry("expires: 3h working, hours: night", "2026-11-23T22:00Z", TWO)).toBe("2026-11-24T01:00Z");
  expect(expiry("expires: 3h working, hours: office", "2026-11-23T22:00Z", TWO)).toBe("2026-11-24T11:00Z");
});

test("levels are reached by working time too, in the order in which they come", () => {
  const found = asked(
    "expires: 8h working, escalate: [{ after: 1h working, to: lead }, { after: 12h, to: lead }, { after: 2h working, to: lead }]",
    "2026-11-20T15:00Z",
  );
  expect(found?.escalate.map(({ after_ms }) => after_ms / 3_600_000)).toEqual([1, 12, 66]);
  expect(found).not.toHaveProperty("working");
});

test("what a verdict says of time is told by the clock, and the same again for the same moment", () => {
  expect(asked("expires: 4h working", "2026-11-20T15:00Z")).toEqual(
    asked("expires: 4h working", "2026-11-20T15:00Z"),
  );
});

test("nobody who does not know the hours gives more time than the clock", () => {
  expect(expiry("expires: 4h working", "2026-11-20T15:00Z", null)).toBe("2026-11-20T19:00Z");
  expect(expiry("expires: next business day", "2026-11-20T15:00Z", null)).toBe("2026-11-21T15:00Z");
});

test.each([
  ["working time without anybody's hours", "expires: 4h working", "persons: { lead: {} }\n", "unknown_hours"],
  ["hours of several, none named", "expires: 4h working", TWO, "unknown_hours"],
  ["unknown hours", "expires: 4h working, hours: nights", TWO, "unknown_hours"],
  [
    "a level in hours that are not there",
    "escalate: [{ after: 1h working, to: lead }]",
    TWO,
    "unknown_hours",
  ],
  ["working days", "expires: 2d working", HOURS, "wrong_value"],
  ["no time at all", "expires: 0h working", HOURS, "wrong_value"],
  ["another day", "expires: next monday", HOURS, "wrong_value"],
  [
    "a level after the end",
    "expires: 2h working, escalate: [{ after: 3h working, to: lead }]",
    HOURS,
    "escalation_nowhere",
  ],
  [
    "levels in the wrong order",
    "escalate: [{ after: 3h working, to: lead }, { after: 1h working, to: lead }]",
    HOURS,
    "escalation_nowhere",
  ],
])("%s is found when it is loaded", (_, rest, people, code) => {
  const { policy, findings } = loadTexts({ "policy.yaml": rule(rest) }, known(people));
  expect(policy).toBeNull();
  expect(findings.map((one) => one.code)).toContain(code);
  expect(findings[0]).toMatchObject({ file: "policy.yaml", line: 2 });
});

test("an escalation by the clock is not held against an end in working time, which may be later", () => {
  const text = rule("expires: 2h working, escalate: [{ after: 8h, to: lead }]");
  expect(loadTexts({ "policy.yaml": text }, known(HOURS)).policy).not.toBeNull();
});
