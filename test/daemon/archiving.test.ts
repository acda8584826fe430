import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import type { Ledger } from "../../src/daemon/ports.ts";
import { makeScenery, openStage, removeScenery, type Scenery, type Stage } from "../scenarios/stage.ts";

async function open(
  scenery: Scenery,
  through: (ledger: Ledger) => Ledger = (ledger) => ledger,
): Promise<Stage> {
  const stage = await openStage(scenery, { through: { ledger: through } });
  await stage.daemon.start();
  await stage.daemon.settled();
  return stage;
}

/** A ledger whose owner dies when the note is in `Done/` and that is not recorded. */
function dyingBeforeArchived(ledger: Ledger, dead: () => void): Ledger {
  const append: Ledger["append"] = (id, expected, events, options) => {
    if (events.some(({ type }) => type !== "archived")) return ledger.append(id, expected, events, options);
    dead();
    return new Promise(() => {});
  };
  return new Proxy(ledger, {
    get(target, name) {
      const member: unknown = name === "append" ? append : Reflect.get(target, name, target);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
}

test("a note that was moved to Done before a crash is not written there a second time", async () => {
  const scenery = makeScenery();
  const { promise: death, resolve: die } = Promise.withResolvers<void>();
  const first = await open(scenery, (ledger) => dyingBeforeArchived(ledger, die));
  const { request } = await first.application.submit({ kind: "payment", params: {} });
  void first.edit(request.id, (text) => text.replace("- [ ] Approve", "- [x] Approve").concat("Mine.\n"));
  await death;
  await first.kill();
  const second = await open(scenery);
  expect(second.names("done")).toEqual([`${request.id}.md`]);
  expect(second.note(request.id, "done")).toContain("Mine.\n");
  expect((await second.ledger.read(request.id))?.history.map(({ event }) => event)).toEqual([
    "submitted",
    "approved",
    "started",
    "executed",
  ]);
  expect(await second.ledger.open()).toEqual([]);
  await second.close();
  removeScenery(scenery);
});

test("a waiting note that a person has put into Done is not taken for the finished one", async () => {
  const scenery = makeScenery();
  const stage = await open(scenery);
  const { request } = await stage.application.submit({ kind: "payment", params: {} });
  renameSync(stage.pathOf("pending", request.id), stage.pathOf("done", request.id));
  await stage.application.cancel(request.id, { by: "agent", reason: null });
  await stage.daemon.settled();
  expect(stage.names("done")).toEqual([`${request.id}-2.md`, `${request.id}.md`]);
  await stage.close();
  removeScenery(scenery);
});

test("a late save that cannot be read is kept, also beside a finished note that nobody has written into", async () => {
  const scenery = makeScenery();
  const stage = await open(scenery);
  const { request } = await stage.application.submit({ kind: "payment", params: {} });
  const path = stage.pathOf("pending", request.id);
  const before = readFileSync(path, "utf8");
  await stage.application.cancel(request.id, { by: "agent", reason: null });
  await stage.daemon.settled();
  writeFileSync(path, before.replace("status: pending", "status: [pending").concat("Mine.\n"));
  await stage.daemon.look(request.id);
  await stage.pass(1_000);
  expect(stage.names("done")).toEqual([`${request.id}-late-1.md`, `${request.id}.md`]);
  expect(
    readFileSync(join(dirname(stage.pathOf("done", request.id)), `${request.id}-late-1.md`), "utf8"),
  ).toContain("Mine.\n");
  await stage.close();
  removeScenery(scenery);
});
