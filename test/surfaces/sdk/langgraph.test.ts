import { Annotation, Command, END, interrupt, MemorySaver, START, StateGraph } from "@langchain/langgraph";
import { expect, test } from "vitest";
import { NotApprovedError } from "../../../src/sdk.ts";
import { createGate } from "../../../src/surfaces/sdk/langgraph.ts";
import { openForEach, releasing, stage } from "./stage.ts";

openForEach();

const State = Annotation.Root({
  versions: Annotation<string[]>(),
  released: Annotation<string[]>(),
});

const config = { configurable: { thread_id: "t1" } };

/** A graph whose one node releases all versions, one after the other. */
async function scene(checkpointer = new MemorySaver()) {
  const gate = createGate(await stage.connect(), { interrupt, Command });
  const { done, act } = releasing();
  const release = gate.guard("release", act);
  const graph = new StateGraph(State)
    .addNode("release", async ({ versions }) => {
      const released: string[] = [];
      for (const version of versions) released.push(await release({ version }));
      return { released };
    })
    .addEdge(START, "release")
    .addEdge("release", END)
    .compile({ checkpointer });
  return { gate, graph, done };
}

test("an interrupt is put to a person, and the node goes on with a grant", async () => {
  const { gate, graph, done } = await scene();
  const approved = stage.decideNext("approve");
  const output = await gate.invoke(graph, { versions: ["1.0.0"] }, config);
  const id = await approved;
  expect(output.released).toEqual(["released 1.0.0"]);
  expect(done).toMatchObject([[{ version: "1.0.0" }, { id, reviewer: "anna", grant: expect.any(String) }]]);
  expect(await stage.world.application.show(id)).toMatchObject({
    status: "executed",
    result: "released 1.0.0",
  });
});

test("a rejection ends the node with its reason, and nothing is done", async () => {
  const { gate, graph, done } = await scene();
  const rejected = stage.decideNext("reject", { reason: "freeze until Monday" });
  const running = gate.invoke(graph, { versions: ["1.0.0"] }, config);
  await expect(running).rejects.toThrow("freeze until Monday");
  await expect(running).rejects.toBeInstanceOf(NotApprovedError);
  await rejected;
  expect(done).toEqual([]);
});

test("equal questions of two nodes at once are one request and one release, with an answer for each", async () => {
  const gate = createGate(await stage.connect(), { interrupt, Command });
  const { done, act } = releasing();
  const release = gate.guard("release", act);
  const Both = Annotation.Root({ one: Annotation<string>(), other: Annotation<string>() });
  const graph = new StateGraph(Both)
    .addNode("first", async () => ({ one: await release({ version: "1.0.0" }) }))
    .addNode("second", async () => ({ other: await release({ version: "1.0.0" }) }))
    .addEdge(START, "first")
    .addEdge(START, "second")
    .addEdge("first", END)
    .addEdge("second", END)
    .compile({ checkpointer: new MemorySaver() });
  const approved = stage.decideNext("approve");
  const { one, other } = await gate.invoke(graph, {}, config);
  expect([one, other]).toEqual(["released 1.0.0", "released 1.0.0"]);
  expect(done).toHaveLength(1);
  expect(await stage.world.application.show(await approved)).toMatchObject({ status: "executed", asked: 2 });
});

test("a node that begins anew for its second question does nothing twice", async () => {
  const { gate, graph, done } = await scene();
  const decided = stage.decideNext("approve").then(() => stage.decideNext("approve"));
  const output = await gate.invoke(graph, { versions: ["1.0.0", "2.0.0"] }, config);
  await decided;
  expect(output.released).toEqual(["released 1.0.0", "released 2.0.0"]);
  expect(done.map(([params]) => params)).toEqual([{ version: "1.0.0" }, { version: "2.0.0" }]);
});

test("and does nothing twice when another process goes on with it", async () => {
  const checkpointer = new MemorySaver();
  const first = await scene(checkpointer);
  const one = stage.decideNext("approve");
  const stopped = new Error("the process ends here");
  const ending = {
    invoke: async (input: Parameters<typeof first.graph.invoke>[0], given?: typeof config) => {
      if (first.done.length > 0) throw stopped;
      const output = await first.graph.invoke(input, given);
      if (first.done.length > 0) throw stopped;
      return output;
    },
  };
  await expect(first.gate.invoke(ending, { versions: ["1.0.0", "2.0.0"] }, config)).rejects.toBe(stopped);
  await one;
  const second = await scene(checkpointer);
  const two = stage.decideNext("approve");
  const output = await second.gate.invoke(second.graph, null as never, config);
  await two;
  expect(output.released).toEqual(["released 1.0.0", "released 2.0.0"]);
  expect(first.done.map(([params]) => params)).toEqual([{ version: "1.0.0" }]);
  expect(second.done.map(([params]) => params)).toEqual([{ version: "2.0.0" }]);
});

test("an interrupt of somebody else's is left to them", async () => {
  const { gate } = await scene();
  const graph = new StateGraph(State)
    .addNode("ask", () => ({ released: [String(interrupt({ question: "which?" }))] }))
    .addEdge(START, "ask")
    .addEdge("ask", END)
    .compile({ checkpointer: new MemorySaver() });
  const output = await gate.invoke(graph, { versions: [] }, config);
  expect(output).toMatchObject({ __interrupt__: [{ value: { question: "which?" } }] });
});
