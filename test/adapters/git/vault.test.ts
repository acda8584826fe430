import { execFile } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Git } from "../../../src/adapters/git/git.ts";
import type { HistoryProblem } from "../../../src/adapters/git/problem.ts";
import { approved, makeScene, noteOf, type Scene, userEnv } from "./scene.ts";

let scene: Scene;
beforeEach(() => {
  scene = makeScene();
});
afterEach(() => scene.end());

/** Runs something of the person's just before or after the daemon's own n-th call of a git command. */
function around(command: string, when: "before" | "after", act: () => void, calls = 1): (git: Git) => Git {
  let left = calls;
  return (git) => ({
    gitDir: git.gitDir,
    async run(args, input) {
      const isIt = args[0] === command && left > 0;
      if (isIt) left -= 1;
      if (isIt && when === "before") act();
      const said = await git.run(args, input);
      if (isIt && when === "after") act();
      return said;
    },
  });
}

/** Collects problems, and resolves when a certain one is told. */
function problems() {
  const told: (HistoryProblem["code"] | null)[] = [];
  let check = () => {};
  return {
    told,
    onProblem(problem: HistoryProblem | null): void {
      told.push(problem?.code ?? null);
      check();
    },
    until: (code: HistoryProblem["code"] | null) =>
      new Promise<void>((resolve) => {
        check = () => told.at(-1) === code && resolve();
        check();
      }),
  };
}

test("What the person has staged, changed and left untracked stays exactly as it was", async () => {
  scene.initVault();
  scene.write("staged.md", "staged\n");
  scene.git("add", "staged.md");
  scene.write("staged.md", "staged, then changed again\n");
  scene.write("mine.md", "changed, not staged\n");
  scene.write("untracked.md", "untracked\n");
  scene.git("rm", "--quiet", "--cached", "--ignore-unmatch", "nothing.md");
  const look = () => [scene.git("status", "--porcelain"), scene.git("diff", "--cached"), scene.git("diff")];
  const before = look();
  const history = await scene.open();
  history.record(scene.submit("acme"));
  expect(await history.flush()).toBe(true);
  expect(look()).toEqual(before);
  expect(scene.git("show", "--format=", "--name-only", "HEAD")).toBe(`${noteOf("acme")}\n`);
});

test("A change within the same tick of the clock as the person's last look is not hidden from them", async () => {
  scene.initVault();
  const history = await scene.open();
  await history.lastRecorded();
  scene.write("mine.md", "aaaa\n");
  scene.git("add", "mine.md");
  scene.write("mine.md", "bbbb\n");
  history.record(scene.submit("acme"));
  expect(await history.flush()).toBe(true);
  expect(scene.git("status", "--porcelain")).toBe("MM mine.md\n");
});

test("The person's next commit keeps the daemon's files", async () => {
  scene.initVault();
  const history = await scene.open();
  const asked = scene.submit("acme");
  history.record(asked);
  await history.flush();
  scene.write("mine.md", "more\n");
  scene.git("commit", "--quiet", "-am", "Mine");
  expect(scene.git("show", "--format=", "--name-only", "HEAD")).toBe("mine.md\n");
  const moved = [
    { path: noteOf("acme"), bytes: null },
    { path: "Done/acme.md", bytes: Buffer.from("done\n") },
  ];
  history.record(scene.happen(approved(), asked.request, moved));
  await history.flush();
  expect(scene.git("show", "--format=", "--name-status", "--no-renames", "HEAD")).toBe(
    `A\tDone/acme.md\nD\t${noteOf("acme")}\n`,
  );
  expect(scene.git("diff", "--cached", "--name-only")).toBe("");
});

test("A held index.lock is waited for, never deleted, and told once it lasts", async () => {
  scene.initVault();
  const lock = join(scene.vault, ".git/index.lock");
  writeFileSync(lock, "");
  const { onProblem, until, told } = problems();
  const history = await scene.open({ onProblem });
  history.record(scene.submit("acme"));
  await until("index_locked");
  expect(readFileSync(lock, "utf8")).toBe("");
  expect(scene.recorded()).toEqual([]);
  expect(history.lag()).toMatchObject({ waiting: 1, problem: "index_locked" });
  rmSync(lock);
  await until(null);
  expect(await history.flush()).toBe(true);
  expect(told).toEqual(["index_locked", null]);
  expect(scene.recorded()).toEqual(["1"]);
});

test("An index.lock that appears in the middle leaves branch and index as they were until it goes", async () => {
  scene.initVault();
  const lock = join(scene.vault, ".git/index.lock");
  const before = scene.git("rev-parse", "HEAD");
  const through = around("update-index", "before", () => writeFileSync(lock, ""));
  const { onProblem, until } = problems();
  const history = await scene.open({ through, onProblem });
  history.record(scene.submit("acme"));
  await until("index_locked");
  expect(scene.git("rev-parse", "HEAD")).toBe(before);
  rmSync(lock);
  expect(await history.flush()).toBe(true);
  expect(scene.recorded()).toEqual(["1"]);
});

test.each(["fast-import", "update-index", "update-ref"])(
  "A commit of the person's just before %s is kept, and the transition follows it",
  async (command) => {
    scene.initVault();
    const through = around(command, "before", () => {
      scene.git("commit", "--quiet", "--allow-empty", "-m", "Mine, in between");
    });
    const history = await scene.open({ through });
    // Lets the history learn where the branch stands before the person moves it.
    await history.lastRecorded();
    history.record(scene.submit("acme"));
    expect(await history.flush()).toBe(true);
    expect(scene.git("log", "--format=%an")).toBe("Countersign\nAnn\nAnn\n");
    expect(scene.git("status", "--porcelain")).toBe("");
  },
);

test("Where the person's commit already has the exact content, the transition is still recorded", async () => {
  scene.initVault();
  const asked = scene.submit("acme");
  scene.git("add", "-A");
  scene.git("commit", "--quiet", "-m", "Backup");
  const history = await scene.open();
  history.record(asked);
  expect(await history.flush()).toBe(true);
  expect(scene.recorded()).toEqual(["1"]);
  expect(scene.git("show", "--format=", "--name-only", "HEAD")).toBe("");
});

test("Commits in a tight loop beside the daemon lose nothing on either side", async () => {
  scene.initVault();
  const history = await scene.open();
  const run = promisify(execFile);
  const person = (async () => {
    for (let n = 0; n < 15; n += 1) {
      writeFileSync(join(scene.vault, "mine.md"), `${n}\n`);
      // The daemon may hold the lock or move the branch just then; a person would try again as well.
      for (let done = false; !done; ) {
        const mine = { cwd: scene.vault, env: userEnv() };
        // Every other time from the index as it is, which git reads without holding it until the branch moves.
        const added = n % 2 === 0 ? run("git", ["add", "mine.md"], mine) : Promise.resolve();
        // Not without having added it: the index may hold the daemon's note before its branch does, and that alone would
        // be a commit as well.
        done = await added
          .then(() => run("git", ["commit", n % 2 === 0 ? "-qm" : "-qam", `Mine ${n}`], mine))
          .then(
            () => true,
            () => false,
          );
      }
    }
  })();
  const daemon = (async () => {
    for (let n = 0; n < 15; n += 1) {
      history.record(scene.submit(`race${n}`));
      await history.flush(20_000);
    }
  })();
  await Promise.all([person, daemon]);
  expect(scene.recorded()).toEqual(scene.journal.map(({ record }) => String(record.seq)));
  expect(scene.git("log", "--format=%s", "--author=Ann").trim().split("\n")).toHaveLength(16);
  expect(scene.git("ls-files", "Pending_Approval").trim().split("\n")).toHaveLength(15);
  expect(scene.git("log", "--diff-filter=D", "--name-only", "--format=")).toBe("");
  expect(scene.git("status", "--porcelain")).toBe("");
  scene.git("fsck");
});

test("A reset of the person's between index and branch does not leave the index without the daemon's files", async () => {
  scene.initVault();
  const through = around("update-ref", "before", () => scene.git("reset", "--quiet", "HEAD"));
  const history = await scene.open({ through });
  history.record(scene.submit("acme"));
  expect(await history.flush()).toBe(true);
  expect(scene.git("status", "--porcelain")).toBe("");
});

test("A merge in progress holds everything until it is over", async () => {
  scene.initVault();
  scene.git("checkout", "--quiet", "-b", "other");
  scene.write("mine.md", "theirs\n");
  scene.git("commit", "--quiet", "-am", "Theirs");
  scene.git("checkout", "--quiet", "main");
  scene.write("mine.md", "ours\n");
  scene.git("commit", "--quiet", "-am", "Ours");
  expect(() => scene.git("merge", "other")).toThrow();
  const before = scene.git("status", "--porcelain");
  const { onProblem, until } = problems();
  const history = await scene.open({ onProblem });
  history.record(scene.submit("acme"));
  await until("merging");
  expect(scene.git("status", "--porcelain", "-uno")).toBe(before);
  scene.write("mine.md", "both\n");
  scene.git("add", "mine.md");
  scene.git("commit", "--quiet", "-m", "Merge");
  await until(null);
  expect(await history.flush()).toBe(true);
  expect(scene.git("log", "-2", "--format=%s")).toBe(
    "request 20261121-091403-payment-acme: Pay acme\nMerge\n",
  );
});

test("A merge that begins after the index was written does not get the branch moved under it", async () => {
  scene.initVault();
  const merging = join(scene.vault, ".git/MERGE_HEAD");
  const through = around("update-index", "after", () => {
    writeFileSync(merging, scene.git("rev-parse", "HEAD"));
  });
  const { onProblem, until } = problems();
  const history = await scene.open({ through, onProblem });
  history.record(scene.submit("acme"));
  await until("merging");
  expect(scene.recorded()).toEqual([]);
  rmSync(merging);
  expect(await history.flush()).toBe(true);
  expect(scene.recorded()).toEqual(["1"]);
});
