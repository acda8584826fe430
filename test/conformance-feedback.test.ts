import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createStatistics } from "../src/core/statistics.ts";
import { makeScenery, openStage, removeScenery, type Scenery, type Stage } from "./scenarios/stage.ts";

let scenery: Scenery;
let stage: Stage;

beforeEach(async () => {
  scenery = makeScenery();
  stage = await openStage(scenery);
});

afterEach(async () => {
  await stage.close();
  expect(stage.errors).toEqual([]);
  removeScenery(scenery);
});

const ask = async (amount: number, more: object = {}) =>
  (await stage.application.submit({ kind: "payment", params: { amount }, requester: "bot", ...more }))
    .request;
const decide = (id: string, verb: "approve" | "reject", reason: string | null = null) =>
  stage.application.decide(id, { verb, reviewer: "test_reviewer", reason, via: "cli" });

describe("the ToolWeaver guide", () => {
  test("check 1, approval request creation: pending", async () => {
    expect(await ask(1)).toMatchObject({ status: "pending", feedback: null, attempt: 1 });
  });

  test("check 2, approval: approved by the reviewer", async () => {
    const { id } = await ask(1);
    expect(await decide(id, "approve")).toMatchObject({
      decision: { verb: "approve", reviewer: "test_reviewer" },
    });
  });

  test("check 3, rejection: rejected, and the reason reaches whoever asked", async () => {
    const { id } = await ask(1);
    expect(await decide(id, "reject", "Not ready")).toMatchObject({
      status: "rejected",
      feedback: { outcome: "rejected", reason: "Not ready", reviewer: "test_reviewer", retryable: true },
    });
  });

  test("check 4, expiration: expired, which is not rejected", async () => {
    const { id } = await ask(1, { expires_in_ms: 1_000 });
    await stage.pass(1_000);
    expect(await stage.application.show(id)).toMatchObject({
      status: "expired",
      feedback: { outcome: "expired", reviewer: null, retryable: true },
    });
  });

  test("step 6, retry on rejection: with the feedback, and no more than so many times", async () => {
    await stage.close();
    stage = await openStage(scenery, { retry: { cool_down_ms: 600_000, max_attempts: 3 } });
    let previous = await ask(100);
    for (const amount of [90, 80]) {
      const { feedback } = await decide(previous.id, "reject", "less");
      expect(feedback).toMatchObject({ reason: "less", retryable: true });
      previous = await ask(amount, { previous: previous.id });
    }
    expect((await decide(previous.id, "reject", "less")).feedback).toMatchObject({ retryable: false });
    await expect(ask(70, { previous: previous.id })).rejects.toMatchObject({ code: "too_many_attempts" });
  });
});

describe("the Markdown workflow's follow-ups", () => {
  test("approval reason capture: in the finished note and for whoever asked", async () => {
    const { id } = await ask(1);
    await stage.edit(id, (note) =>
      note.replace("decision:", "decision: rejected").replace("reason:", "reason: no budget"),
    );
    await stage.pass(3_000);
    expect(readFileSync(stage.pathOf("done", id), "utf8")).toContain("> Reason: no budget");
    expect((await stage.application.show(id)).feedback?.reason).toBe("no budget");
  });

  test("approval history tracking: in the note, and over the attempts", async () => {
    const first = await ask(100);
    await decide(first.id, "reject", "less");
    const second = await ask(90, { previous: first.id });
    expect(readFileSync(stage.pathOf("done", first.id), "utf8")).toMatch(
      /## History\n\n- .* submitted by bot\n- .* rejected/,
    );
    const note = readFileSync(stage.pathOf("pending", second.id), "utf8");
    expect(note).toContain(`previous: ${first.id}`);
    expect(note).toContain("- **amount** was 100 and is 90 now.");
  });

  test("approval dashboard: what waits, what was decided, and how it goes", async () => {
    await decide((await ask(100)).id, "reject", "less");
    const { id } = await ask(50);
    await stage.pass(2_000);
    const dashboard = readFileSync(join(scenery.root, "Dashboard.md"), "utf8");
    expect(dashboard).toContain("## Waiting (1)");
    expect(dashboard).toContain(`[[${id}]]`);
    expect(dashboard).toContain("| rejected | test_reviewer |");
    const statistics = createStatistics();
    for await (const record of stage.ledger.records(0)) statistics.take(record.id, record.event);
    expect(statistics.read(scenery.clock.now())).toMatchObject({
      waiting: { count: 1 },
      decided: { count: 1, rejected: 1 },
      reasons: [{ reason: "less", count: 1 }],
    });
  });
});

describe("the Agent Governance Toolkit's table, as far as feedback goes", () => {
  test("handler rejects: whoever asked is told, and nothing is carried out", async () => {
    const { id } = await ask(1);
    expect((await decide(id, "reject", "no")).feedback).toMatchObject({ outcome: "rejected", reason: "no" });
    expect(scenery.executions).toEqual([]);
  });

  test("handler throws error: failed, with the error as the reason", async () => {
    await stage.close();
    stage = await openStage(scenery, { handler: async () => ({ status: "failed", error: "ECONNREFUSED" }) });
    const { id } = await ask(1);
    await decide(id, "approve");
    await stage.pass(0);
    expect((await stage.application.show(id)).feedback).toMatchObject({
      outcome: "failed",
      reason: "ECONNREFUSED",
    });
  });
});

test("Cordum's advice: the median time to a decision and the reasons of rejections, over the last days", async () => {
  for (const [wait, amount] of [
    [60_000, 1],
    [120_000, 2],
    [300_000, 3],
  ] as const) {
    const { id } = await ask(amount);
    await stage.pass(wait);
    await decide(id, amount === 3 ? "reject" : "approve", amount === 3 ? "policy violation" : null);
  }
  const statistics = createStatistics(scenery.clock.now() - 7 * 86_400_000);
  for await (const record of stage.ledger.records(0)) statistics.take(record.id, record.event);
  expect(statistics.read(scenery.clock.now())).toMatchObject({
    decided: { time_ms: { p50: 120_000 } },
    reasons: [{ reason: "policy violation", count: 1 }],
  });
});
