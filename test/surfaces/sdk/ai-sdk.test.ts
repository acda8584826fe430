import { generateText, stepCountIs, tool } from "ai";
import { expect, test } from "vitest";
import { z } from "zod";
import { fakeModel } from "../../../src/examples/fake-models/ai-sdk.ts";
import { createGate } from "../../../src/surfaces/sdk/ai-sdk.ts";
import { openForEach, releasing, stage } from "./stage.ts";

openForEach();

async function scene(options: { tools?: string[] } = {}, calls: object[] = [{ version: "1.0.0" }]) {
  const gate = createGate(await stage.connect({ patience_ms: 100 }), options);
  const { done, act } = releasing();
  const release = tool({
    description: "Releases a version.",
    inputSchema: z.object({ version: z.string() }),
    execute: gate.execute(act),
  });
  const start = async (approval: object = { toolApproval: gate.toolApproval }) => {
    const model = fakeModel("release", ...calls);
    const settings = { model, prompt: "Release it.", tools: { release }, stopWhen: stepCountIs(3) };
    const { text, steps } = await generateText({ ...settings, ...approval });
    return `${text} ${JSON.stringify(steps.map(({ content }) => content))}`;
  };
  return { done, start };
}

test("a tool's call is put to a person, and runs with a grant", async () => {
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
  expect(await start()).toContain("freeze until Monday");
  await rejected;
  expect(done).toEqual([]);
});

test("the tool runs with what a person made of the call", async () => {
  const { done, start } = await scene();
  const approved = stage.decideNext("approve", { set: { version: "1.0.1" } });
  expect(await start()).toContain("released 1.0.1");
  await approved;
  expect(done).toMatchObject([[{ version: "1.0.1" }, {}]]);
});

test("equal calls at once are one request, one decision and one release, with an answer for each", async () => {
  const equal = { version: "1.0.0" };
  const { done, start } = await scene({}, [equal, equal]);
  const approved = stage.decideNext("approve");
  // Both in what the model was told, and in the steps.
  expect((await start()).match(/"released 1\.0\.0"/g)).toHaveLength(4);
  expect(done).toHaveLength(1);
  expect(await stage.world.application.show(await approved)).toMatchObject({ status: "executed", asked: 2 });
});

test("a daemon that is not there is a no, with what to tell the model", async () => {
  const { done, start } = await scene();
  await stage.stopServing();
  expect(await start()).toContain("Nobody was asked");
  expect(done).toEqual([]);
});

test.each([
  ["without the approval", {}],
  ["approved by itself", { toolApproval: { release: "approved" } }],
])("a call that the framework lets through %s is refused by the tool", async (_, approval) => {
  const { done, start } = await scene();
  expect(await start(approval)).toContain("not approved");
  expect(done).toEqual([]);
});

test("tools that are not named need nobody, and those of ours refuse all the same", async () => {
  const { done, start } = await scene({ tools: ["payment"] });
  expect(await start()).toContain("not approved");
  expect(done).toEqual([]);
  expect(await stage.world.application.happenings.page({ limit: 1 })).toMatchObject({ events: [] });
});
