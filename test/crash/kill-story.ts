import { existsSync, readFileSync } from "node:fs";
import { type Answer, call, type DaemonProcess } from "./daemon-process.ts";
import { answerUnknown, decide, leaveLine } from "./kill-person.ts";
import { LIMIT_MS, linesOf, noteAt, openGate, type Told, toldOf, until, type World } from "./kill-world.ts";

/** Submits with a key of its own, and again in every life, as an agent does that does not know what became of it. */
async function submit(world: World, told: Told, daemon: DaemonProcess): Promise<boolean> {
  const input = { kind: "payment", key: told.role, params: { slow: told.role === "slow" } };
  const answer = await call(world.places.sockets.agent, "POST", "/v1/requests", input);
  if (answer === null) return false;
  const { id } = (answer.body.request ?? {}) as { id?: string };
  if (id === undefined) throw new Error(`${told.role} was answered ${JSON.stringify(answer)}`);
  if (told.id !== null && told.id !== id) throw new Error(`${told.role} was ${told.id} and is now ${id}`);
  told.id = id;
  const isThere = () =>
    ["Pending_Approval", "Approved", "Done"].some((name) => existsSync(noteAt(world, name, id)));
  if (answer.body.created === true && !isThere()) throw new Error(`${told.role} was answered without a note`);
  return until(`a note of ${told.role}`, daemon, isThere);
}

/** What became of a request, by long poll; null when the daemon is gone first. */
async function outcome(world: World, id: string): Promise<string | null> {
  const path = `/v1/requests/${id}/wait?timeout_ms=${LIMIT_MS}`;
  const answer: Answer | null = await call(world.places.sockets.agent, "GET", path);
  return answer === null ? null : String(answer.body.status);
}

const UNSETTLED = new Set(["pending", "approved", "executing"]);

/** The end of one request: decided by now, so it must come to its outcome, and its note to `Done/`. */
async function finish(world: World, told: Told, daemon: DaemonProcess): Promise<boolean> {
  const { id } = told;
  if (id === null || !told.decided) return true;
  let status = await outcome(world, id);
  if (status === null) return false;
  if (status === "outcome_unknown") {
    if (!(await settleUnknown(world, id, daemon))) return false;
    status = await outcome(world, id);
    if (status === null) return false;
  }
  if (UNSETTLED.has(status)) throw new Error(`${told.role} is ${status} and does not go on\n${daemon.log()}`);
  return until(`the note of ${told.role} in Done`, daemon, () => existsSync(noteAt(world, "Done", id)));
}

/** The person looks where it would have happened, and ticks what they see. */
async function settleUnknown(world: World, id: string, daemon: DaemonProcess): Promise<boolean> {
  const boxes = ["- [ ] It happened\n", "- [ ] It did not happen\n"];
  let path = "";
  const asked = () => {
    path = ["Pending_Approval", "Approved"].map((name) => noteAt(world, name, id)).find(existsSync) ?? "";
    const text = path === "" ? "" : readFileSync(path, "utf8");
    return text.includes("status: outcome_unknown\n") && boxes.every((box) => text.includes(box));
  };
  if (!(await until(`the question in the note of ${id}`, daemon, asked))) return false;
  answerUnknown(path, linesOf(world, "witness").includes(id));
  return true;
}

/** Steps of the story, in order; each does what is not done yet, and gives false when the daemon is gone. */
const STEPS: readonly ((world: World, daemon: DaemonProcess) => Promise<boolean>)[] = [
  (_, daemon) => daemon.ready,
  async (world, daemon) => {
    for (const told of world.told.slice(0, 3)) if (!(await submit(world, told, daemon))) return false;
    return true;
  },
  async (world, daemon) => {
    const rest = world.told.slice(3).map((told) => submit(world, told, daemon));
    return (await Promise.all(rest)).every(Boolean);
  },
  async (world) => {
    leaveLine(world, "idle");
    decide(world, "refused");
    decide(world, "ticked");
    return true;
  },
  (world, daemon) => finish(world, toldOf(world, "ticked"), daemon),
  async (world, daemon) => {
    decide(world, "slow");
    const { id } = toldOf(world, "slow");
    const begun = () => id !== null && linesOf(world, "witness").includes(id);
    return world.midway.has(id ?? "") || until("the slow one runs", daemon, begun);
  },
  async (world) => {
    decide(world, "typed");
    decide(world, "dragged");
    return true;
  },
  (world, daemon) => finish(world, toldOf(world, "dragged"), daemon),
  (world, daemon) => finish(world, toldOf(world, "typed"), daemon),
  (world, daemon) => finish(world, toldOf(world, "refused"), daemon),
  async (world, daemon) => {
    // What the daemon before this one let go ends now, and must not change what is known of it.
    openGate(world);
    return finish(world, toldOf(world, "slow"), daemon);
  },
  (world, daemon) => finish(world, toldOf(world, "ticked_while_down"), daemon),
  (world, daemon) => finish(world, toldOf(world, "refused_while_down"), daemon),
];

export const STEP_COUNT = STEPS.length;

/** Plays what is left of the story; true when it came to its end before the daemon did. */
export async function play(
  world: World,
  daemon: DaemonProcess,
  onStep: (step: number) => void = () => {},
): Promise<boolean> {
  for (const [index, step] of STEPS.entries()) {
    onStep(index);
    if (!(await step(world, daemon))) return false;
  }
  return true;
}
