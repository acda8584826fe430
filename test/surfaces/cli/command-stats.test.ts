import { afterEach, beforeEach, expect, test } from "vitest";
import type { Event } from "../../../src/core/event.ts";
import { iso } from "../../../src/core/timing.ts";
import { fold } from "../../../src/core/transitions.ts";
import { sampleEvent, sampleSubmission, sampleVerdict, T0 } from "../../sample.ts";
import { createStage, type Stage } from "./stage.ts";

let stage: Stage;
beforeEach(() => {
  stage = createStage();
});
afterEach(() => stage.close());

const verdict = sampleVerdict("require_approval", { rule: "large-payments", risk: "high" });
const at = (n: number, type: Event["type"], seconds: number, changes: object = {}) => {
  const submission = sampleSubmission({ id: `20261121-091403-payment-${n}aaaaa` }, { verdict });
  const event = { ...sampleEvent(type, submission), at: iso(T0 + seconds * 1_000) } as Event;
  const decision = "decision" in event ? { ...event.decision, seen_at: event.at, ...changes } : undefined;
  return {
    seq: 0,
    id: submission.fields.id,
    revision: 1,
    prev: "",
    hash: "",
    event: { ...event, ...(decision && { decision }) } as Event,
  };
};
const RECORDS = [
  at(1, "submitted", 0),
  at(1, "approved", 2),
  at(1, "started", 2),
  at(1, "executed", 3),
  at(2, "submitted", 10),
  at(2, "rejected", 250, { reviewer: "bob", reason: "too much" }),
  at(3, "submitted", 300),
  at(3, "expired", 3_900),
  at(4, "submitted", 4_000),
];
/** The second was asked for before, and is decided behind it. */
async function* readSince() {
  const { id, event } = at(2, "submitted", 10);
  const request = fold([event]);
  if (request !== null) yield { id, request };
  yield* RECORDS.slice(5);
}
const run = (argv: readonly string[]) =>
  stage.run(["stats", ...argv], {
    deps: {
      async *readAudit() {
        yield* RECORDS;
      },
      readAuditSince: () => readSince(),
    },
  });

test("stats tells what waits, what was decided, how fast and by whom, without a daemon too", async () => {
  const { exit, out } = await run([]);
  expect(exit).toBe(0);
  expect(out.replace(/(waiting now +1 \().*?\)/, "$1…)")).toMatchInlineSnapshot(`
    "2026-11-21 to 2026-11-21
      waiting now    1 (…)
        by risk      high 1
      asked for      4, 0 joined, 0 tried again
      decided        2: 1 approved (50 %), 1 rejected (50 %), 0 sent back (0 %), 1 in under 3 s
      by the policy  0 allowed, 0 denied
      expired        1
      cancelled      0
      carried out    1 executed, 0 failed, 0 with an unknown end

    TIME TO DECISION     COUNT  APPROVED   50 %   90 %   99 %  UNDER 3 s
    all                      2      50 %  2.0 s  4 min  4 min          1
    rule large-payments      2      50 %  2.0 s  4 min  4 min          1
    reviewer ada             1     100 %  2.0 s  2.0 s  2.0 s          1
    reviewer bob             1       0 %  4 min  4 min  4 min          0

    HANDLER  COUNT   50 %   90 %   99 %
    payment      1  1.0 s  1.0 s  1.0 s

    WHY NOT
         1  too much
    "
  `);
});

test("stats --json is one document, and tells how late the watcher is where a daemon runs", async () => {
  const lag = { p50: 12, p90: 20, p99: 80 };
  const health = {
    version: "0",
    pid: 1,
    vault: "/v",
    state: "/s",
    halted: false,
    shadow: [],
    clock_frozen: false,
  };
  await stage.serve({ health: () => ({ ...health, watcher_lag_ms: lag }) });
  const found = JSON.parse((await run(["--json"])).out);
  expect(found).toMatchObject({
    requests: { asked: 4 },
    decided: {
      count: 2,
      approved: 1,
      rejected: 1,
      hasty: 1,
      time_ms: { p50: 2_000, p90: 240_000, p99: 240_000 },
    },
    by_reviewer: { ada: { count: 1, hasty: 1 }, bob: { count: 1, hasty: 0 } },
    by_rule: { "large-payments": { count: 2 } },
    outcomes: { executed: 1, rejected: 1, expired: 1 },
    handlers: { payment: { count: 1, time_ms: { p50: 1_000 } } },
    waiting: { count: 1, by_risk: { high: 1 } },
    watcher_lag_ms: lag,
  });
  expect((await run([])).out).toContain(
    "tells of a save within 12 ms (half of them), 20 ms (90 %), 80 ms (99 %)",
  );
});

test("stats --since counts only what happened from then on", async () => {
  const { out } = await run(["--since", iso(T0 + 100_000), "--json"]);
  expect(JSON.parse(out)).toMatchObject({
    requests: { asked: 2 },
    decided: { count: 1, rejected: 1, time_ms: { p50: 240_000 } },
    waiting: { count: 1 },
  });
  expect((await run(["--since", "yesterday"])).exit).toBe(2);
});
