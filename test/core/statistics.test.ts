import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Event } from "../../src/core/event.ts";
import { type Decision, isClosed, type Request } from "../../src/core/request.ts";
import { createStatistics, spreadOf } from "../../src/core/statistics.ts";
import { iso } from "../../src/core/timing.ts";
import { fold, step } from "../../src/core/transitions.ts";
import { sampleEvent, sampleSubmission, sampleVerdict, T0 } from "../sample.ts";

interface Told {
  readonly id: string;
  readonly event: Event;
}

const idOf = (n: number) => `20261121-091403-payment-${String(n).padStart(6, "a")}`;
const REVIEWERS = ["ada", "bob", "__proto__"];
const REASONS = ["too much", "not now", null];
const TYPES: readonly Event["type"][] = [
  "joined",
  "voted",
  "approved",
  "rejected",
  "changes_requested",
  "settled",
  "taken_back",
  "started",
  "executed",
  "failed",
  "outcome_lost",
  "resolved_happened",
  "resolved_did_not",
  "expired",
  "cancelled",
  "archived",
];

/** Histories of a few requests, each event one that the core allows, in the order of their times. */
const histories = fc
  .array(
    fc.record({
      who: fc.nat({ max: 5 }),
      pick: fc.nat(),
      after: fc.integer({ min: 0, max: 9_000 }),
      by: fc.nat(),
    }),
    {
      maxLength: 120,
    },
  )
  .map((picks) => {
    const requests = new Map<number, Request>();
    const told: Told[] = [];
    let at = T0;
    for (const { who, pick, after, by } of picks) {
      at += after;
      const rule = ["large", null][who % 2] ?? null;
      const policy = who === 5 ? {} : { verdict: sampleVerdict("require_approval", { rule, risk: "high" }) };
      const submission = sampleSubmission({ id: idOf(who), kind: who < 3 ? "payment" : "deploy" }, policy);
      const request = requests.get(who) ?? null;
      const events = (request === null ? ["submitted" as const] : TYPES)
        .map((type) => changed(sampleEvent(type, submission), at, by))
        .filter((event) => step(request, event).ok);
      const event = events[pick % (events.length || 1)];
      if (event === undefined) continue;
      const stepped = step(request, event);
      if (stepped.ok) requests.set(who, stepped.request);
      told.push({ id: idOf(who), event });
    }
    return told;
  });

function changed(event: Event, ms: number, by: number): Event {
  const at = iso(ms);
  const reviewer = REVIEWERS[by % 3] ?? "";
  const reason = REASONS[by % 3] ?? null;
  if (event.type === "settled") return { ...event, at, reviewer, reason };
  if (!("decision" in event)) return { ...event, at };
  const decision: Decision = { ...event.decision, reviewer, reason, seen_at: iso(ms - (by % 2) * 500) };
  if (event.type === "rejected") return { ...event, at, decision, settled: by % 2 === 0 };
  return { ...event, at, decision };
}

/** Counted from each request's own events, without any of the code that is tried. */
function countedByHand(told: readonly Told[], since: number) {
  const of = (id: string) => told.filter((one) => one.id === id).map(({ event }) => event);
  const all = [...new Set(told.map(({ id }) => id))].map(of);
  const recent = (event: Event) => Date.parse(event.at) >= since;
  const number = (...types: string[]) =>
    told.filter(({ event }) => types.includes(event.type) && recent(event)).length;
  const decisions = all.flatMap((events) =>
    events.flatMap((event, i) => {
      if (!("decision" in event)) return [];
      const begun = events.slice(0, i).findLast(({ type }) => type === "submitted" || type === "taken_back");
      const took = Math.max(0, Date.parse(event.decision.seen_at) - Date.parse(begun?.at ?? ""));
      const later = events.slice(i + 1).find(({ type }) => type === "settled");
      const open = event.type === "rejected" && !event.settled;
      const known = open ? later : event;
      const reviewer = later?.type === "settled" && open ? later.reviewer : event.decision.reviewer;
      return [{ event, took, known, reviewer, verdict: events[0] }];
    }),
  );
  const final = decisions.filter(({ event }) => event.type !== "voted" && recent(event));
  const reviewed = decisions.filter(({ known }) => known !== undefined && recent(known));
  const figures = (some: typeof decisions) => {
    const times = some.map(({ took }) => took).sort((a, b) => a - b);
    const least = (share: number) =>
      times.find((one) => times.filter((x) => x <= one).length >= share * times.length);
    const verbs = (verb: string) =>
      some.filter(({ event }) => "decision" in event && event.decision.verb === verb).length;
    return {
      count: some.length,
      approved: verbs("approve"),
      rejected: verbs("reject"),
      changes_requested: verbs("request_changes"),
      hasty: times.filter((one) => one < 3_000).length,
      time_ms: times.length === 0 ? null : { p50: least(0.5), p90: least(0.9), p99: least(0.99) },
    };
  };
  const waits = all.filter((events) => {
    const decided = events.findLastIndex(({ type }) =>
      ["approved", "rejected", "changes_requested", "expired", "cancelled"].includes(type),
    );
    return decided === -1 || events.slice(decided).some(({ type }) => type === "taken_back");
  });
  return {
    decided: figures(final),
    reviewer: (name: string) => figures(reviewed.filter(({ reviewer }) => reviewer === name)),
    asked: number("submitted"),
    joined: number("joined"),
    outcomes: {
      executed: number("executed", "resolved_happened"),
      failed: number("failed", "resolved_did_not"),
      rejected: number("rejected"),
      changes_requested: number("changes_requested"),
      expired: number("expired"),
      cancelled: number("cancelled"),
      denied: 0,
    },
    unknown: number("outcome_lost"),
    handled: number("executed", "failed"),
    waiting: waits.length,
  };
}

describe("the figures", () => {
  test("are what an independent count of the same journal gives, from any time on", () => {
    fc.assert(
      fc.property(histories, fc.nat({ max: 400_000 }), (told, after) => {
        for (const since of [Number.NEGATIVE_INFINITY, T0 + after]) {
          const statistics = createStatistics(since);
          for (const { id, event } of told) statistics.take(id, event);
          const found = statistics.read(T0 + 1_000_000);
          const wanted = countedByHand(told, since);
          expect(found.decided).toEqual(wanted.decided);
          for (const name of REVIEWERS) {
            const one = Object.hasOwn(found.by_reviewer, name) ? found.by_reviewer[name] : undefined;
            if (one === undefined) expect(wanted.reviewer(name).count).toBe(0);
            else expect(one).toEqual(wanted.reviewer(name));
          }
          const rules = Object.values(found.by_rule).reduce((sum, { count }) => sum + count, 0);
          expect(rules).toBe(wanted.decided.count);
          expect(found.requests).toMatchObject({ asked: wanted.asked, joined: wanted.joined });
          expect(found.outcomes).toEqual(wanted.outcomes);
          expect(found.unknown).toBe(wanted.unknown);
          expect(found.waiting.count).toBe(wanted.waiting);
          expect(Object.values(found.waiting.by_risk).reduce((a, b) => a + b)).toBe(wanted.waiting);
          expect(Object.values(found.handlers).reduce((sum, { count }) => sum + count, 0)).toBe(
            wanted.handled,
          );
        }
      }),
      { numRuns: 300 },
    );
  });

  test("are the same where only what was open at some time is told, and all that came since", () => {
    fc.assert(
      fc.property(histories, fc.nat(), (told, cut) => {
        const before = told.slice(0, cut % (told.length + 1));
        const since = Date.parse(before.at(-1)?.event.at ?? iso(T0)) + 1_000;
        const [whole, part] = [createStatistics(since), createStatistics(since)];
        for (const { id, event } of told) whole.take(id, event);
        for (const id of new Set(before.map((one) => one.id))) {
          const request = fold(before.filter((one) => one.id === id).map(({ event }) => event));
          if (request !== null && !isClosed(request)) part.adopt(request);
        }
        for (const { id, event } of told.slice(before.length)) part.take(id, event);
        expect(part.read(T0 + 1_000_000)).toEqual(whole.read(T0 + 1_000_000));
      }),
      { numRuns: 300 },
    );
  });

  test("tell how old and how risky what waits is, and what somebody said no for", () => {
    const statistics = createStatistics();
    const submission = (n: number) =>
      sampleSubmission(
        { id: idOf(n) },
        n === 1 ? {} : { verdict: sampleVerdict("require_approval", { risk: "high" }) },
      );
    const at = (n: number, type: Event["type"], ms: number, by = 0) =>
      statistics.take(idOf(n), changed(sampleEvent(type, submission(n)), T0 + ms, by));
    const HOUR = 3_600_000;
    at(1, "submitted", 0);
    at(2, "submitted", 20 * HOUR);
    at(3, "submitted", 25 * HOUR);
    at(4, "submitted", 25 * HOUR);
    at(4, "rejected", 25 * HOUR, 0);
    const { waiting, reasons, by_rule } = statistics.read(T0 + 25.5 * HOUR);
    expect(waiting).toEqual({
      count: 3,
      by_risk: { none: 1, low: 0, medium: 0, high: 2, critical: 0 },
      by_age: { under_1h: 1, under_1d: 1, older: 1 },
      oldest_ms: 25.5 * HOUR,
    });
    expect(reasons).toEqual([{ reason: "too much", count: 1 }]);
    expect(by_rule).toMatchObject({ payments: { count: 1, rejected: 1, hasty: 1 } });
  });

  test("count from when it began to wait again, where a decision was taken back", () => {
    const statistics = createStatistics();
    const at = (type: Event["type"], seconds: number) => {
      const event = changed(sampleEvent(type, sampleSubmission({ id: idOf(1) })), T0 + seconds * 1_000, 0);
      statistics.take(idOf(1), event);
    };
    at("submitted", 0);
    at("approved", 10);
    at("taken_back", 20);
    at("approved", 21);
    expect(statistics.read(T0).decided).toMatchObject({
      count: 2,
      hasty: 1,
      time_ms: { p50: 1_000, p99: 10_000 },
    });
  });

  test("give times by nearest rank", () => {
    expect(spreadOf([])).toBeNull();
    expect(spreadOf([7])).toEqual({ p50: 7, p90: 7, p99: 7 });
    expect(spreadOf(Array.from({ length: 200 }, (_, i) => 200 - i))).toEqual({
      p50: 100,
      p90: 180,
      p99: 198,
    });
  });
});
