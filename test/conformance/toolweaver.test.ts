import { afterEach, expect, test } from "vitest";
import { ask, closeSystems, openSystem } from "./stage.ts";

/** The four checks at the end of ToolWeaver's guide to approval gates. */
afterEach(closeSystems);

test("Test 1: create approval request", async () => {
  const stage = await openSystem();
  const id = await ask(stage, "payment", {}, { title: "Test Request" });
  const { status, title } = await stage.application.show(id);
  expect([status, title]).toEqual(["pending", "Test Request"]);
});

test("Test 2: approve request", async () => {
  const stage = await openSystem();
  const id = await ask(stage, "payment");
  await stage.application.decide(id, {
    verb: "approve",
    reviewer: "test_reviewer",
    reason: null,
    via: "http",
  });
  await stage.daemon.settled();
  const { status, decision } = await stage.application.show(id);
  expect([status, decision?.reviewer]).toEqual(["executed", "test_reviewer"]);
});

test("Test 3: reject request", async () => {
  const stage = await openSystem();
  const id = await ask(stage, "payment");
  await stage.application.decide(id, {
    verb: "reject",
    reviewer: "test_reviewer",
    reason: "Not ready",
    via: "http",
  });
  expect((await stage.application.show(id)).status).toBe("rejected");
});

test("Test 4: expiration", async () => {
  const stage = await openSystem();
  const id = await ask(stage, "payment", {}, { expires_in_ms: 1_000 });
  await stage.pass(2_000);
  expect(await stage.status(id)).toBe("expired");
  const late = { verb: "approve", reviewer: "test_reviewer", reason: null, via: "http" } as const;
  await expect(stage.application.decide(id, late)).rejects.toMatchObject({ code: "already_final" });
});
