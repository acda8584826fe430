import { expect, test } from "vitest";
import { ExpiredError } from "../../../src/sdk.ts";
import { createToolGate } from "../../../src/surfaces/sdk/tool-calls.ts";
import { openForEach, releasing, stage } from "./stage.ts";

openForEach();

const call = { tool: "release", params: { version: "1.0.0" } };

/** Two gates of one agent, as in two processes of it, with equal calls that are both approved by one yes. */
async function twoGates() {
  const [first, second] = [createToolGate(await stage.connect()), createToolGate(await stage.connect())];
  const approved = stage.decideNext("approve");
  expect(await first.decide({ ...call, id: "a" })).toMatchObject({ approved: true });
  expect(await second.decide({ ...call, id: "b" })).toMatchObject({ approved: true });
  return { first, second, id: await approved };
}

test("of equal calls at two gates the one that asked first is carried out, and answers both", async () => {
  const { first, second } = await twoGates();
  const { done, act } = releasing();
  const waiting = second.run("b", act);
  expect(await first.run("a", act)).toBe("released 1.0.0");
  expect(await waiting).toBe("released 1.0.0");
  expect(done).toHaveLength(1);
});

test("of equal calls at one gate whichever comes first is carried out", async () => {
  const gate = createToolGate(await stage.connect());
  const approved = stage.decideNext("approve");
  await gate.decide({ ...call, id: "a" });
  await gate.decide({ ...call, id: "b" });
  await approved;
  const { done, act } = releasing();
  // A framework that does one after the other would wait for ever here, if the second were the first's to do.
  expect(await gate.run("b", act)).toBe("released 1.0.0");
  expect(await gate.run("a", act)).toBe("released 1.0.0");
  expect(done).toHaveLength(1);
});

test("a call whose twin elsewhere was never carried out ends with it", async () => {
  const { second } = await twoGates();
  const { done, act } = releasing();
  // Heard at once: it may end while the time is still passing.
  const waiting = second.run("b", act).catch((error: unknown) => error);
  await stage.world.pass(900_001);
  const ended = await waiting;
  expect(ended).toBeInstanceOf(ExpiredError);
  expect(String(ended)).toContain("not started in time");
  expect(done).toEqual([]);
});

test("what nobody answers is withdrawn, and the model is told that it was not approved", async () => {
  const gone = new AbortController();
  const gate = createToolGate(await stage.connect(), { signal: gone.signal });
  const answer = gate.decide({ ...call, id: "a" });
  const id = await stage.submitted();
  gone.abort(new Error("the run was stopped"));
  const reason = expect.stringMatching(/^It was not approved: the run was stopped\. /);
  expect(await answer).toEqual({ approved: false, reason });
  expect(await stage.world.application.show(id)).toMatchObject({ status: "cancelled" });
  const hurried = createToolGate(await stage.connect(), { timeout_ms: 1 });
  expect(await hurried.decide({ ...call, id: "a" })).toMatchObject({
    reason: expect.stringMatching(/^It was not approved: Nobody decided on .* withdrawn\. Do not try again/),
  });
});

test("one yes is for one run: the same call once more is refused", async () => {
  const { first } = await twoGates();
  const { done, act } = releasing();
  await first.run("a", act);
  await expect(first.run("a", act)).rejects.toThrow("not approved");
  expect(done).toHaveLength(1);
});
