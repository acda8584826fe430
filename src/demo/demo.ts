/**
 * `npm run demo`: a daemon on the sample vault, an agent that asks it for a payment, and a person who decides: you, or
 * with `-- --decide approve|reject|request-changes` an edit of the note as an editor saves it.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { RequestView } from "../core/view.ts";

const EDITS: Record<string, { status: string; edit: (note: string) => string }> = {
  approve: { status: "executed", edit: (note) => note.replace("- [ ] Approve", "- [x] Approve") },
  reject: {
    status: "rejected",
    edit: (note) =>
      note.replace("decision:", "decision: rejected").replace("reason:", "reason: this was paid last week"),
  },
  "request-changes": {
    status: "changes_requested",
    edit: (note) =>
      note.replace("decision:", "decision: changes_requested").replace("reason:", "reason: pay in two parts"),
  },
};

/** How long the finished note may take to appear behind its outcome. */
const FILED_WITHIN_MS = 10_000;

const vault = fileURLToPath(new URL("../../vault", import.meta.url));
const options = ["--vault", vault, "--config", fileURLToPath(new URL("countersign.yaml", import.meta.url))];
const program = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const say = (text: string) => process.stdout.write(`${text}\n`);
const pathFromHere = (path: string) => relative(process.cwd(), path) || path;

const { decide } = parseArgs({ options: { decide: { type: "string" } } }).values;
if (decide !== undefined && EDITS[decide] === undefined) {
  process.stderr.write(`demo: --decide takes ${Object.keys(EDITS).join(", ")}, not ${decide}\n`);
  process.exit(2);
}
process.exitCode = await demo(decide === undefined ? null : (EDITS[decide] ?? null));

async function demo(hand: { status: string; edit: (note: string) => string } | null): Promise<number> {
  const daemon = run("../main.ts", "start", "--json");
  const ended = once(daemon, "exit");
  const stop = () => daemon.kill("SIGTERM");
  const ctrlC = new AbortController();
  process.once("SIGINT", () => ctrlC.abort());
  ctrlC.signal.addEventListener("abort", stop);
  try {
    const ready = await Promise.race([firstLine(daemon), ended.then(() => null)]);
    const came = ready?.includes('"ready"') ? await dayAtTheOffice(hand, ctrlC.signal) : 1;
    return ctrlC.signal.aborted ? 0 : came;
  } finally {
    stop();
    await ended;
  }
}

async function dayAtTheOffice(
  hand: { status: string; edit: (note: string) => string } | null,
  ctrlC: AbortSignal,
): Promise<number> {
  if (ctrlC.aborted) return 1;
  const agent = run("agent.ts");
  ctrlC.addEventListener("abort", () => {
    // With what it waits by: that would go on until there is a daemon again.
    if (agent.pid !== undefined && agent.exitCode === null) process.kill(-agent.pid, "SIGTERM");
  });
  const lines = createInterface({ input: agent.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
  const id = (await lines.next()).value;
  if (id === undefined) return 1;
  const note = join(vault, "Pending_Approval", `${id}.md`);
  say(`An agent asks to pay ACME GmbH 1,500.00 EUR. Open the note: ${pathFromHere(note)}`);
  say("Change `- [ ] Approve` to `- [x] Approve` (or write `rejected` behind `decision:`), and save it.");
  say(
    hand === null
      ? "The agent waits. Ctrl-C ends the demo; the request then waits for the next one."
      : "The demo now makes that edit.",
  );
  if (hand !== null) writeFileSync(note, hand.edit(readFileSync(note, "utf8")));

  const told = (await lines.next()).value;
  if (told === undefined) return 1;
  const request: RequestView = JSON.parse(told);
  const done = join(vault, "Done", `${id}.md`);
  for (let waited = 0; !existsSync(done) && waited < FILED_WITHIN_MS; waited += 50) await delay(50);
  say("");
  say(`Outcome: ${request.status}${request.decision?.reason ? ` (${request.decision.reason})` : ""}`);
  if (request.result !== null) say(`Result: ${JSON.stringify(request.result)}`);
  say(`The finished note: ${pathFromHere(done)}`);
  if (hand === null) return 0;
  const asExpected =
    request.status === hand.status && readFileSync(done, "utf8").includes(`status: ${hand.status}`);
  return asExpected ? 0 : 1;
}

function run(file: string, ...args: string[]): ChildProcess {
  return spawn(process.execPath, [...process.execArgv, program(file), ...args, ...options], {
    stdio: ["ignore", "pipe", "inherit"],
    // Ctrl-C is for the demo, which then ends the others in order.
    detached: true,
  });
}

async function firstLine(child: ChildProcess): Promise<string | null> {
  for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) return line;
  return null;
}
