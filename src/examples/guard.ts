/** A function that runs only once a person has approved it, with what they approved, once. */
import { appendFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, NotDoneError } from "countersign";

// Nobody approves what they asked for themselves, so an agent that runs as you needs a name of its own.
const countersign = await connect({ requester: "release-agent" });

const release = countersign.guard(
  {
    kind: "release",
    onAsk: ({ id }) => console.log(`Open Pending_Approval/${id}.md in the vault, tick Approve and save it.`),
  },
  // A person may have changed the version: only what comes in here was approved.
  async ({ version }: { version: string }, { reviewer }) => {
    const log = join(tmpdir(), "releases.txt");
    appendFileSync(log, `${version}\n`);
    return `${version} is in ${log}, approved by ${reviewer}`;
  },
);

try {
  console.log(`Released: ${await release({ version: "1.0.0" })}`);
} catch (error) {
  // RejectedError, ExpiredError, DeniedError … are all of them NotDoneErrors, with the reason that was given.
  if (!(error instanceof NotDoneError)) throw error;
  console.log(`Nothing was released. ${error.message}`);
}
