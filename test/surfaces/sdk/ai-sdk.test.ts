import { generateText, stepCountIs, tool } from "ai";
import { MockLanguageModelV4 } from "ai/test";
import { afterEach, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import type { Approved } from "../../../src/sdk.ts";
import { createGate } from "../../../src/surfaces/sdk/ai-sdk.ts";
import { openSdkStage, type Stage } from "./stage.ts";

let stage: Stage;
beforeEach(async () => {
  stage = await openSdkStage();
});
afterEach(async () => {
  await stage.close();
  expect(stage.bugs).toEqual([]);
});

type Prompt = Parameters<MockLanguageModelV4["doGenerate"]>[0]["prompt"];

/** A model that calls the tool once, and then says what it was told. */
function fakeModel(toolName: string, input: object) {
  const usage = {
    inputTokens: { total: 1, noCache: 1, cacheRead: 0, cacheWrite: 0 },
    outputTokens: { total: 1, text: 1, reasoning: 0 },
  };
  return new MockLanguageModelV4({
    doGenerate: async ({ prompt }: { prompt: Prompt }) => {
      const results = prompt.filter(({ role }) => role === "tool");
      const content =
        results.length === 0
          ? [{ type: "tool-call" as const, toolCallId: "call_1", toolName, input: JSON.stringify(input) }]
          : [{ type: "text" as const, text: JSON.stringify(results) }];
      const reason = results.length === 0 ? ("tool-calls" as const) : ("stop" as const);
      return { content, finishReason: { unified: reason, raw: reason }, usage, warnings: [] };
    },
  });
}

async function scene(options: { tools?: string[] } = {}) {
  const gate = createGate(await stage.connect({ patience_ms: 100 }), options);
  const done: [object, Approved][] = [];
  const release = tool({
    description: "Releases a version.",
    inputSchema: z.object({ version: z.string() }),
    execute: gate.execute(async (params: { version: string }, approved) => {
      done.push([params, approved]);
      return `released ${params.version}`;
    }),
  });
  const start = async (approval: object = { toolApproval: gate.toolApproval }) => {
    const model = fakeModel("release", { version: "1.0.0" });
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
