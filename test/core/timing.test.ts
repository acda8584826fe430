import fc from "fast-check";
import { expect, test } from "vitest";
import type { Event } from "../../src/core/event.ts";
import { instantOf, windowOf } from "../../src/core/timing.ts";
import { fold, step } from "../../src/core/transitions.ts";
import { sampleEvent, sampleSubmission, sampleVerdict, T0 } from "../sample.ts";

const MINUTE = 60_000;
const LIMITS = { grant_ms: 15 * MINUTE, execute_by_ms: 1_440 * MINUTE };
const iso = (ms: number) => new Date(ms).toISOString();
const asks = (rule: { cool_off_ms?: number; execute_by_ms?: number }) =>
  sampleVerdict("require_approval", rule);

test.each([
  ["nothing said", {}, null, 1_440, null],
  ["a caller", { caller: true }, null, 1_440, 15],
  ["time to run", { verdict: asks({ execute_by_ms: 5 * MINUTE }), caller: true }, null, 5, 5],
  ["time to take back", { verdict: asks({ cool_off_ms: 5 * MINUTE }), caller: true }, 5, 1_445, 20],
  ["both", { verdict: asks({ cool_off_ms: 5 * MINUTE, execute_by_ms: 7 * MINUTE }), caller: true }, 5, 7, 7],
  ["an hour to wait for", { not_before: iso(T0 + 60 * MINUTE) }, 60, 1_500, null],
  ["an hour that is over", { not_before: iso(T0 - 60 * MINUTE) }, null, 1_440, null],
  [
    "time to run from the hour on, and more time to take back than to wait",
    {
      not_before: iso(T0 + 60 * MINUTE),
      verdict: asks({ cool_off_ms: 90 * MINUTE, execute_by_ms: 40 * MINUTE }),
    },
    90,
    100,
    null,
  ],
  [
    "what nobody approved, nobody takes back",
    { verdict: sampleVerdict("allow", { cool_off_ms: MINUTE }) },
    null,
    1_440,
    null,
  ],
])("the window of an approval with %s", (_, rest, opens, closes, lapses) => {
  const after = (minutes: number | null) => (minutes === null ? null : iso(T0 + minutes * MINUTE));
  expect(windowOf({ caller: false, ...rest }, T0, LIMITS)).toEqual({
    opens: after(opens),
    closes: after(closes),
    lapses: after(lapses),
  });
});

test("nothing opens before the approval, and no grant outlives its window", () => {
  const ms = fc.integer({ min: 0, max: 10_000_000 });
  fc.assert(
    fc.property(ms, ms, ms, fc.integer({ min: -10_000_000, max: 10_000_000 }), (cool, run, grant, wait) => {
      const submission = {
        caller: true,
        not_before: iso(T0 + wait),
        verdict: asks({ cool_off_ms: cool, execute_by_ms: run }),
      };
      const found = windowOf(submission, T0, { grant_ms: grant, execute_by_ms: 1 });
      const opens = Date.parse(found.opens ?? iso(T0));
      expect(opens).toBe(Math.max(T0 + cool, T0 + wait, T0));
      expect(Date.parse(found.lapses ?? "")).toBeLessThanOrEqual(Date.parse(found.closes));
    }),
  );
});

test.each([
  ["2026-11-02T09:00+01:00", "2026-11-02T08:00:00.000Z"],
  ["2026-11-02T09:00:30Z", "2026-11-02T09:00:30.000Z"],
  ["2026-11-02T09:00:30.250Z", "2026-11-02T09:00:30.250Z"],
  ["2028-02-29T00:00Z", "2028-02-29T00:00:00.000Z"],
])("%s is a time", (text, instant) => {
  expect(iso(instantOf(text) ?? 0)).toBe(instant);
});

test.each([
  "2026-11-02T09:00",
  "2026-11-02",
  "2026-02-30T09:00Z",
  "2026-13-01T09:00Z",
  "2026-11-02T25:00Z",
  "2026-11-02 09:00Z",
  "tomorrow",
  "",
])("%j is none", (text) => {
  expect(instantOf(text)).toBeNull();
});

test("a start outside the window is refused, and an end inside it", () => {
  const approved = fold([
    sampleEvent("submitted", sampleSubmission(), 0),
    { ...sampleEvent("approved"), opens: iso(T0 + 10_000), closes: iso(T0 + 20_000) } as Event,
  ]);
  const at = (type: "started" | "expired", second: number) =>
    step(approved, { ...sampleEvent(type), at: iso(T0 + second * 1_000) } as Event);
  expect(at("started", 9)).toMatchObject({ ok: false, refusal: { code: "too_early" } });
  expect(at("started", 10)).toMatchObject({ ok: true });
  expect(at("started", 20)).toMatchObject({ ok: false, refusal: { code: "ran_out" } });
  expect(at("expired", 19)).toMatchObject({ ok: false, refusal: { code: "not_due" } });
  expect(at("expired", 20)).toMatchObject({ ok: true, request: { status: "expired" } });
});
