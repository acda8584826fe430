import { Agent, type Model, type ModelRequest, run, setTracingDisabled, tool, Usage } from "@openai/agents";
import { afterEach, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import type { Approved } from "../../../src/sdk.ts";
import { createGate } from "../../../src/surfaces/sdk/openai-agents.ts";
import { openSdkStage, type Stage } from "./stage.ts";

let stage: Stage;
beforeEach(async () => {
  setTracingDisabled(true);
  stage = await openSdkStage();
});
afterEach(async () => {
  await stage.close();
  expect(stage.bugs).toEqual([]);
});

/** A model that calls the tool once for each params, and then says what it was told. */
function fakeModel(name: string, calls: readonly object[]): Model {
  return {
    async getResponse({ input }: ModelRequest) {
      const items = typeof input === "string" ? [] : input;
      const results = items.filter(({ type }) => type === "function_call_result");
      if (results.length === 0) {
        const output = calls.map((params, at) => ({
          type: "function_call" as const,
          callId: `call_${at}`,
          name,
          arguments: JSON.stringify(params),
          status: "completed" as const,
        }));
        return { usage: new Usage(), output };
      }
      const text = JSON.stringify(results.map((item) => ("output" in item ? item.output : null)));
      const content = [{ type: "output_text" as const, text }];
      return {
        usage: new Usage(),
        output: [{ type: "message", role: "assistant", status: "completed", content }],
      };
    },
    getStreamedResponse() {
      throw new Error("unreachable: nothing is streamed here");
    },
  };
}

async function scene(calls: readonly object[] = [{ version: "1.0.0" }]) {
  const gate = createGate(await stage.connect({ patience_ms: 100 }));
  const done: [object, Approved][] = [];
  const release = tool({
    name: "release",
    description: "Releases a version.",
    parameters: z.object({ version: z.string() }),
    needsApproval: true,
    execute: gate.execute(async (params: { version: string }, approved) => {
      done.push([params, approved]);
      return `released ${params.version}`;
    }),
  });
  const agent = new Agent({ name: "releaser", model: fakeModel("release", calls), tools: [release] });
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
