import { beforeEach, describe, expect, test } from "vitest";
import type { Countersign } from "../../../src/sdk.ts";
import { openForEach, stage } from "./stage.ts";

/** The four stages of the guide to approval gates, and its retry with the reviewer's feedback. */
openForEach();
let countersign: Countersign;
beforeEach(async () => {
  countersign = await stage.connect();
});

/** What was drafted and why, and what was carried out. */
function createWork(maxAttempts?: number, isValid: (text: string) => boolean = () => true) {
  const feedback: unknown[] = [];
  const done: unknown[] = [];
  const run = countersign.workflow({
    kind: "refactor",
    draft: (task: string, said) => {
      feedback.push(said);
      return { text: `${task} ${feedback.length}` };
    },
    validate: ({ text }) => ({ ok: isValid(text), score: 0.9 }),
    execute: ({ text }) => {
      done.push(text);
      return { applied: text };
    },
    ...(maxAttempts !== undefined && { maxAttempts }),
  });
  return { feedback, done, run };
}

test("draft, validate, approve, execute", async () => {
  const { done, feedback, run } = createWork();
  const approved = stage.decideNext("approve");
  expect(await run("policy")).toEqual({
    status: "completed",
    attempts: 1,
    draft: { text: "policy 1" },
    validation: { ok: true, score: 0.9 },
    approval: { reviewer: "anna", approved_at: expect.any(String) },
    result: { applied: "policy 1" },
  });
  await approved;
  expect(feedback).toEqual([null]);
  expect(done).toEqual(["policy 1"]);
});

describe("a no", () => {
  test.each(["reject", "request_changes"] as const)(
    "(%s) goes into the next draft, with its reason",
    async (verb) => {
      const { done, feedback, run } = createWork();
      const decided = stage.decideNext(verb, { reason: "too long" }).then(() => stage.decideNext("approve"));
      expect(await run("policy")).toMatchObject({
        status: "completed",
        attempts: 2,
        result: { applied: "policy 2" },
      });
      await decided;
      expect(feedback).toEqual([
        null,
        { attempt: 1, draft: { text: "policy 1" }, reason: "too long", reviewer: "anna", validation: null },
      ]);
      expect(done).toEqual(["policy 2"]);
      const [first, second] = await countersign.audit.query({ event: "submitted" });
      expect(await countersign.show(second?.id ?? "")).toMatchObject({ previous: first?.id, attempt: 2 });
    },
  );

  test("to the last draft is the end of it", async () => {
    const { done, run } = createWork(2);
    const decided = stage
      .decideNext("reject", { reason: "one" })
      .then(() => stage.decideNext("reject", { reason: "two" }));
    expect(await run("policy")).toMatchObject({
      status: "rejected",
      attempts: 2,
      reason: "two",
      reviewer: "anna",
    });
    await decided;
    expect(done).toEqual([]);
  });
});

test("what nobody decides in time is not drafted again", async () => {
  const { feedback, run } = createWork();
  const running = run("policy");
  await stage.submitted();
  await stage.world.pass(3_600_001);
  expect(await running).toMatchObject({ status: "expired", attempts: 1, reason: null });
  expect(feedback).toHaveLength(1);
});

describe("a draft that is not valid", () => {
  test("never comes to a person, and what is wrong goes into the next one", async () => {
    const { feedback, run } = createWork(3, (text) => text !== "policy 1");
    const approved = stage.decideNext("approve");
    expect(await run("policy")).toMatchObject({ status: "completed", attempts: 2 });
    await approved;
    expect(feedback.at(-1)).toMatchObject({ reason: null, validation: { ok: false, score: 0.9 } });
  });

  test("to the end is the end of it", async () => {
    const { run } = createWork(2, () => false);
    expect(await run("policy")).toMatchObject({
      status: "validation_failed",
      attempts: 2,
      validation: { ok: false },
    });
    expect(await countersign.audit.query()).toEqual([]);
  });
});

test("a failure while executing is the workflow's own", async () => {
  const approved = stage.decideNext("approve");
  const run = countersign.workflow({
    kind: "refactor",
    draft: () => ({ text: "x" }),
    execute: () => {
      throw new Error("disk full");
    },
  });
  await expect(run(null)).rejects.toThrow("disk full");
  expect(await countersign.show(await approved)).toMatchObject({ status: "failed" });
});
