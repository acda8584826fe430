/** Draft, check, approve, execute: a no, with its reason, goes into the next draft. */
import { appendFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "countersign";

// Nobody approves what they asked for themselves, so an agent that runs as you needs a name of its own.
const countersign = await connect({ requester: "press-agent" });

const announce = countersign.workflow({
  kind: "post",
  maxAttempts: 2,
  // Where a model writes. This one only repeats what it was told.
  draft: (topic: string, feedback) => ({
    text: feedback === null ? `All about ${topic}!` : `${topic}, and now: ${feedback.reason ?? "otherwise"}`,
  }),
  // What is not even worth a person's time never becomes a note.
  validate: ({ text }) => ({ ok: text.length <= 500 }),
  onAsk: ({ id }) => {
    console.log(`Open Pending_Approval/${id}.md in the vault, tick Approve and save it,`);
    console.log("or write behind `reason:` what should be otherwise, and tick Reject.");
  },
  execute: ({ text }) => {
    const log = join(tmpdir(), "posts.txt");
    appendFileSync(log, `${text}\n`);
    return `it is in ${log}`;
  },
});

const told = await announce("version 1.0.0");
if (told.status === "completed") console.log(`Posted after ${told.attempts} drafts: ${told.result}`);
else console.log(`Nothing was posted: ${told.status} after ${told.attempts} drafts.`);
