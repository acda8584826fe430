/** The OpenAI Agents SDK: an agent's run stops before the tool, a person decides, and the run goes on. */
import { appendFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Agent, run, setTracingDisabled, tool } from "@openai/agents";
import { connect } from "countersign";
import { createGate } from "countersign/openai-agents";
import { z } from "zod";
import { fakeModel } from "./fake-models/openai-agents.ts";

// Traces would go to OpenAI, and need a key.
setTracingDisabled(true);

// Nobody approves what they asked for themselves, so an agent that runs as you needs a name of its own.
const countersign = await connect({ requester: "release-agent" });

const gate = createGate(countersign, {
  onAsk: ({ id }) => console.log(`Open Pending_Approval/${id}.md in the vault, tick Approve and save it.`),
});

const release = tool({
  // The tool's name is the kind of action, unless the gate's `kind` says otherwise.
  name: "release",
  description: "Releases a version.",
  parameters: z.object({ version: z.string() }),
  needsApproval: true,
  // Refuses by itself whatever nobody approved, however the framework comes to call it.
  execute: gate.execute(async ({ version }: { version: string }) => {
    const log = join(tmpdir(), "releases.txt");
    appendFileSync(log, `${version}\n`);
    return `${version} is in ${log}`;
  }),
});

const agent = new Agent({
  name: "releaser",
  // Without this line it is a real model. This one calls the tool, and repeats what it was told.
  model: fakeModel("release", { version: "1.0.0" }),
  tools: [release],
});
const { finalOutput } = await gate.run(run, agent, "Release version 1.0.0.");
console.log(`The agent says: ${finalOutput}`);
