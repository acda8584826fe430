import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { sha256 } from "../../src/document/digest.ts";
import { PRESETS } from "../../src/document/foreign/presets.ts";
import {
  FOLDERS,
  makeScenery,
  openStage,
  removeScenery,
  type Scenery,
  type Stage,
} from "../scenarios/stage.ts";
import { diskError, guardedLedger, guardedVault, type Trouble, troubleAt } from "./trouble.ts";

/** Two foreign notes, one of which is approved as soon as there is a request of it, and one that nobody can read. */
const NOTES = {
  "PAY_a.md": "---\ntype: payment_approval\namount: 500.00\nrecipient: Client A\n---\n\nFirst.\n",
  "PAY_b.md":
    "---\ntype: payment_approval\namount: 20\nrecipient: Client B\nstatus: approved\n---\n\n- [x] Approve\n",
  "broken.md": "---\ntitle: Re: hello\n---\n",
} as const;

const adopt = { requester: "vault", mappings: Object.values(PRESETS).flat() };

function approveFirst(stage: Stage): void {
  for (const name of stage.names("pending")) {
    const path = join(stage.root, FOLDERS.pending, name);
    const text = readFileSync(path, "utf8");
    if (text.includes('"payee": "Client A"'))
      writeFileSync(path, text.replace("- [ ] Approve", "- [x] Approve"));
  }
}

async function day(stage: Stage, dropped: Set<string>): Promise<void> {
  const drop = (name: keyof typeof NOTES) => {
    writeFileSync(join(stage.root, FOLDERS.pending, name), NOTES[name]);
    dropped.add(name);
    stage.hint(`${FOLDERS.pending}/${name}`);
  };
  drop("PAY_a.md");
  drop("broken.md");
  await stage.pass(3_000);
  drop("PAY_b.md");
  await stage.pass(3_000);
  approveFirst(stage);
  await stage.daemon.rescan();
  await stage.pass(3_000);
}

async function runWith(trouble: Trouble, scenery: Scenery, dropped: Set<string>): Promise<void> {
  const stage = await openStage(scenery, {
    adopt,
    handler: (job) =>
      trouble.guard(async () => ({ status: "executed", result: { paid: job.id } }), diskError),
    through: {
      ledger: (ledger) => guardedLedger(ledger, trouble),
      vault: (vault) => guardedVault(vault, trouble),
    },
  });
  stage.daemon.onFatal(trouble.die);
  await stage.daemon.start();
  await Promise.race([day(stage, dropped).catch(() => {}), trouble.death]);
  await stage.kill();
}

async function recoverFrom(scenery: Scenery): Promise<Stage> {
  const stage = await openStage(scenery, { adopt });
  await stage.daemon.start();
  await stage.daemon.rescan();
  await stage.pass(10_000);
  await stage.daemon.rescan();
  await stage.pass(10_000);
  return stage;
}

async function checkInvariants(stage: Stage, dropped: ReadonlySet<string>): Promise<void> {
  const made = new Map<string, string[]>();
  for await (const { id, event } of stage.ledger.records(0)) {
    if (event.type !== "submitted" || event.submission.adopted === undefined) continue;
    const { name, sha256: hash } = event.submission.adopted;
    made.set(name, [...(made.get(name) ?? []), id]);
    expect(hash).toBe(sha256(NOTES[name as keyof typeof NOTES]));
    expect(Buffer.from(stage.vault.readOriginal(id) ?? []).toString()).toBe(
      NOTES[name as keyof typeof NOTES],
    );
  }
  const pending = stage.names("pending");
  for (const [name, ids] of made) {
    expect(ids, name).toHaveLength(1);
    expect(pending, `${name} is a request`).not.toContain(name);
  }
  expect(made.has("broken.md")).toBe(false);
  const first = made.get("PAY_a.md")?.[0] ?? "";
  const second = made.get("PAY_b.md")?.[0];
  // Only what a person ticked is executed, and at most once.
  const ran = stage.executions.map(({ id }) => id);
  expect(ran.filter((id) => id !== first)).toEqual([]);
  expect(ran.length).toBeLessThanOrEqual(1);
  if (second !== undefined) expect(await stage.status(second)).toBe("pending");
  // Nothing is lost: every note is where it was put, or kept.
  const done = stage.names("done");
  for (const name of dropped) {
    const id = made.get(name)?.[0];
    if (id === undefined) expect(pending).toContain(name);
    else expect(done).toContain(`${id}-original.md`);
  }
  expect(done.filter((name) => name.includes("-late-"))).toEqual([]);
}

async function sweep(kind: "death" | "error"): Promise<number> {
  for (let n = 1; ; n += 1) {
    const scenery = makeScenery();
    const trouble = troubleAt(n, kind);
    const dropped = new Set<string>();
    await runWith(trouble, scenery, dropped);
    const stage = await recoverFrom(scenery);
    try {
      await checkInvariants(stage, dropped);
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

describe("a foreign note becomes at most one request, and none of it is lost", () => {
  test.each(["death", "error"] as const)(
    "whatever operation ends in %s",
    { timeout: 120_000 },
    async (kind) => {
      expect(await sweep(kind)).toBeGreaterThan(12);
    },
  );
});
