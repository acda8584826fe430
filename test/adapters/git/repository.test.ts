import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { historyMode, isMerging } from "../../../src/adapters/git/repository.ts";
import { makeScene, PATH, type Scene, userEnv } from "./scene.ts";

let scene: Scene;
beforeEach(() => {
  scene = makeScene();
});
afterEach(() => scene.end());

function gitAt(cwd: string, ...args: string[]): void {
  execFileSync("git", args, { cwd, env: userEnv(), stdio: "pipe" });
}

test("The vault's own repository is taken when the vault is its root", async () => {
  scene.initVault();
  const own = { kind: "vault", gitDir: join(scene.vault, ".git") };
  expect(await historyMode(scene.vault, "auto", PATH)).toEqual(own);
  expect(await historyMode(scene.vault, "vault", PATH)).toEqual(own);
  expect(await historyMode(scene.vault, "separate", PATH)).toEqual({ kind: "separate" });
  expect(await historyMode(scene.vault, "off", PATH)).toEqual({ kind: "off", because: "configured" });
});

test("A vault inside a bigger repository is never committed to from here", async () => {
  gitAt(scene.root, "init", "--quiet");
  expect(await historyMode(scene.vault, "auto", PATH)).toEqual({ kind: "separate" });
  expect(await historyMode(scene.vault, "vault", PATH)).toEqual({ kind: "off", because: "no_repository" });
  const history = await scene.open();
  history.record(scene.submit("acme"));
  expect(await history.close()).toBe(true);
  expect(existsSync(join(scene.state, "history.git/HEAD"))).toBe(true);
  expect(readdirSync(join(scene.root, ".git/refs/heads"))).toEqual([]);
  expect(existsSync(join(scene.root, ".git/index"))).toBe(false);
});

test("A .git that is no repository is none", async () => {
  mkdirSync(join(scene.vault, ".git"));
  expect(await historyMode(scene.vault, "auto", PATH)).toEqual({ kind: "separate" });
  expect(await historyMode(scene.vault, "vault", PATH)).toEqual({ kind: "off", because: "no_repository" });
});

test("Without git on the machine, that is the answer", async () => {
  for (const configured of ["auto", "vault", "separate"] as const) {
    expect(await historyMode(scene.vault, configured, "/nonexistent")).toEqual({
      kind: "off",
      because: "git_missing",
    });
  }
});

test("Git that goes missing, or fails, while running is told, and the queue waits", async () => {
  scene.initVault();
  const bin = join(scene.root, "bin");
  mkdirSync(bin);
  const fake = join(bin, "git");
  writeFileSync(fake, `#!/bin/sh\nPATH='${PATH}'\nexec git "$@"\n`);
  chmodSync(fake, 0o755);
  const told: (string | null)[] = [];
  let check = () => {};
  const until = (code: string | null) =>
    new Promise<void>((resolve) => {
      check = () => told.at(-1) === code && resolve();
      check();
    });
  const history = await scene.open({
    path: bin,
    onProblem(problem) {
      told.push(problem?.code ?? null);
      check();
    },
  });
  await history.lastRecorded();
  renameSync(fake, `${fake}.away`);
  history.record(scene.submit("acme"));
  await until("git_missing");
  renameSync(`${fake}.away`, fake);
  await until(null);
  writeFileSync(fake, "#!/bin/sh\necho broken >&2\nexit 3\n");
  history.record(scene.submit("beta"));
  await until("git_failed");
  expect(history.lag()).toMatchObject({ last: 1, waiting: 1, problem: "git_failed" });
  writeFileSync(fake, `#!/bin/sh\nPATH='${PATH}'\nexec git "$@"\n`);
  await until(null);
  expect(scene.recorded()).toEqual(["1", "2"]);
});

test.each(["MERGE_HEAD", "rebase-merge/", "rebase-apply/", "CHERRY_PICK_HEAD", "REVERT_HEAD"])(
  "%s says that a merge or the like is in progress, in the vault's repository or one around it",
  (name) => {
    const put = (directory: string) =>
      name.endsWith("/") ? mkdirSync(join(directory, name)) : writeFileSync(join(directory, name), "");
    expect(isMerging(scene.vault)).toBe(false);
    gitAt(scene.root, "init", "--quiet");
    put(join(scene.root, ".git"));
    expect(isMerging(scene.vault)).toBe(true);
    expect(isMerging(join(scene.vault, "Pending_Approval"))).toBe(true);
    scene.initVault();
    expect(isMerging(scene.vault)).toBe(false);
    put(join(scene.vault, ".git"));
    expect(isMerging(scene.vault)).toBe(true);
  },
);

test("A linked work tree's merge is its own", () => {
  scene.initVault();
  const linked = join(scene.root, "linked");
  scene.git("worktree", "add", "--quiet", linked);
  expect(isMerging(linked)).toBe(false);
  writeFileSync(join(scene.vault, ".git/worktrees/linked/MERGE_HEAD"), "");
  expect(isMerging(linked)).toBe(true);
  expect(isMerging(scene.vault)).toBe(false);
});

test("A pipe, nonsense or a dead pointer named .git holds nothing up", () => {
  execFileSync("sh", ["-c", 'mkfifo "$0"', join(scene.vault, ".git")]);
  expect(isMerging(scene.vault)).toBe(false);
  rmSync(join(scene.vault, ".git"));
  for (const text of ["", "gitdir: /nonexistent\n", "x".repeat(100_000)]) {
    writeFileSync(join(scene.vault, ".git"), text);
    expect(isMerging(scene.vault)).toBe(false);
  }
  expect(isMerging("/nonexistent/vault")).toBe(false);
});

test("Asking whether a merge is in progress is cheap enough for every look", () => {
  scene.initVault();
  const looks = 2_000;
  // Its own work alone: what else the machine has to do is not its doing.
  const before = process.cpuUsage();
  for (let n = 0; n < looks; n += 1) isMerging(scene.vault);
  const { user, system } = process.cpuUsage(before);
  expect((user + system) / 1_000 / looks).toBeLessThan(0.1);
});
