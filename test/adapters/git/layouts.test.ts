import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { makeScene, noteOf, type Scene, userEnv } from "./scene.ts";

let scene: Scene;
beforeEach(() => {
  scene = makeScene();
});
afterEach(() => scene.end());

test("A branch without commits gets its first", async () => {
  scene.git("init", "--quiet", "-b", "fresh");
  scene.write("staged.md", "staged\n");
  scene.git("add", "staged.md");
  const history = await scene.open();
  history.record(scene.submit("acme"));
  expect(await history.flush()).toBe(true);
  expect(scene.git("log", "--all", "--format=%D")).toBe("HEAD -> fresh\n");
  expect(scene.git("status", "--porcelain")).toBe("A  staged.md\n");
});

test("A detached HEAD moves on, and no branch with it", async () => {
  scene.initVault();
  const main = scene.git("rev-parse", "main");
  scene.git("checkout", "--quiet", "--detach");
  const history = await scene.open();
  history.record(scene.submit("acme"));
  expect(await history.flush()).toBe(true);
  expect(scene.git("rev-parse", "main")).toBe(main);
  expect(scene.recorded()).toEqual(["1"]);
});

test("Folders that the person's .gitignore names are in the history all the same", async () => {
  scene.initVault();
  scene.write(".gitignore", "Pending_Approval/\n");
  scene.git("add", ".gitignore");
  scene.git("commit", "--quiet", "-m", "Ignore");
  const history = await scene.open();
  history.record(scene.submit("acme"));
  expect(await history.flush()).toBe(true);
  expect(scene.git("show", `HEAD:${noteOf("acme")}`)).toBe("note acme\n");
  scene.git("commit", "--quiet", "--allow-empty", "-am", "Mine");
  expect(scene.git("ls-files", "Pending_Approval")).toBe(`${noteOf("acme")}\n`);
});

test("Line-ending and other conversions of the repository do not touch the bytes", async () => {
  scene.initVault();
  scene.write(".gitattributes", "*.md text eol=lf ident working-tree-encoding=UTF-16\n");
  scene.git("config", "core.autocrlf", "true");
  const history = await scene.open();
  history.record(scene.submit("acme", "one\r\ntwo $Id$\n"));
  await history.flush();
  expect(scene.git("cat-file", "blob", `HEAD:${noteOf("acme")}`)).toBe("one\r\ntwo $Id$\n");
});

test("A repository with SHA-256 objects, and a linked work tree, take the history too", async () => {
  scene.git("init", "--quiet", "--object-format=sha256", "-b", "main", join(scene.root, "big"));
  execFileSync("git", ["commit", "--quiet", "--allow-empty", "-m", "Begin"], {
    cwd: join(scene.root, "big"),
    env: userEnv(),
  });
  rmSync(scene.vault, { recursive: true });
  execFileSync("git", ["worktree", "add", "--quiet", scene.vault], {
    cwd: join(scene.root, "big"),
    env: userEnv(),
  });
  mkdirSync(join(scene.vault, "Pending_Approval"));
  const history = await scene.open();
  history.record(scene.submit("acme"));
  expect(await history.flush()).toBe(true);
  expect(scene.recorded()).toEqual(["1"]);
  expect(scene.git("status", "--porcelain")).toBe("");
});
