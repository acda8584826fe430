import fc from "fast-check";
import { expect, test } from "vitest";
import { escalatedTo, nextNudge, nudgeDue, reachedLevels } from "../../src/core/escalation.ts";
import type { Request } from "../../src/core/request.ts";
import { fold, step } from "../../src/core/transitions.ts";
import { sampleEvent, sampleRequest, sampleSubmission, sampleVerdict, T0 } from "../sample.ts";

const HOUR = 3_600_000;
const iso = (ms: number) => new Date(ms).toISOString();

/** Whatever is due at these times, recorded. */
function live(life: number, afters: readonly number[], times: readonly number[]) {
  const escalate = afters.map((after_ms, at) => ({ after_ms, to: [`level-${at + 1}`] }));
  const submission = sampleSubmission(
    { expires: iso(T0 + life) },
    { verdict: sampleVerdict("require_approval", { escalate }) },
  );
  let request = sampleRequest(["submitted"], submission);
  const events: string[] = [];
  for (const now of times) {
    for (let due = nudgeDue(request, now); due !== null; due = nudgeDue(request, now)) {
      const stepped = step(request, due);
      if (!stepped.ok) throw new Error(stepped.refusal.code);
      request = stepped.request;
      events.push(
        due.type === "reminded" || due.type === "escalated" ? `${due.type} ${due.level}` : due.type,
      );
    }
  }
  return { request, events };
}

test("each level and each reminder comes once, in order, however often and however late it is looked at", () => {
  const after = fc.integer({ min: 1, max: 4 * HOUR });
  const times = fc.array(fc.integer({ min: T0, max: T0 + 5 * HOUR }), { maxLength: 20 });
  fc.assert(
    fc.property(fc.uniqueArray(after, { maxLength: 4 }), times, (some, looks) => {
      const afters = some.sort((a, b) => a - b);
      const ordered = looks.sort((a, b) => a - b);
      const { request, events } = live(5 * HOUR, afters, ordered);
      const last = ordered.at(-1) ?? T0;
      const reached = afters.filter((ms) => T0 + ms <= last).length;
      expect(events.filter((one) => one.startsWith("escalated"))).toEqual(
        afters.slice(0, reached).map((_, at) => `escalated ${at + 1}`),
      );
      expect(escalatedTo(request)).toEqual(afters.slice(0, reached).map((_, at) => `level-${at + 1}`));
      expect(new Set(events).size).toBe(events.length);
      expect(nextNudge(request)).toBeGreaterThan(last);
      expect(request.status).toBe("pending");
    }),
  );
});

test.each([
  [24 * HOUR, [23 * HOUR, 24 * HOUR - 600_000]],
  [HOUR, [0.75 * HOUR, HOUR - 300_000]],
  [600_000, [450_000]],
  [180_000, []],
])("of %d ms there are reminders at %j", (life, expected) => {
  const found: number[] = [];
  const { request } = live(life, [], []);
  for (let now = request, at = nextNudge(now); Number.isFinite(at); at = nextNudge(now)) {
    expect(nudgeDue(now, at - 1)).toBeNull();
    const due = nudgeDue(now, at);
    if (due === null) throw new Error("nothing was due");
    found.push(at - T0);
    now = fold([due], now) as Request;
  }
  expect(found).toEqual(expected);
});

test("what was recorded is not recorded again, nor out of turn", () => {
  const reminded = fold([sampleEvent("reminded")], sampleRequest()) as Request;
  expect(step(reminded, sampleEvent("reminded"))).toMatchObject({ ok: false, refusal: { code: "not_due" } });
  const once = fold([sampleEvent("escalated")], sampleRequest()) as Request;
  expect(reachedLevels(once)).toEqual([{ level: 1, to: ["lead"] }]);
  expect(step(once, sampleEvent("escalated"))).toMatchObject({ ok: false, refusal: { code: "not_due" } });
});
