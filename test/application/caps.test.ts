import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { CapSettings } from "../../src/application/caps.ts";
import { makeScenery, openStage, removeScenery, type Scenery, type Stage } from "../scenarios/stage.ts";

let scenery: Scenery;
let stage: Stage;
let number = 0;

beforeEach(() => {
  scenery = makeScenery();
});

afterEach(async () => {
  await stage.close();
  expect(stage.errors).toEqual([]);
  removeScenery(scenery);
});

const open = async (caps: Partial<CapSettings>) => {
  stage = await openStage(scenery, { caps: { open: null, per_hour: null, ...caps } });
};
const ask = (requester = "bot", kind = "payment") => {
  number += 1;
  return stage.application.submit({ kind, params: { number }, requester });
};
const code = (asked: Promise<unknown>) =>
  asked.then(
    () => "taken",
    (error) => error.code,
  );
const decide = (id: string, verb: "approve" | "reject") =>
  stage.application.decide(id, { verb, reviewer: "ada", reason: null, via: "cli" });
const dashboard = () => readFileSync(join(scenery.root, "Dashboard.md"), "utf8");

test("no more than so many requests of one requester wait at a time, also when they are asked for at once", async () => {
  await open({ open: 3 });
  const all = await Promise.all(Array.from({ length: 5 }, () => code(ask())));
  expect(all.sort()).toEqual(["over_limit", "over_limit", "taken", "taken", "taken"]);
  expect(await code(ask("other"))).toBe("taken");
  await stage.close();
  await open({ open: 3 });
  expect(await code(ask())).toBe("over_limit");
  const [first, second] = (await stage.application.list({ requester: "bot" })).requests;
  await decide(first?.id ?? "", "reject");
  expect(await code(ask())).toBe("taken");
  expect(await code(ask())).toBe("over_limit");
  await decide(second?.id ?? "", "approve");
  expect(await code(ask())).toBe("taken");
  await stage.pass(3_600_000);
  expect(await code(ask())).toBe("taken");
});

test("no more than so many requests that need a person are made within an hour, over restarts too", async () => {
  await open({ per_hour: 2 });
  const { request } = await ask();
  await stage.pass(1_800_000);
  await decide(request.id, "reject");
  expect(await code(ask())).toBe("taken");
  await stage.close();
  await open({ per_hour: 2 });
  expect(await ask().catch((error) => error)).toMatchObject({
    code: "over_limit",
    hint: "Ask again after 2026-11-21T10:14:03.000Z.",
  });
  await stage.pass(1_799_999);
  expect(await code(ask())).toBe("over_limit");
  await stage.pass(1);
  expect(await code(ask())).toBe("taken");
  expect(await code(ask())).toBe("over_limit");
});

test("what is joined, was asked for with its key, or could not be recorded is not counted", async () => {
  await open({ per_hour: 2, open: 2 });
  const input = { kind: "payment", params: { same: true }, requester: "bot" };
  for (let at = 0; at < 4; at += 1) expect(await code(stage.application.submit(input))).toBe("taken");
  for (let at = 0; at < 4; at += 1) {
    expect(await code(stage.application.submit({ ...input, params: { other: true }, key: "k" }))).toBe(
      "taken",
    );
  }
  expect(await code(ask())).toBe("over_limit");
});

test("the reviewers are told once how many were refused, until an hour has passed without one", async () => {
  await open({ open: 1 });
  await ask();
  await ask("other");
  for (let at = 0; at < 7; at += 1) await code(ask());
  await code(ask("other"));
  await stage.pass(2_000);
  const told = dashboard()
    .split("\n")
    .filter((line) => line.startsWith("> [!warning]"));
  expect(told).toEqual([
    "> [!warning] Requests were refused since 2026-11-21T09:14:03Z: 7 by bot, 1 by other (of each requester 1 may wait at a time).",
  ]);
  expect(stage.names("pending")).toHaveLength(2);
  await stage.pass(3_602_000);
  expect(dashboard()).not.toContain("were refused");
});
