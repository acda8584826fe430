import { expect, test } from "vitest";
import { makeScenery, openStage, removeScenery } from "../scenarios/stage.ts";

test("a daemon that has stopped wants to be woken no more, which would keep its process alive", async () => {
  const scenery = makeScenery();
  const stage = await openStage(scenery);
  stage.chronicle.deliverTo(() => {});
  await stage.daemon.start();
  const { request } = await stage.application.submit({ kind: "payment", params: {} });
  await stage.edit(request.id, (text) => text.replace("- [ ] Approve", "- [x] Approve"));
  await stage.daemon.stop(5_000);
  await stage.chronicle.close();
  expect(scenery.clock.next()).toBeNull();
  await stage.close();
  removeScenery(scenery);
});
