import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Request } from "../../src/core/request.ts";
import type { Job, Outcome } from "../../src/daemon/ports.ts";
import { makeScenery, openStage, removeScenery, type Scenery, type Stage } from "../scenarios/stage.ts";
import { diskError, guardedLedger, guardedVault, type Trouble, troubleAt } from "./trouble.ts";

interface Told {
  /** Ids that a submission was answered with. */
  readonly accepted: string[];
  /** Ids whose note a person ticked, and what. */
  readonly ticked: Map<string, "Approve" | "Reject">;
}

function tickIn(
  scenery: Scenery & Pick<Stage, "pathOf">,
  id: string,
  box: "Approve" | "Reject",
  told: Told,
): void {
  const path = scenery.pathOf("pending", id);
  if (!existsSync(path)) return;
  writeFileSync(path, readFileSync(path, "utf8").replace(`- [ ] ${box}`, `- [x] ${box}`));
  told.ticked.set(id, box);
}

/** A day at the desk: three requests, one asked for twice, approved, rejected, and one brought back after it was finished. */
async function day(stage: Stage, told: Told): Promise<void> {
  const submit = async (amount_cents: number) => {
    const params = { amount_cents };
    const { request } = await stage.application.submit({ kind: "payment", params });
    told.accepted.push(request.id);
    return request.id;
  };
  const look = async (id: string) => {
    await stage.daemon.look(id);
    await stage.daemon.settled();
  };
  const first = await submit(1);
  const second = await submit(2);
  const third = await submit(3);
  await submit(3);
  const before = stage.note(first) ?? "";
  tickIn(stage, first, "Approve", told);
  await look(first);
  tickIn(stage, second, "Reject", told);
  await look(second);
  await stage.pass(2_000);
  if (!stage.names("pending").includes(`${first}.md`))
    writeFileSync(stage.pathOf("pending", first), before.replace("decision:", "decision: rejected"));
  await look(first);
  tickIn(stage, third, "Approve", told);
  await look(third);
  await stage.pass(6_000);
}

/** A person changes the action, with a tick that cannot count for it, and ticks again once it is taken up. */
async function dayOfChange(stage: Stage, told: Told): Promise<void> {
  const params = { amount_cents: 150_000, payee: "ACME" };
  const { id } = (await stage.application.submit({ kind: "invoice", params })).request;
  told.accepted.push(id);
  tickIn(stage, id, "Approve", told);
  await stage.edit(id, (text) => text.replace('"amount_cents": 150000', '"amount_cents": 5'));
  await stage.pass(10_000);
  tickIn(stage, id, "Approve", told);
  await stage.daemon.look(id);
  await stage.daemon.settled();
  await stage.pass(6_000);
}

/** The policy allows one, denies one and asks about one, which a person approves. */
async function dayOfVerdicts(stage: Stage, told: Told): Promise<void> {
  for (const payee of ["Friend", "Thief", "Stranger"]) {
    const { request } = await stage.application.submit({ kind: "payment", params: { payee } });
    told.accepted.push(request.id);
    if (payee === "Stranger") tickIn(stage, request.id, "Approve", told);
    await stage.daemon.look(request.id);
    await stage.daemon.settled();
  }
  await stage.pass(6_000);
}

const POLICY = `rules:
  - { id: friends, match: { kind: payment }, when: "params.payee == 'Friend'", decision: allow }
  - { id: thieves, match: { kind: payment }, when: "params.payee == 'Thief'", decision: deny }
`;

/** What the policy allowed ran once, what it denied never, and neither waits for anybody. */
async function checkVerdicts(stage: Stage, told: Told): Promise<void> {
  for (const { submission, status } of await everything(stage)) {
    const { id, params } = submission.fields;
    const runs = stage.executions.filter((job) => job.id === id).length;
    expect(runs, id).toBeLessThanOrEqual(1);
    if (params.payee === "Thief") expect({ runs, status }).toEqual({ runs: 0, status: "denied" });
    if (params.payee === "Friend") expect(["executed", "outcome_unknown"]).toContain(status);
    if (params.payee === "Stranger" && !told.ticked.has(id)) expect(status).toBe("pending");
    const finished = status === "executed" || status === "denied";
    expect(stage.names("pending").includes(`${id}.md`), `${id} is ${status}`).toBe(!finished);
    expect(stage.names("done").includes(`${id}.md`), `${id} is ${status}`).toBe(finished);
  }
}

/** Also what was recorded and never answered. */
async function everything(stage: Stage): Promise<Request[]> {
  const ids = new Set<string>();
  for await (const { id } of stage.ledger.records(0)) ids.add(id);
  const requests = await Promise.all([...ids].map((id) => stage.ledger.read(id)));
  return requests.filter((request) => request !== null);
}

async function runWith(day: Day, trouble: Trouble, scenery: Scenery, told: Told): Promise<void> {
  const handler = (job: Job): Promise<Outcome> =>
    trouble.guard(async () => ({ status: "executed", result: { paid: job.id } }), diskError);
  const stage = await openStage(scenery, {
    handler,
    through: {
      ledger: (ledger) => guardedLedger(ledger, trouble),
      vault: (vault) => guardedVault(vault, trouble),
    },
  });
  // When records can no longer be made, the daemon ends by itself.
  stage.daemon.onFatal(trouble.die);
  await stage.daemon.start();
  // An operation that failed may end the day early, as it would end an agent's: what counts is what is left.
  await Promise.race([day(stage, told).catch(() => {}), trouble.death]);
  await stage.kill();
}

async function recoverFrom(scenery: Scenery): Promise<Stage> {
  const stage = await openStage(scenery);
  await stage.daemon.start();
  await stage.daemon.rescan();
  await stage.daemon.settled();
  await stage.pass(10_000);
  await stage.daemon.rescan();
  await stage.daemon.settled();
  return stage;
}

/** What runs is what the person made of it, once; where their last word was not heard, the note asks for it. */
async function checkChange(stage: Stage, told: Told): Promise<void> {
  await stage.pass(30_000);
  for (const id of told.accepted) {
    const path = stage.pathOf("pending", id);
    if ((await stage.status(id)) === "pending") {
      const text = readFileSync(path, "utf8");
      const changed = text.includes('"amount_cents": 5');
      if (changed) expect(text).toContain("pays 5 cents to ACME");
      expect(text).toContain("- [ ] Approve");
      await stage.edit(id, (note) => note.replace("- [ ] Approve", "- [x] Approve"));
      if (!changed) continue;
    }
    expect(["executed", "outcome_unknown"], id).toContain(await stage.status(id));
    expect(stage.executions.length).toBe(1);
    expect(stage.executions).toMatchObject([{ params: { amount_cents: 5, payee: "ACME" } }]);
    expect(existsSync(path)).toBe((await stage.status(id)) === "outcome_unknown");
  }
}

async function checkInvariants(stage: Stage, told: Told): Promise<void> {
  const runs = new Map<string, number>();
  for (const { id } of stage.executions) runs.set(id, (runs.get(id) ?? 0) + 1);
  for (const [id, count] of runs) expect(count, `${id} was executed ${count} times`).toBe(1);
  for (const id of told.accepted) {
    const status = await stage.status(id);
    const box = told.ticked.get(id);
    expect(status, `${id} was accepted`).not.toBeNull();
    if (box === undefined) expect(status, id).toBe("pending");
    if (box === "Reject") {
      expect(status, id).toBe("rejected");
      expect(runs.has(id)).toBe(false);
    }
    if (box === "Approve") expect(["executed", "outcome_unknown"], id).toContain(status);
    const finished = status === "executed" || status === "rejected";
    expect(stage.names("pending").includes(`${id}.md`), `${id} is ${status}`).toBe(!finished);
    expect(stage.names("done").includes(`${id}.md`), `${id} is ${status}`).toBe(finished);
  }
}

type Day = (stage: Stage, told: Told) => Promise<void>;

async function sweep(
  kind: "death" | "error",
  during: Day = day,
  check: Day = checkInvariants,
  policy: string | null = null,
): Promise<number> {
  for (let n = 1; ; n += 1) {
    const scenery = makeScenery();
    if (policy !== null) writeFileSync(join(scenery.root, "../policy.yaml"), policy);
    const trouble = troubleAt(n, kind);
    const told: Told = { accepted: [], ticked: new Map() };
    await runWith(during, trouble, scenery, told);
    const stage = await recoverFrom(scenery);
    try {
      await check(stage, told);
    } catch (error) {
      throw new Error(`${kind} at operation ${n}: ${error instanceof Error ? error.message : error}`, {
        cause: error,
      });
    } finally {
      await stage.close();
      removeScenery(scenery);
    }
    if (trouble.count < n) return n - 1;
  }
}

describe("whatever operation is the last one", () => {
  test("a daemon that dies before it loses nothing and does nothing twice", {
    timeout: 120_000,
  }, async () => {
    expect(await sweep("death")).toBeGreaterThan(20);
  });

  test("a daemon whose operation fails loses nothing and does nothing twice", {
    timeout: 120_000,
  }, async () => {
    expect(await sweep("error")).toBeGreaterThan(20);
  });

  test.each(["death", "error"] as const)(
    "what the policy denies never runs and what it allows runs once, after any %s",
    { timeout: 120_000 },
    async (kind) => {
      expect(await sweep(kind, dayOfVerdicts, checkVerdicts, POLICY)).toBeGreaterThan(12);
    },
  );

  test.each(["death", "error"] as const)(
    "a changed action runs as it was approved, after any %s",
    {
      timeout: 120_000,
    },
    async (kind) => {
      expect(await sweep(kind, dayOfChange, checkChange)).toBeGreaterThan(8);
    },
  );
});
