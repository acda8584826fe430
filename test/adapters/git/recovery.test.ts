import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Git } from "../../../src/adapters/git/git.ts";
import type { HistoryOptions } from "../../../src/adapters/git/history.ts";
import { approved, makeScene, noteOf, replayOf, type Scene } from "./scene.ts";

let scene: Scene;
beforeEach(() => {
  scene = makeScene();
  scene.initVault();
});
afterEach(() => scene.end());

async function recordThenClose(...names: string[]): Promise<void> {
  const history = await scene.open();
  for (const name of names) history.record(scene.submit(name));
  expect(await history.close()).toBe(true);
}

async function restart(more: Partial<HistoryOptions> = {}): Promise<void> {
  const history = await scene.open(more);
  expect(await history.close()).toBe(true);
}

/** From its n-th call of git on, nothing works any more: the daemon was killed there. */
function dyingAt(n: number): { through: (git: Git) => Git; dead: Promise<true> } {
  let calls = 0;
  const { promise: dead, resolve } = Promise.withResolvers<true>();
  const through = (git: Git): Git => ({
    gitDir: git.gitDir,
    run(args, input) {
      calls += 1;
      if (calls < n) return git.run(args, input);
      resolve(true);
      return Promise.reject(new Error("killed"));
    },
  });
  return { through, dead };
}

test("A start goes on where the last run ended, without the journal being asked for more", async () => {
  await recordThenClose("one", "two");
  scene.submit("three");
  const asked: number[] = [];
  const history = await scene.open({
    replay(after) {
      asked.push(after);
      return replayOf(scene.journal)(after);
    },
  });
  expect(await history.lastRecorded()).toBe(2);
  expect(await history.flush()).toBe(true);
  expect(asked[0]).toBe(2);
  expect(scene.recorded()).toEqual(["1", "2", "3"]);
});

test("Killed at any call of git, in any step: the next start has each transition once, and the index with it", async () => {
  const asked = scene.submit("acme", "old\n");
  await restart();
  for (let n = 1, died = true; died; n += 1) {
    const change = { path: noteOf("acme"), bytes: Buffer.from(`version ${n}\n`) };
    const event = { type: "refused", at: "2026-11-21T09:15:00Z", code: "x", by: null, detail: "" } as const;
    const entry = scene.happen(event, asked.request, [change]);
    const { through, dead } = dyingAt(n);
    const history = await scene.open({ through });
    history.record(entry);
    died = await Promise.race([dead, history.flush().then(() => false)]);
    await history.close(0);
    await restart();
    expect(scene.recorded()).toEqual(scene.journal.map(({ record }) => String(record.seq)));
    expect(scene.git("diff", "--cached", "--name-only")).toBe("");
    expect(scene.git("show", `:${noteOf("acme")}`)).toBe(`version ${n}\n`);
    if (!died) expect(n).toBeGreaterThan(5);
  }
});

test("Killed just after the branch moved, with the index taken back before: the next start puts it right", async () => {
  // A folder in the way of the cursor: not even its file is written any more.
  const inTheWay = join(scene.state, "history.json.new");
  const { promise: killed, resolve: kill } = Promise.withResolvers<void>();
  let isDead = false;
  const history = await scene.open({
    through: (git) => ({
      gitDir: git.gitDir,
      async run(args, input) {
        if (isDead) throw new Error("killed");
        if (args[0] === "update-ref") scene.git("reset", "--quiet");
        const said = await git.run(args, input);
        if (args[0] === "update-ref") {
          isDead = true;
          mkdirSync(inTheWay);
          kill();
        }
        return said;
      },
    }),
  });
  history.record(scene.submit("acme"));
  await killed;
  await history.close(0);
  expect(scene.git("status", "--porcelain")).toContain(`D  ${noteOf("acme")}`);
  rmSync(inTheWay, { recursive: true });
  await restart();
  expect(scene.git("status", "--porcelain")).toBe("");
  expect(scene.recorded()).toEqual(["1"]);
});

test("A commit whose cursor was never written is found by its trailers", async () => {
  await recordThenClose("one");
  const cursor = readFileSync(join(scene.state, "history.json"));
  await recordThenClose("two", "three");
  writeFileSync(join(scene.state, "history.json"), cursor);
  await restart();
  rmSync(join(scene.state, "history.json"));
  await restart();
  expect(scene.recorded()).toEqual(["1", "2", "3"]);
});

test("Trailers that the journal does not know are nobody's cursor", async () => {
  await recordThenClose("one");
  scene.git("commit", "--quiet", "--allow-empty", "-m", "Forged\n\nAudit-Head: 999 abc");
  scene.submit("two");
  await restart();
  rmSync(join(scene.state, "history.json"));
  await restart();
  expect(scene.recorded()).toEqual(["1", "999", "2"]);
});

test("A branch that was reset gets the lost transitions again, at the next start or while running", async () => {
  await recordThenClose("one", "two", "three");
  scene.git("reset", "--quiet", "--hard", "HEAD~1");
  await restart();
  expect(scene.recorded()).toEqual(["1", "2", "3"]);
  const history = await scene.open();
  await history.flush();
  scene.git("reset", "--quiet", "--hard", "HEAD~2");
  history.record(scene.submit("four"));
  expect(await history.flush()).toBe(true);
  expect(scene.recorded()).toEqual(["1", "2", "3", "4"]);
});

test("On another branch, what the first one has is not told twice", async () => {
  scene.git("branch", "other");
  await recordThenClose("one", "two");
  scene.git("checkout", "--quiet", "other");
  const history = await scene.open();
  history.record(scene.submit("three"));
  await history.flush();
  scene.git("checkout", "--quiet", "main");
  history.record(scene.submit("four"));
  expect(await history.flush()).toBe(true);
  expect(scene.recorded("main")).toEqual(["1", "2", "4"]);
  expect(scene.recorded("other")).toEqual(["3"]);
});

test("Rewritten commits, as a rebase leaves them, count by their trailers", async () => {
  await recordThenClose("one", "two");
  scene.git("rebase", "--quiet", "--root", "--force-rebase");
  scene.git("reflog", "expire", "--expire=now", "--all");
  scene.submit("three");
  await restart();
  expect(scene.recorded()).toEqual(["1", "2", "3"]);
});

test("The history in the state directory never touches the vault's repository", async () => {
  const before = scene.git("rev-parse", "HEAD");
  const history = await scene.open({ home: { kind: "separate" } });
  const asked = scene.submit("acme");
  history.record(asked);
  history.record(scene.happen(approved(), asked.request, [{ path: noteOf("acme"), bytes: null }]));
  writeFileSync(join(scene.vault, ".git/index.lock"), "");
  expect(await history.close()).toBe(true);
  rmSync(join(scene.vault, ".git/index.lock"));
  expect(scene.git("rev-parse", "HEAD")).toBe(before);
  expect(scene.git("ls-files")).toBe("mine.md\n");
  const args = [
    `--git-dir=${join(scene.state, "history.git")}`,
    "log",
    "--reverse",
    "--name-status",
    "--format=",
  ];
  expect(execFileSync("git", args, { encoding: "utf8" })).toBe(
    `A\t${noteOf("acme")}\nD\t${noteOf("acme")}\n`,
  );
  scene.submit("later");
  await restart({ home: { kind: "separate" } });
  expect(scene.recorded("--all").length).toBe(0);
  expect(existsSync(join(scene.vault, ".git/history.json"))).toBe(false);
});
