import { Agent, run, setTracingDisabled, tool } from "@openai/agents";
import { expect, test } from "vitest";
import { z } from "zod";
import { fakeModel } from "../../../src/examples/fake-models/openai-agents.ts";
import { createGate } from "../../../src/surfaces/sdk/openai-agents.ts";
import { openForEach, releasing, stage } from "./stage.ts";

openForEach();
setTracingDisabled(true);

async function scene(calls: readonly object[] = [{ version: "1.0.0" }]) {
  const gate = createGate(await stage.connect({ patience_ms: 100 }));
  const { done, act } = releasing();
  const release = tool({
    name: "release",
    description: "Releases a version.",
    parameters: z.object({ version: z.string() }),
    needsApproval: true,
    execute: gate.execute(act),
  });
  const agent = new Agent({ name: "releaser", model: fakeModel("release", ...calls), tools: [release] });
  return {
    agent,
    done,
    gate,
    start: async () => String((await gate.run(run, agent, "Release it.")).finalOutput),
  };
}

test("an interruption is put to a person, and the tool runs with a grant", async () => {
  const { done, start } = await scene();
  const approved = stage.decideNext("approve");
  expect(await start()).toContain("released 1.0.0");
  const id = await approved;
  expect(done).toMatchObject([[{ version: "1.0.0" }, { id, reviewer: "anna", grant: expect.any(String) }]]);
  expect(await stage.world.application.show(id)).toMatchObject({
    status: "executed",
    result: "released 1.0.0",
  });
});

test("a rejection reaches the model with its reason, and the tool does not run", async () => {
  const { done, start } = await scene();
  const rejected = stage.decideNext("reject", { reason: "freeze until Monday" });
  const said = await start();
  await rejected;
  expect(said).toContain("freeze until Monday");
  expect(said).toContain("Do not try again");
  expect(done).toEqual([]);
});

test("the tool runs with what a person made of the call", async () => {
  const { done, start } = await scene();
  const approved = stage.decideNext("approve", { set: { version: "1.0.1" } });
  expect(await start()).toContain("released 1.0.1");
  await approved;
  expect(done).toMatchObject([[{ version: "1.0.1" }, {}]]);
});

test("two calls at once are two requests, each with an answer of its own", async () => {
  const { done, start } = await scene([{ version: "1.0.0" }, { version: "2.0.0" }]);
  const decided = stage.decideNext("approve").then(() => stage.decideNext("reject", { reason: "too new" }));
  const said = await start();
  await decided;
  expect(said).toContain("released");
  expect(said).toContain("too new");
  expect(done).toHaveLength(1);
});

test("equal calls at once are one request, one decision and one release, with an answer for each", async () => {
  const { done, start } = await scene([{ version: "1.0.0" }, { version: "1.0.0" }]);
  const approved = stage.decideNext("approve");
  expect((await start()).match(/released 1\.0\.0/g)).toHaveLength(2);
  expect(done).toHaveLength(1);
  expect(await stage.world.application.show(await approved)).toMatchObject({ status: "executed", asked: 2 });
});

test("a daemon that is not there is a no, with what to tell the model", async () => {
  const { done, start } = await scene();
  await stage.stopServing();
  const said = await start();
  expect(said).toContain("Nobody was asked");
  expect(done).toEqual([]);
});

test("a call that the framework lets through by itself is refused by the tool", async () => {
  const { agent, done } = await scene();
  const result = await run(agent, "Release it.");
  const [item] = result.interruptions;
  if (item === undefined) throw new Error("there is no interruption");
  result.state.approve(item);
  const ended = await run(agent, result.state);
  // What a tool throws is kept from the model there, unless the tool has an error function.
  expect(String(ended.finalOutput)).toContain("An error occurred");
  expect(done).toEqual([]);
});
