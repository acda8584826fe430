import { mkdirSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { makeScenery, openStage, removeScenery, type Scenery, type Stage } from "../scenarios/stage.ts";

let scenery: Scenery;
let stage: Stage;

afterEach(async () => {
  await stage.close();
  removeScenery(scenery);
});

test("a note that was moved away under another name is listed and not made again, and counts once it is back", async () => {
  scenery = makeScenery();
  stage = await openStage(scenery);
  await stage.daemon.start();
  const input = { kind: "payment", params: { amount_cents: 5, payee: "ACME" } };
  const { id } = (await stage.application.submit(input)).request;
  const away = join(scenery.root, "Bills", "Pay ACME.md");
  mkdirSync(join(away, ".."));
  renameSync(stage.pathOf("pending", id), away);
  await stage.daemon.look(id);
  await stage.pass(61_000);
  expect(stage.names("pending")).toEqual([]);
  expect(readFileSync(join(scenery.root, "Dashboard.md"), "utf8")).toContain("Bills/Pay ACME.md");
  expect(await stage.status(id)).toBe("pending");

  renameSync(away, stage.pathOf("approved", id));
  await stage.daemon.look(id);
  await stage.pass(0);
  expect(await stage.status(id)).toBe("executed");
  expect(scenery.executions.length).toBe(1);
});
