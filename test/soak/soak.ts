import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { EXIT } from "../../src/surfaces/cli/exit-codes.ts";
import { call, countersign, type DaemonProcess, launch, type Program } from "../crash/daemon-process.ts";
import { readBallot } from "./ballot.ts";
import { chanceFrom } from "./chance.ts";
import { finalOf, type Interval, type Outcome, unfinished, wrongs } from "./compare.ts";
import { auditedOf, belongs, errorsIn, leftBehind, report } from "./findings.ts";
import { handsIn } from "./hands.ts";
import { followJournal } from "./journal.ts";
import { feelPulse } from "./pulse.ts";
import { play } from "./story.ts";
import { markersIn, owedMarkers, type Told, tellOf } from "./told.ts";
import { pathsIn, textAt, type World, witnessed } from "./world.ts";

export interface Plan {
  readonly seed: number;
  readonly notes: number;
  /** How long hands are at work, in ms. */
  readonly lasts_ms: number;
  /** The most acts of one note's story. */
  readonly length: number;
  /** How often the daemon is killed meanwhile. */
  readonly kills: number;
  /** How long the daemon may take at the end until nothing is due any more, in ms. */
  readonly patience_ms: number;
}

export interface Soaked {
  readonly found: readonly string[];
  /** How many requests ended how. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** How often a hand changed a file. */
  readonly changes: number;
}

/** How often all executions are halted for a while. */
const HALTS_EVERY_MS = 4_000;

/** Lets hands loose on the notes of a running daemon, waits until nothing is due any more, and compares. */
export async function soak(world: World, program: Program, plan: Plan): Promise<Soaked> {
  const daemons: DaemonProcess[] = [];
  try {
    return await letLoose(world, program, plan, daemons);
  } finally {
    for (const daemon of daemons) daemon.signal("SIGKILL");
    await Promise.all(daemons.map(({ ended }) => ended));
  }
}

async function letLoose(
  world: World,
  program: Program,
  plan: Plan,
  daemons: DaemonProcess[],
): Promise<Soaked> {
  const journal = followJournal(world);
  const told: Told[] = [];
  const absences: Interval[] = [];
  const stalls: Interval[] = [];
  const halts: Interval[] = [];
  const logs: string[] = [];
  let daemon = await begin();
  const hands = handsIn(world.vault);
  const ends = Date.now() + plan.lasts_ms;
  /** A slow machine has longer, so that as much happens on it. */
  const late = () => stalls.reduce((sum, { from, to }) => sum + to - from, 0);
  const goesOn = () => Date.now() < ends + Math.min(late(), plan.patience_ms);

  async function begin(): Promise<DaemonProcess> {
    const started = launch(program, world.vault, world.env);
    daemons.push(started);
    if (!(await started.ready)) throw new Error(`the daemon did not start\n${started.log()}`);
    return started;
  }

  async function stop(): Promise<void> {
    daemon.signal("SIGTERM");
    const { exit } = await daemon.ended;
    logs.push(daemon.log());
    if (exit !== EXIT.done) throw new Error(`the daemon stopped with ${exit}\n${daemon.log()}`);
  }

  /** A request, and its story from its own seed, whatever happens to the others. */
  async function live(index: number): Promise<void> {
    const chance = chanceFrom(plan.seed * 10_000 + index);
    const bill = 1_000 + index;
    await delay(chance.below(plan.lasts_ms * 0.6));
    const takes = chance.oneIn(3) ? "0.3" : "0";
    const input = {
      kind: "payment",
      key: `bill-${index}`,
      title: `Pay bill ${bill}`,
      params: { bill, takes },
    };
    const id = await submit(input);
    const text = await noteOf(id);
    const one = tellOf(index, bill, id, text, Date.now());
    told.push(one);
    const ask = async (verb: "approve" | "reject" | "cancel") => {
      const began = Date.now();
      const [socket, path, body] =
        verb === "cancel"
          ? (["agent", "cancel", { by: "billing-agent" }] as const)
          : (["reviewer", "decide", { verb }] as const);
      const made = { verb, began, taken: false };
      one.calls.push(made);
      const answer = await call(world.places.sockets[socket], "POST", `/v1/requests/${id}/${path}`, body);
      one.calls.splice(one.calls.indexOf(made), 1, { ...made, taken: answer?.status === 200 });
    };
    await play({ hands, chance, told: one, goesOn, ask }, plan.length);
  }

  /** Again and again with one key, as an agent does whose daemon is gone: what it was given, the hands must know of. */
  async function submit(input: object): Promise<string> {
    for (;;) {
      const answer = await call(world.places.sockets.agent, "POST", "/v1/requests", input);
      const { id } = (answer?.body.request ?? {}) as { id?: string };
      if (id !== undefined) return id;
      if (Date.now() > ends + 2 * plan.patience_ms) throw new Error("nothing was submitted any more");
      await delay(50);
    }
  }

  /** A daemon that died behind the record of a submission leaves its note to the next one. */
  async function noteOf(id: string): Promise<string> {
    for (;;) {
      const text = textAt(world, `Pending_Approval/${id}.md`);
      if (text !== null) return text;
      if (Date.now() > ends + 2 * plan.patience_ms) throw new Error(`there is no note of ${id}`);
      await delay(20);
    }
  }

  /** Now and then all executions are halted for a while, so that approvals can be taken back. */
  async function haltSometimes(): Promise<void> {
    const chance = chanceFrom(plan.seed ^ 0x48414c54);
    const rounds = Math.max(1, Math.round(plan.lasts_ms / HALTS_EVERY_MS));
    for (let round = 0; round < rounds; round += 1) {
      await delay((plan.lasts_ms / rounds) * 0.2);
      const say = (verb: string) => call(world.places.sockets.reviewer, "POST", `/v1/${verb}`, { by: "ada" });
      const halted = await say("halt");
      const from = Date.now();
      await delay(1_500 + chance.below(1_000));
      // Where no answer came, nobody knows whether it holds.
      halts.push({ from, to: halted?.status === 200 ? Date.now() : from });
      while ((await say("resume"))?.status !== 200) await delay(50);
      await delay((plan.lasts_ms / rounds) * 0.2);
    }
  }

  async function killSometimes(): Promise<void> {
    const chance = chanceFrom(plan.seed ^ 0x4b494c4c);
    for (let n = 0; n < plan.kills; n += 1) {
      await delay((plan.lasts_ms / (plan.kills + 1)) * (0.6 + 0.1 * chance.below(8)));
      if (!goesOn()) return;
      const from = Date.now();
      daemon.signal("SIGKILL");
      await daemon.ended;
      logs.push(daemon.log());
      await delay(chance.between(0, 1_500));
      daemon = await begin();
      absences.push({ from, to: Date.now() });
    }
  }

  function outcomeOf(one: Told, now: number, done: readonly string[]): Outcome {
    const records = journal().get(one.id) ?? [];
    const executions = done.filter((id) => id === one.id).length;
    return { told: one, records, executions, absences, stalls, halts, now };
  }

  /** What is still due; every sentence with the request that it is about. */
  function dueNow(): [Told, string][] {
    const paths = pathsIn(world.vault);
    const dashboard = textAt(world, "Dashboard.md") ?? "";
    journal();
    return told.flatMap((one) => {
      const own = paths.filter((path) => belongs(one, path));
      const files = new Map(own.map((path) => [path, textAt(world, path) ?? ""]));
      const ballot = readBallot(files, one.id, one.action);
      return unfinished(outcomeOf(one, 0, []), { files, ballot, dashboard }).map((due): [Told, string] => [
        one,
        due,
      ]);
    });
  }

  /** Gives what is due all the same; a moment later the daemon may have a note in its hands to write into it. */
  async function comeToRest(): Promise<[Told, string][]> {
    const limit = Date.now() + plan.patience_ms;
    for (;;) {
      await resolveUnknown();
      const due = dueNow();
      if (due.length === 0 || Date.now() > limit) return due;
      await delay(100);
    }
  }

  /** Somebody looks where it would have happened, and says so. */
  async function resolveUnknown(): Promise<void> {
    for (const [id, records] of journal()) {
      const isUnknown = records.some(({ type }) => type === "outcome_lost") && finalOf(records) === null;
      if (!isUnknown) continue;
      const body = { happened: witnessed(world).includes(id), by: "ada" };
      await call(world.places.sockets.reviewer, "POST", `/v1/requests/${id}/resolve`, body);
    }
  }

  /** A file that is nobody's is listed by a full look through the vault, and by nothing else. */
  async function lookThrough(): Promise<void> {
    const limit = Date.now() + plan.patience_ms;
    while (!textAt(world, "Dashboard.md")?.includes("Shopping list")) {
      if (Date.now() > limit) throw new Error("the vault was not looked through");
      await delay(50);
    }
  }

  const stories = Array.from({ length: plan.notes }, (_, index) => live(index));
  await Promise.all([...stories, haltSometimes(), killSometimes(), feelPulse(world, stalls, goesOn)]);
  const first = await comeToRest();
  const now = Date.now();
  // What is held aside is looked at a last time when the daemon stops, and what comes of that is seen by the next.
  await stop();
  writeFileSync(join(world.vault, "Pending_Approval/Shopping list.md"), "milk\n");
  daemon = await begin();
  await lookThrough();
  await comeToRest();
  await stop();

  const done = witnessed(world);
  const kept = new Set(pathsIn(world.vault).flatMap((path) => markersIn(textAt(world, path) ?? "")));
  const lostOf = (one: Told) =>
    owedMarkers(one)
      .filter((marker) => !kept.has(marker))
      .map((marker) => `${marker} was saved and is nowhere in the vault`);
  const due = [...first, ...dueNow()];
  const found: [Told, string][] = [
    ...told.flatMap((one) =>
      [...wrongs(outcomeOf(one, now, done)), ...lostOf(one)].map((wrong): [Told, string] => [one, wrong]),
    ),
    ...due,
  ];
  const audit = await countersign(program, ["audit", "verify", "--vault", world.vault], world.env);
  const whole = [
    ...auditedOf(audit, told),
    ...leftBehind(world, told),
    ...logs.flatMap(errorsIn).map((line) => `the daemon's log says ${line}`),
  ];
  const outcomes: Record<string, number> = {};
  for (const one of told) {
    const final = finalOf(journal().get(one.id) ?? []) ?? "waiting";
    outcomes[final] = (outcomes[final] ?? 0) + 1;
  }
  const changes = told.reduce((sum, { states }) => sum + states.length, 0);
  return { found: [...whole, ...report(world, found, (id) => journal().get(id) ?? [])], outcomes, changes };
}
