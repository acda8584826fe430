import { afterEach, beforeEach, expect, test } from "vitest";
import { makeScenery, openStage, removeScenery, type Scenery, type Stage } from "../scenarios/stage.ts";

let scenery: Scenery;
let stage: Stage;
beforeEach(async () => {
  scenery = makeScenery();
  stage = await openStage(scenery);
});
afterEach(async () => {
  await stage.close();
  removeScenery(scenery);
});

const BY = { reviewer: "anna", reason: null, via: "http" } as const;

/** An approved release of version 1, with its grant. */
async function granted() {
  const { application } = stage;
  const { request, token } = await application.submit({ kind: "release", params: { version: "1" } });
  await application.decide(request.id, { verb: "approve", ...BY });
  const owned = token ?? "";
  const { grant } = await application.grant(request.id, owned);
  return { id: request.id, token: owned, grant };
}

test("a grant starts nothing where another version is approved while its claim waits for its turn", async () => {
  const { application } = stage;
  const { id, token, grant } = await granted();
  const [, approved, claimed] = await Promise.allSettled([
    application.takeBack(id, { by: "anna", reason: null }),
    application.decide(id, { verb: "approve", ...BY, set: { version: "2" } }),
    application.claim(id, { token, grant }),
  ]);
  expect(approved).toMatchObject({ value: { status: "approved", params: { version: "2" } } });
  expect(claimed).toMatchObject({ reason: { code: "grant_invalid" } });
  expect(await stage.status(id)).toBe("approved");
  const { grant: other } = await application.grant(id, token);
  expect(await application.claim(id, { token, grant: other })).toMatchObject({ params: { version: "2" } });
});

test("nor where the approval is taken back meanwhile", async () => {
  const { application } = stage;
  const { id, token, grant } = await granted();
  const [, claimed] = await Promise.allSettled([
    application.takeBack(id, { by: "anna", reason: null }),
    application.claim(id, { token, grant }),
  ]);
  expect(claimed).toMatchObject({ reason: { code: "not_approved" } });
  expect(await stage.status(id)).toBe("pending");
});
