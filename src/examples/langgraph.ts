/** LangGraph JS: a node stops at an interrupt, a person decides, and the graph goes on. */
import { appendFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FakeListChatModel } from "@langchain/core/utils/testing";
import { Annotation, Command, END, interrupt, MemorySaver, START, StateGraph } from "@langchain/langgraph";
import { connect, NotApprovedError } from "countersign";
import { createGate } from "countersign/langgraph";

// Nobody approves what they asked for themselves, so an agent that runs as you needs a name of its own.
const countersign = await connect({ requester: "release-agent" });

const gate = createGate(countersign, {
  interrupt,
  Command,
  onAsk: ({ id }) => console.log(`Open Pending_Approval/${id}.md in the vault, tick Approve and save it.`),
});

const release = gate.guard("release", async ({ version }: { version: string }) => {
  const log = join(tmpdir(), "releases.txt");
  appendFileSync(log, `${version}\n`);
  return `${version} is in ${log}`;
});

// In its place goes a real one. This one always proposes the same version.
const model = new FakeListChatModel({ responses: ["1.0.0"] });

const State = Annotation.Root({ version: Annotation<string>(), released: Annotation<string>() });
const graph = new StateGraph(State)
  .addNode("plan", async () => ({ version: (await model.invoke("Which version is next?")).text }))
  // A node begins anew when the graph goes on: nothing of weight may stand before the guarded call.
  .addNode("act", async ({ version }) => ({ released: await release({ version }) }))
  .addEdge(START, "plan")
  .addEdge("plan", "act")
  .addEdge("act", END)
  .compile({ checkpointer: new MemorySaver() });

try {
  const { released } = await gate.invoke(graph, {}, { configurable: { thread_id: "1" } });
  console.log(`Released: ${released}`);
} catch (error) {
  if (!(error instanceof NotApprovedError)) throw error;
  console.log(`Nothing was released. ${error.message}`);
}
