import { openHistory } from "../../src/adapters/git/history.ts";
import type { ChronicleEntry } from "../../src/daemon/chronicle.ts";
import type { LedgerRecord, Outcome } from "../../src/daemon/ports.ts";
import { PRESETS } from "../../src/document/foreign/presets.ts";
import { createPerson } from "./person.ts";
import { makeScenery, openStage, removeScenery, type Stage } from "./stage.ts";

export type World = Awaited<ReturnType<typeof openWorld>>;

/** Where a story happens: the folders, the person, the agent's memory, and the daemon, which comes and goes. */
export async function openWorld({ withGit, withAdoption }: { withGit: boolean; withAdoption: boolean }) {
  const adopt = { requester: "vault", mappings: Object.values(PRESETS).flat() };
  const scenery = makeScenery();
  const ids = new Map<string, string>();
  const heard: string[] = [];
  const delivered: ChronicleEntry[] = [];
  let stage: Stage | null = null;
  let history: ReturnType<typeof openHistory> | null = null;
  /** The last journal record that the history knows of, and who waits for the next. */
  let known = 0;
  let onDelivery: () => void = () => {};

  const world = {
    scenery,
    person: createPerson(scenery.root),
    /** Requests by the name that the story calls them by. */
    ids,
    tokens: new Map<string, string>(),
    grants: new Map<string, string>(),
    /** Notes as the story last showed them. */
    shown: new Map<string, string>(),
    /** What somebody outside was told meanwhile. */
    heard,
    merging: false,
    handler: async (): Promise<Outcome> => ({ status: "executed", result: { receipt: "R-1" } }),
    /** Ends the handler that hangs. */
    finish: (_: Outcome): void => {},

    stage: () => stage,

    up(): Stage {
      if (stage === null) throw new Error("the daemon does not run");
      return stage;
    },

    /** A path stays one: a file that is not its request's note. */
    idOf(name = ""): string {
      if (name.includes("/")) return name;
      const id = ids.get(name);
      if (id === undefined) throw new Error(`no request is called ${name}`);
      return id;
    },

    nameOf: (id: string) => [...ids].find(([, known]) => known === id)?.[0] ?? id,

    async start(): Promise<void> {
      stage = await openStage(scenery, {
        handler: () => world.handler(),
        merging: () => world.merging,
        ...(withAdoption && { adopt }),
      });
      if (withGit) history = await keepHistory(stage);
      await stage.daemon.start();
      await stage.daemon.rescan();
      await world.rest();
    },

    async kill(): Promise<void> {
      await world.up().kill();
      await history?.close(0);
      delivered.length = 0;
      stage = null;
    },

    /** Everything that is due at this moment has happened. */
    async rest(): Promise<void> {
      for (let i = 0; i < 3; i += 1) await stage?.pass(0);
    },

    async records(after: number): Promise<LedgerRecord[]> {
      const records: LedgerRecord[] = [];
      if (stage !== null) for await (const record of stage.ledger.records(after)) records.push(record);
      return records;
    },

    /** Resolves when the history holds everything. */
    async commit(): Promise<void> {
      const last = (await world.records(0)).at(-1)?.seq ?? 0;
      while (known < last) {
        await new Promise<void>((resolve) => {
          onDelivery = resolve;
        });
      }
      for (const entry of delivered.splice(0)) history?.record(entry);
      await history?.flush();
    },

    async end(): Promise<void> {
      await history?.close(0);
      await stage?.close();
      removeScenery(scenery);
    },
  };

  /** As `src/wiring/start.ts` does it, but handed over only when a story looks, so that no timer has a say in it. */
  async function keepHistory({ chronicle, root, state }: Stage) {
    const kept = openHistory({
      vaultDir: root,
      stateDir: state,
      home: { kind: "separate" },
      path: process.env.PATH ?? "",
      replay: chronicle.replay,
      isGenuine: chronicle.isGenuine,
      onProblem(problem) {
        if (problem !== null) heard.push(`git: ${problem.message}`);
      },
    });
    await kept.flush();
    known = await kept.lastRecorded();
    chronicle.deliverTo((entry) => {
      delivered.push(entry);
      known = entry.record.seq;
      onDelivery();
    });
    return kept;
  }

  await world.start();
  return world;
}
