import { afterEach, beforeEach, expect, test } from "vitest";
import { createLag } from "../../src/adapters/lag.ts";
import { createMetrics, type Metrics } from "../../src/adapters/metrics.ts";
import { makeScenery, openStage, removeScenery, type Scenery, type Stage } from "../scenarios/stage.ts";

let scenery: Scenery;
let stage: Stage;
let metrics: Metrics;

const open = async () => {
  stage = await openStage(scenery);
  const { ledger } = stage;
  metrics = createMetrics({
    ledger,
    lag: createLag(),
    channels: () => [],
    isHalted: () => false,
    now: scenery.clock.now,
  });
};

beforeEach(async () => {
  scenery = makeScenery();
  await open();
});

afterEach(async () => {
  metrics.stop();
  await stage.close();
  removeScenery(scenery);
});

/** Every series by its name with its labels. */
const series = async () => {
  const { text } = await metrics.read();
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ")))]),
  );
};
const ask = async (requester = "bot", params: object = {}) =>
  (await stage.application.submit({ kind: "payment", params: { ...params, requester }, requester })).request
    .id;
const decide = (id: string, verb: "approve" | "reject", reviewer = "ada") =>
  stage.application.decide(id, { verb, reviewer, reason: "too much", via: "cli" });

test("what is collected is what happened since this daemon's start, also to what was asked for before it", async () => {
  const early = await ask("bot", { early: true });
  await ask("bot", { old: true });
  await stage.close();
  await open();
  await stage.daemon.start();
  await stage.pass(4_000);
  await decide(early, "approve");
  const late = await ask("other");
  await decide(late, "reject", "bob");
  await stage.pass(0);
  const first = await series();
  const wanted = {
    'countersign_requests_total{kind="payment"}': 1,
    'countersign_requester_requests_total{requester="other"}': 1,
    'countersign_decisions_total{verb="approve",rule="no policy"}': 1,
    'countersign_decisions_total{verb="reject",rule="no policy"}': 1,
    'countersign_reviews_total{verb="reject",reviewer="bob"}': 1,
    'countersign_hasty_reviews_total{reviewer="ada"}': 0,
    'countersign_hasty_reviews_total{reviewer="bob"}': 1,
    'countersign_decision_seconds_bucket{le="3",rule="no policy"}': 1,
    'countersign_decision_seconds_bucket{le="10",rule="no policy"}': 2,
    'countersign_decision_seconds_sum{rule="no policy"}': 4,
    'countersign_outcomes_total{status="executed",kind="payment"}': 1,
    'countersign_outcomes_total{status="rejected",kind="payment"}': 1,
    'countersign_handler_seconds_count{kind="payment"}': 1,
    'countersign_waiting{risk="none"}': 1,
    'countersign_open{status="pending"}': 1,
    countersign_reasons_total: 1,
  };
  expect(Object.fromEntries(Object.keys(wanted).map((name) => [name, first.get(name)]))).toEqual(wanted);
  // From then on as it happens.
  await decide(await ask("other", { more: 1 }), "approve");
  await stage.pass(3_600_000);
  const second = await series();
  expect(second.get('countersign_outcomes_total{status="executed",kind="payment"}')).toBe(2);
  expect(second.get('countersign_outcomes_total{status="expired",kind="payment"}')).toBe(1);
  expect(second.get('countersign_waiting{risk="none"}')).toBe(0);
  expect(second.get("countersign_oldest_waiting_seconds")).toBe(0);
});

test("what goes ahead only in shadow is told apart from what the policy allows", async () => {
  for (const [name, kind] of stage.kinds) stage.kinds.set(name, { ...kind, shadow: true });
  await ask();
  await stage.pass(0);
  const all = await series();
  expect(all.get('countersign_shadow_total{would="require_approval",rule="no policy"}')).toBe(1);
  expect(all.get("countersign_allowed_total")).toBe(0);
  expect(all.get('countersign_outcomes_total{status="executed",kind="payment"}')).toBe(1);
});

test("no id, no param and only so many names become labels", async () => {
  for (let n = 0; n < 60; n += 1) {
    await stage.pass(1_000);
    await decide(await ask(`agent-${n}`, { secret: "s3cret" }), "reject", `person-${n}`);
  }
  const { text } = await metrics.read();
  const names = [...(await series()).keys()];
  expect(text).not.toMatch(/s3cret|2026112|too much/);
  expect(names.filter((name) => name.startsWith("countersign_requester_requests_total"))).toHaveLength(51);
  expect(names.filter((name) => name.startsWith("countersign_reviews_total"))).toHaveLength(51);
  expect(
    await series().then((all) => all.get('countersign_requester_requests_total{requester="other"}')),
  ).toBe(10);
});
