import { readFileSync, writeFileSync } from "node:fs";
import { afterEach, describe, expect, test } from "vitest";
import type { Desk } from "../../src/daemon/desk.ts";
import type { Ledger, Vault } from "../../src/daemon/ports.ts";
import { createRescan } from "../../src/daemon/rescan.ts";
import { makeScenery, openStage, removeScenery, type Scenery, type Stage } from "../scenarios/stage.ts";

let scenery: Scenery;
let stage: Stage | null = null;

afterEach(async () => {
  await stage?.close();
  if (stage !== null) removeScenery(scenery);
  stage = null;
});

/** A request whose note was ticked without anybody telling of it. */
async function tickedUnseen(): Promise<{ stage: Stage; id: string }> {
  scenery = makeScenery();
  stage = await openStage(scenery);
  await stage.daemon.start();
  const input = { kind: "payment", params: { amount_cents: 5, payee: "ACME" } };
  const { id } = (await stage.application.submit(input)).request;
  await stage.pass(0);
  const path = stage.pathOf("pending", id);
  writeFileSync(path, readFileSync(path, "utf8").replace("- [ ] Approve", "- [x] Approve"));
  return { stage, id };
}

describe("a change that no event told of is seen", () => {
  test("within 30 s", async () => {
    const { stage, id } = await tickedUnseen();
    await stage.pass(29_000);
    expect(await stage.status(id)).toBe("pending");
    await stage.pass(1_000);
    expect(await stage.status(id)).toBe("executed");
  });

  test("within 2 s where the folders cannot be watched", async () => {
    const { stage, id } = await tickedUnseen();
    stage.daemon.setWatched(false);
    await stage.pass(2_000);
    expect(await stage.status(id)).toBe("executed");
  });

  test("within 2 s of a crowd of events, some of which may have been lost", async () => {
    const { stage, id } = await tickedUnseen();
    for (let i = 0; i < 31; i += 1) stage.daemon.hint({ folder: "pending", name: `other ${i}.md` });
    await stage.pass(2_000);
    expect(await stage.status(id)).toBe("pending");
    stage.daemon.hint({ folder: "pending", name: "other.md" });
    await stage.pass(2_000);
    expect(await stage.status(id)).toBe("executed");
  });

  test("by a scan that was asked for while another one had passed it by", async () => {
    const { stage, id } = await tickedUnseen();
    const path = stage.pathOf("pending", id);
    const ticked = readFileSync(path, "utf8");
    writeFileSync(path, ticked.replace("- [x] Approve", "- [ ] Approve"));
    const scanning = stage.daemon.rescan();
    stage.daemon.gap();
    await scanning;
    writeFileSync(path, ticked);
    await stage.pass(2_000);
    expect(await stage.status(id)).toBe("executed");
  });
});

test.each([
  [0, 2_000],
  [200, 5_000],
  [60_000, 30_000],
])("scans that take %i ms are %i ms apart where nothing is watched", async (took, apart) => {
  let now = 0;
  const asked: number[] = [];
  const vault: Partial<Vault> = {
    async *scan() {
      yield [];
      now += took;
    },
  };
  const ledger: Partial<Ledger> = { open: async () => [] };
  const desk: Partial<Desk> = { setScan() {} };
  const clock = {
    now: () => now,
    after(ms: number) {
      asked.push(ms);
      return () => {};
    },
  };
  const rescan = createRescan({
    vault: vault as Vault,
    ledger: ledger as Ledger,
    desk: desk as Desk,
    clock,
    onChange() {},
    onMissing() {},
    onStrangers: async () => [],
    onError(error) {
      throw error;
    },
  });
  rescan.pace(false);
  await rescan.now();
  expect(asked.at(-1)).toBe(apart);
});
