import { afterEach, beforeEach, expect, test } from "vitest";
import { approved, idOf, makeScene, noteOf, type Scene } from "./scene.ts";

let scene: Scene;
beforeEach(() => {
  scene = makeScene();
});
afterEach(() => scene.end());

test("A transition becomes a commit of its own, with a sentence and trailers that git can read", async () => {
  scene.initVault();
  const history = await scene.open();
  const asked = scene.submit("acme", "- [ ] Approve\n", "Pay ACME GmbH");
  history.record(asked);
  await history.flush();
  const change = { path: noteOf("acme"), bytes: Buffer.from("- [x] Approve\n") };
  scene.write(noteOf("acme"), "moved on\n");
  history.record(scene.happen(approved(), asked.request, [change]));
  expect(await history.flush()).toBe(true);

  expect(scene.git("log", "--format=%s", "-2")).toBe(
    `approve ${idOf("acme")}: Pay ACME GmbH\nrequest ${idOf("acme")}: Pay ACME GmbH\n`,
  );
  expect(scene.git("log", "-1", "--format=%(trailers)").trim().split("\n")).toEqual([
    `Request-Id: ${idOf("acme")}`,
    "Event: approved",
    `Digest: sha256:${"9b".repeat(32)}`,
    "Reviewer: ann",
    "Assurance: edit",
    `Audit-Head: 2 ${scene.journal[1]?.record.hash}`,
  ]);
  expect(scene.git("log", "-1", "--format=%an <%ae> %aI %cI")).toBe(
    "Countersign <countersign@localhost> 2026-11-21T09:20:00+00:00 2026-11-21T09:20:00+00:00\n",
  );
  expect(scene.git("show", `HEAD:${noteOf("acme")}`)).toBe("- [x] Approve\n");
  expect(scene.git("for-each-ref", "--format=%(refname)")).toBe("refs/heads/main\n");
  expect(scene.git("status", "--porcelain")).toBe(` M ${noteOf("acme")}\n`);
  scene.git("fsck", "--strict");
});
