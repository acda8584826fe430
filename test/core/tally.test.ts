import fc from "fast-check";
import { expect, test } from "vitest";
import type { Event } from "../../src/core/event.ts";
import { makeId } from "../../src/core/id.ts";
import { createTally } from "../../src/core/tally.ts";
import { iso } from "../../src/core/timing.ts";
import { sampleEvent, T0 } from "../sample.ts";

const DAY_MS = 86_400_000;

const idOf = (at: number, n: number) => makeId(at, "payment", (length) => new Uint8Array(length).fill(n));
const event = (type: Event["type"], at: number) => ({ ...sampleEvent(type), at: iso(at) }) as Event;

const ENDS = ["rejected", "changes_requested", "expired", "cancelled"] as const;

test("the figures are those of the last 30 days before the newest outcome", () => {
  const life = fc.record({
    created: fc.integer({ min: 0, max: 90 * 86_400 }),
    waited: fc.integer({ min: 0, max: 86_400 }),
    end: fc.constantFrom("executed" as const, "failed" as const, ...ENDS),
  });
  fc.assert(
    fc.property(fc.array(life, { minLength: 1, maxLength: 60 }), (lives) => {
      const ended = lives
        .map(({ created, waited, end }) => ({ created: T0 + created * 1_000, waited: waited * 1_000, end }))
        .toSorted((a, b) => a.created + a.waited - b.created - b.waited);
      const tally = createTally();
      for (const [n, { created, waited, end }] of ended.entries()) {
        const id = idOf(created, n);
        const at = created + waited;
        if (end === "executed" || end === "failed") tally.take(id, event("approved", at));
        tally.take(id, event(end, at));
        tally.take(id, event("archived", at + 1));
      }
      const to = Math.max(...ended.map(({ created, waited }) => created + waited));
      const counted = ended.filter(({ created, waited }) => created + waited > to - 30 * DAY_MS);
      const { outcomes, waits, cut } = tally.figures();
      expect([...outcomes.values()].reduce((sum, n) => sum + n, 0)).toBe(counted.length);
      for (const [outcome, n] of outcomes)
        expect(n).toBe(counted.filter(({ end }) => end === outcome).length);
      const waited = counted.filter(({ end }) => end !== "expired" && end !== "cancelled");
      const sorted = waited.map((one) => one.waited).sort((a, b) => a - b);
      expect(waits?.longest ?? null).toBe(sorted.at(-1) ?? null);
      expect(waits?.decided ?? 0).toBe(sorted.length);
      const within = sorted.filter((one) => one <= (waits?.half ?? 0)).length;
      if (waits !== null) expect(within / sorted.length).toBeGreaterThanOrEqual(0.5);
      expect(cut).toBe(false);
    }),
  );
});

test("a wait ends with the decision that stood, and only a person's decision ends one", () => {
  const tally = createTally();
  const id = idOf(T0, 1);
  const said: [Event["type"], number][] = [
    ["approved", 1_000],
    ["taken_back", 2_000],
    ["approved", 9_000],
    ["outcome_lost", 10_000],
    ["resolved_did_not", 60_000],
  ];
  for (const [type, after] of said) tally.take(id, event(type, T0 + after));
  for (const type of ["approved", "taken_back", "expired"] as const)
    tally.take(idOf(T0, 2), event(type, T0 + 90_000));
  const { waits, outcomes } = tally.figures();
  expect(waits).toEqual({ decided: 1, half: 9_000, longest: 9_000 });
  expect([...outcomes]).toEqual([
    ["failed", 1],
    ["expired", 1],
  ]);
  expect(tally.newest(5)).toEqual([idOf(T0, 2), id]);
  expect(tally.newest(5, "failed")).toEqual([id]);
});

test("more than can be remembered is counted from a later time on, and says so", () => {
  const tally = createTally();
  for (let n = 0; n < 10_001; n += 1) tally.take(idOf(T0, n % 200), event("expired", T0 + n));
  expect(tally.figures()).toMatchObject({ cut: true, to: T0 + 10_000 });
  expect(tally.figures().outcomes.get("expired")).toBe(5_000);
  tally.take(idOf(T0, 1), event("expired", T0 + 31 * DAY_MS));
  expect(tally.figures()).toMatchObject({ cut: false, from: T0 + 31 * DAY_MS });
});
