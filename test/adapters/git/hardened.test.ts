import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { hardenedGit } from "../../../src/adapters/git/git.ts";
import { importCommits, isPlainPath } from "../../../src/adapters/git/import.ts";
import { AT, makeScene, noteOf, PATH, type Scene } from "./scene.ts";

let scene: Scene;
beforeEach(() => {
  scene = makeScene();
  scene.initVault();
});
afterEach(() => {
  vi.unstubAllEnvs();
  return scene.end();
});

const HOOKS = [
  ...["pre-commit", "commit-msg", "post-commit", "prepare-commit-msg", "post-index-change", "pre-auto-gc"],
  ...["reference-transaction", "post-checkout", "post-merge", "post-rewrite", "fsmonitor-watchman"],
];

/** Every way that is known for a repository to make git run a program; each leaves a file in `marks`. */
function boobyTrap(marks: string): void {
  mkdirSync(marks);
  const gitDir = join(scene.vault, ".git");
  const trap = (name: string) => `touch ${join(marks, name)}; cat`;
  mkdirSync(join(gitDir, "hooks"), { recursive: true });
  mkdirSync(join(gitDir, "other-hooks"), { recursive: true });
  for (const hook of HOOKS) {
    for (const folder of ["hooks", "other-hooks"]) {
      writeFileSync(join(gitDir, folder, hook), `#!/bin/sh\n${trap(hook)}\n`, { mode: 0o755 });
    }
  }
  writeFileSync(
    join(gitDir, "included"),
    `[core]\n\thooksPath = ${gitDir}/other-hooks\n\tfsmonitor = "${trap("included-fsmonitor")}"\n`,
  );
  const config: Record<string, string> = {
    "core.fsmonitor": trap("fsmonitor"),
    "core.sshCommand": trap("ssh"),
    "core.pager": trap("pager"),
    "core.editor": trap("editor"),
    "core.askPass": trap("askpass"),
    "core.alternateRefsCommand": trap("alternate-refs"),
    "core.gitProxy": trap("proxy"),
    "core.attributesFile": join(gitDir, "attributes"),
    "commit.gpgSign": "true",
    "tag.gpgSign": "true",
    "log.showSignature": "true",
    "gpg.program": trap("gpg"),
    "gpg.ssh.program": trap("gpg-ssh"),
    "gc.auto": "1",
    "diff.external": trap("diff-external"),
    "diff.trap.command": trap("diff-command"),
    "diff.trap.textconv": trap("textconv"),
    "filter.trap.clean": trap("clean"),
    "filter.trap.smudge": trap("smudge"),
    "filter.trap.process": trap("process"),
    "filter.trap.required": "true",
    "merge.trap.driver": trap("merge-driver"),
    "trailer.trap.command": trap("trailer"),
    "trailer.trap.cmd": trap("trailer-cmd"),
    "trailer.separators": "#",
    "credential.helper": `!${trap("credential")}`,
    "hook.trap.command": trap("configured-hook"),
    "hook.trap.event": "reference-transaction",
    "includeIf.gitdir:/.path": join(gitDir, "included"),
    "include.path": join(gitDir, "included"),
    "remote.origin.url": "ssh://nowhere.invalid/x",
    "remote.origin.promisor": "true",
    "extensions.partialClone": "origin",
  };
  for (const [key, value] of Object.entries(config)) scene.git("config", key, value);
  for (const command of ["fast-import", "update-index", "update-ref", "rev-list", "diff-index"]) {
    scene.git("config", `alias.${command}`, `!${trap("alias")}`);
  }
  const attributes = "* filter=trap diff=trap merge=trap\n";
  writeFileSync(join(gitDir, "attributes"), attributes);
  mkdirSync(join(gitDir, "info"), { recursive: true });
  writeFileSync(join(gitDir, "info/attributes"), attributes);
  scene.write(".gitattributes", attributes);
}

test("A booby-trapped repository runs nothing of its own", async () => {
  const marks = join(scene.root, "marks");
  boobyTrap(marks);
  const history = await scene.open();
  const asked = scene.submit("acme");
  history.record(asked);
  expect(await history.flush()).toBe(true);
  expect(await history.close()).toBe(true);
  scene.submit("beta");
  const again = await scene.open();
  expect(await again.flush()).toBe(true);
  expect(readdirSync(marks)).toEqual([]);
  expect(await again.lastRecorded()).toBe(2);
  // The traps are sharp: the person's own git steps on some of them.
  scene.write("mine.md", "more\n");
  expect(() => scene.git("commit", "--quiet", "-am", "Mine")).toThrow();
  expect(readdirSync(marks)).not.toEqual([]);
});

test("A missing object is not fetched by a command of the repository's", async () => {
  const marks = join(scene.root, "marks");
  boobyTrap(marks);
  const git = hardenedGit({ gitDir: join(scene.vault, ".git"), workTree: scene.vault, path: PATH });
  const commit = { message: "x\n", at: AT, changes: [] };
  await expect(importCommits(git, "1".repeat(40), [commit])).rejects.toThrow("git fast-import");
  await expect(git.run(["cat-file", "-p", "1".repeat(40)])).rejects.toThrow("git cat-file");
  expect(readdirSync(marks)).toEqual([]);
  expect(readdirSync(git.gitDir).filter((name) => name.startsWith("fast_import_crash"))).toEqual([]);
});

test("Nothing of the caller's environment redirects git", async () => {
  const elsewhere = join(scene.root, "elsewhere");
  vi.stubEnv("GIT_DIR", elsewhere);
  vi.stubEnv("GIT_INDEX_FILE", join(elsewhere, "index"));
  vi.stubEnv("GIT_OBJECT_DIRECTORY", elsewhere);
  vi.stubEnv("GIT_CONFIG_COUNT", "1");
  vi.stubEnv("GIT_CONFIG_KEY_0", "core.hooksPath");
  vi.stubEnv("GIT_CONFIG_VALUE_0", elsewhere);
  vi.stubEnv("GIT_AUTHOR_NAME", "Mallory");
  const history = await scene.open();
  history.record(scene.submit("acme"));
  expect(await history.flush()).toBe(true);
  expect(scene.git("log", "-1", "--format=%an %cn")).toBe("Countersign Countersign\n");
  expect(existsSync(elsewhere)).toBe(false);
});

test("Replaced commits and grafts do not change what the history is built on", async () => {
  const first = scene.git("rev-parse", "HEAD").trim();
  scene.git("commit", "--quiet", "--allow-empty", "-m", "Harmless");
  const second = scene.git("rev-parse", "HEAD").trim();
  scene.git("replace", second, first);
  const history = await scene.open();
  history.record(scene.submit("acme"));
  expect(await history.flush()).toBe(true);
  expect(scene.git("--no-replace-objects", "rev-parse", "HEAD~1").trim()).toBe(second);
});

test("Odd but possible paths arrive as they are", async () => {
  const git = hardenedGit({ gitDir: join(scene.vault, ".git"), workTree: scene.vault, path: PATH });
  const paths = ['Zur "Prüfung"/a b.md', "back\\slash/*.md", "-rf/:(top)x.md", "日本/ü.md"];
  const changes = paths.map((path) => ({ path, bytes: Buffer.from(path) }));
  const head = scene.git("rev-parse", "HEAD").trim();
  const tip = await importCommits(git, head, [{ message: "x\n", at: AT, changes }]);
  for (const path of paths) expect(scene.git("cat-file", "blob", `${tip}:${path}`)).toBe(path);
  const gone = changes.map(({ path }) => ({ path, bytes: null }));
  const next = await importCommits(git, tip, [{ message: "x\n", at: AT, changes: gone }]);
  expect(scene.git("ls-tree", "-r", "--name-only", next)).toBe("mine.md\n");
});

test("A path that git would refuse is told and left out; the transition is recorded", async () => {
  const plain = ["a/b.md", ".github/x", "a/.gitignore", "..."];
  const refused = ["", "/a", "a//b", "../a", "a/..", "./a", ".git/config", "a/.GIT/x", "a\0b", "GIT~1/x"];
  expect(plain.filter((path) => !isPlainPath(path))).toEqual([]);
  expect(refused.filter(isPlainPath)).toEqual([]);
  const told: unknown[] = [];
  const history = await scene.open({ onProblem: (problem) => told.push(problem?.code) });
  const asked = scene.submit("acme");
  history.record({ ...asked, changes: [...asked.changes, { path: ".git/config", bytes: Buffer.from("x") }] });
  expect(await history.flush()).toBe(true);
  expect(told).toContain("path_refused");
  expect(scene.git("show", "--format=", "--name-only", "HEAD")).toBe(`${noteOf("acme")}\n`);
});
