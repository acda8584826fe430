import { formatDuration, parseDuration } from "../core/duration.ts";
import type { WorkingSpan } from "../core/people.ts";
import type { Requirements, WorkingTime } from "../core/verdict.ts";
import type { Fields } from "../document/fields.ts";
import type { Policy } from "./policy.ts";

/** A day, for whoever does not know when people work: rather too short than too long. */
const DAY_MS = 86_400_000;

const EXPECTED = "a duration such as 30m or 24h, of working time such as 4h working, or next business day";

/** A time from the request on: `ms` if the clock runs through, `working` where only working time counts. */
export interface Wait {
  readonly ms: number;
  readonly working: WorkingSpan | null;
}

/** Null where the key is not there, or wrong. */
export function readWait(fields: Fields, key: string): Wait | null {
  const text = fields.text(key);
  if (text === null) return null;
  if (text === "next business day") return { ms: DAY_MS, working: { is: "next_business_day" } };
  const span = /^(\d+(?:ms|s|m|h)) working$/.exec(text)?.[1];
  const ms = parseDuration(span ?? text);
  if (ms !== null) return { ms, working: span === undefined ? null : { is: "time", ms } };
  const hint = / working$/.test(text)
    ? "Working time is told in hours or minutes, such as 8h working."
    : `Expected: ${EXPECTED}.`;
  fields.report("wrong_value", key, `${[...fields.path, key].join(".")} is ${JSON.stringify(text)}`, hint);
  return null;
}

/** What the waits say of working time; nothing where none does. */
export function workingIn(
  hours: string | null,
  expires: Wait | null,
  escalate: readonly Wait[],
): { readonly working?: WorkingTime } {
  if (![expires, ...escalate].some((wait) => wait?.working)) return {};
  const spans = escalate.map(({ working }) => working);
  return { working: { hours, expires: expires?.working ?? null, escalate: spans } };
}

/** A policy in which all that is told in working time is told by the clock, for a request of that time (ms). */
export function atTime(policy: Policy, created: number): Policy {
  if (policy.calendar === null) return policy;
  const by = <R extends { readonly requirements: Requirements | null }>(rule: R): R =>
    rule.requirements === null
      ? rule
      : { ...rule, requirements: clocked(policy, rule.requirements, created) };
  return { ...policy, rules: policy.rules.map(by), limits: policy.limits.map(by) };
}

function clocked({ calendar }: Policy, asked: Requirements, created: number): Requirements {
  const { working, ...rest } = asked;
  const hours = working?.hours ?? null;
  if (working === undefined || calendar === null || hours === null) return rest;
  const elapsed = (span: WorkingSpan) => calendar(hours, span, created) - created;
  const escalate = rest.escalate.map((level, at) => {
    const span = working.escalate[at] ?? null;
    return span === null ? level : { ...level, after_ms: elapsed(span) };
  });
  return {
    ...rest,
    expires_ms: working.expires === null ? rest.expires_ms : elapsed(working.expires),
    escalate: escalate.sort((a, b) => a.after_ms - b.after_ms),
  };
}

/** The same as it was written. */
export function tellWait(ms: number, span: WorkingSpan | null): string {
  if (span === null) return formatDuration(ms);
  return span.is === "time" ? `${formatDuration(span.ms)} working` : "the next business day";
}
