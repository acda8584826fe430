/** The Vercel AI SDK: a tool's call is put to a person, and a no reaches the model with its reason. */
import { appendFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generateText, stepCountIs, tool } from "ai";
import { connect } from "countersign";
import { createGate } from "countersign/ai-sdk";
import { z } from "zod";
import { fakeModel } from "./fake-models/ai-sdk.ts";

// Nobody approves what they asked for themselves, so an agent that runs as you needs a name of its own.
const countersign = await connect({ requester: "release-agent" });

const gate = createGate(countersign, {
  onAsk: ({ id }) => console.log(`Open Pending_Approval/${id}.md in the vault, tick Approve and save it.`),
});

// The tool's name is the kind of action, unless the gate's `kind` says otherwise.
const release = tool({
  description: "Releases a version.",
  inputSchema: z.object({ version: z.string() }),
  // Refuses by itself whatever nobody approved, however the framework comes to call it.
  execute: gate.execute(async ({ version }: { version: string }) => {
    const log = join(tmpdir(), "releases.txt");
    appendFileSync(log, `${version}\n`);
    return `${version} is in ${log}`;
  }),
});

const { text } = await generateText({
  // In its place goes a real one, such as anthropic("…"). This one calls the tool, and repeats what it was told.
  model: fakeModel("release", { version: "1.0.0" }),
  prompt: "Release version 1.0.0.",
  tools: { release },
  toolApproval: gate.toolApproval,
  stopWhen: stepCountIs(3),
});
console.log(`The model says: ${text}`);
