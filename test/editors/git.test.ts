import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { userEnv } from "../adapters/git/scene.ts";
import { buildProgram, type Program } from "../crash/daemon-process.ts";
import { LIMIT_MS } from "../crash/kill-world.ts";
import { decided, expectDecided, GESTURES, type Gesture, tick, withOwnLine } from "./gestures.ts";
import { describeWith } from "./programs.ts";
import { openScene, type Scene } from "./scene.ts";

let program: Program;
let scene: Scene;
/** Another clone, as on another machine or a forge's web page. */
let other: string;

beforeAll(async () => {
  program = buildProgram();
  scene = await openScene(program, { git: "vault" });
  other = join(scene.base, "other");
});

afterAll(async () => {
  await scene.close();
  program.remove();
});

function run(folder: string, ...words: string[]): string {
  return execFileSync("git", ["-C", folder, ...words], { env: userEnv(), encoding: "utf8", stdio: "pipe" });
}
const git = (...words: string[]) => run(scene.vault, ...words);

/** For what ends in a conflict: git says so by its exit code. */
function gitInto(conflict: string, ...words: string[]): void {
  expect(() => git(...words)).toThrow();
  expect(git("status")).toContain(conflict);
}

/** A request whose note is in the history, where the daemon is done with its own commit. */
async function request(): Promise<string> {
  const id = await scene.request();
  await inHistory(id, "submitted");
  return id;
}

async function inHistory(id: string, event: string): Promise<void> {
  const block = `Request-Id: ${id}\nEvent: ${event}\n`;
  for (const end = performance.now() + LIMIT_MS; performance.now() < end; await delay(20)) {
    if (git("log", "--all", "--format=%(trailers:key=Request-Id,key=Event)").includes(block)) return;
  }
  throw new Error(`${event} of ${id} never came into the history\n${git("status")}${git("log", "--stat")}`);
}

const pathOf = (id: string) => `Pending_Approval/${id}.md`;

/** A commit on the other side, made from what is in the vault's history now. */
function commitElsewhere(changes: Readonly<Record<string, (note: string) => string>>): void {
  execFileSync("rm", ["-rf", other]);
  run(scene.base, "clone", "--quiet", scene.vault, other);
  for (const [id, change] of Object.entries(changes)) {
    const path = join(other, pathOf(id));
    writeFileSync(path, change(readFileSync(path, "utf8")));
  }
  run(other, "commit", "--quiet", "--all", "-m", "Decide");
}

const decide = (gesture: Gesture) => (note: string) => withOwnLine(decided(note, gesture));

function edit(id: string, change: (note: string) => string): void {
  writeFileSync(scene.noteAt(id), change(readFileSync(scene.noteAt(id), "utf8")));
}

async function expectUndecided(id: string): Promise<void> {
  expect(await scene.told(id)).toMatchObject({ status: "pending", history: [{ event: "submitted" }] });
}

/** Looked at in the state it is in now: it is listed as not understood. */
const seen = (id: string) =>
  scene.until("the note on the dashboard", () => scene.dashboard().includes(`- [[${id}]]: `));

describeWith(["git"], "a vault that is a git repository, and", () => {
  test("a pull brings decisions, each as it was made", async () => {
    const asked: [string, Gesture][] = [];
    for (const gesture of GESTURES) asked.push([await request(), gesture]);
    commitElsewhere(Object.fromEntries(asked.map(([id, gesture]) => [id, decide(gesture)])));
    git("pull", "--quiet", "--ff-only", other, "main");
    for (const [id, gesture] of asked) await expectDecided(scene, id, gesture);
  });

  test("a pull merges a decision with what was committed here meanwhile", async () => {
    const id = await request();
    commitElsewhere({ [id]: decide(tick) });
    const since = await request();
    git("pull", "--quiet", "--no-rebase", "--no-edit", other, "main");
    await expectDecided(scene, id, tick);
    await expectUndecided(since);
  });

  test("a checkout of one note from elsewhere decides it", async () => {
    const id = await request();
    commitElsewhere({ [id]: decide(tick) });
    git("fetch", "--quiet", other, "main");
    git("checkout", "--quiet", "FETCH_HEAD", "--", pathOf(id));
    await expectDecided(scene, id, tick);
  });

  test("a stash takes an edit away and brings it back, and nothing is decided by that", async () => {
    const id = await request();
    const written = scene.read(id);
    edit(id, withOwnLine);
    git("stash", "--quiet");
    expect(scene.read(id)).toBe(written);
    git("stash", "pop", "--quiet");
    expect(scene.read(id)).toBe(withOwnLine(written ?? ""));
    await expectUndecided(id);
    edit(id, (note) => decided(note, tick));
    await expectDecided(scene, id, tick);
  });

  test("a decision that comes out of the stash counts, once", async () => {
    const id = await request();
    await scene.stop();
    edit(id, decide(tick));
    git("stash", "--quiet");
    await scene.start();
    await expectUndecided(id);
    git("stash", "pop", "--quiet");
    await expectDecided(scene, id, tick);
  });

  test("another branch without the note, and the way back, cancel nothing", async () => {
    const id = await request();
    edit(id, withOwnLine);
    git("commit", "--quiet", "--all", "-m", "My line");
    git("switch", "--quiet", "-c", "side", git("rev-list", "--max-parents=0", "HEAD").trim());
    expect(scene.read(id)).toBeNull();
    git("switch", "--quiet", "main");
    expect(scene.read(id)).toContain("Mine");
    await expectUndecided(id);
    edit(id, (note) => decided(note, tick));
    await expectDecided(scene, id, tick);
  });

  test("a merge that ends in a conflict holds the decision until it is finished", async () => {
    const id = await request();
    const before = scene.read(id) ?? "";
    commitElsewhere({ [id]: (note) => note.replace("decision:", "decision: approved") });
    edit(id, (note) => withOwnLine(note.replace("reviewer:", "reviewer: ada")));
    git("commit", "--quiet", "--all", "-m", "My name");
    gitInto("You have unmerged paths", "pull", "--quiet", "--no-rebase", other, "main");
    expect(scene.read(id)).toContain("<<<<<<< ");
    await seen(id);
    await expectUndecided(id);

    const gesture = GESTURES[1] as Gesture;
    const text = before.replace("decision:", "decision: approved").replace("reviewer:", "reviewer: ada");
    writeFileSync(scene.noteAt(id), withOwnLine(text));
    git("add", pathOf(id));
    git("commit", "--quiet", "--no-edit");
    await expectDecided(scene, id, gesture);
    expect(await scene.told(id)).toMatchObject({ decision: { reviewer: "ada" } });
  });

  test("a rebase that puts another's tick on disk on its way decides nothing", async () => {
    const id = await request();
    commitElsewhere({ [id]: (note) => decided(note, tick).replace("reviewer:", "reviewer: bob") });
    edit(id, (note) => withOwnLine(note.replace("reviewer:", "reviewer: ada")));
    git("commit", "--quiet", "--all", "-m", "My name");
    git("fetch", "--quiet", other, "main");
    gitInto("rebase in progress", "rebase", "--quiet", "FETCH_HEAD");
    await seen(id);
    await expectUndecided(id);
    // Resolved to the other side's tick: it counts when the rebase is done, and not before.
    git("checkout", "--quiet", "--ours", "--", pathOf(id));
    expect(scene.read(id)).toContain("- [x] Approve");
    await scene.until("the note understood again", () => !scene.dashboard().includes(`- [[${id}]]: `));
    await expectUndecided(id);
    git("rebase", "--abort");
    expect(scene.read(id)).toContain("reviewer: ada");
    edit(id, (note) => note.replace("decision:", "decision: perhaps"));
    await seen(id);
    await expectUndecided(id);
    edit(id, (note) => decided(note.replace("decision: perhaps", "decision:"), tick));
    await expectDecided(scene, id, tick);
  });

  test("a hard reset drops an edit, and brings back a note that decides nothing any more", async () => {
    const id = await request();
    const written = scene.read(id);
    edit(id, withOwnLine);
    git("reset", "--quiet", "--hard");
    expect(scene.read(id)).toBe(written);
    await expectUndecided(id);

    edit(id, withOwnLine);
    git("commit", "--quiet", "--all", "-m", "My line");
    const waiting = git("rev-parse", "HEAD").trim();
    edit(id, (note) => decided(note, tick));
    await expectDecided(scene, id, tick);
    await inHistory(id, "archived");
    git("reset", "--quiet", "--hard", waiting);
    await scene.comesTo(id, "a refusal", ({ history }) => history.some(({ event }) => event === "refused"));
    expect(scene.namesOf(id)).toEqual([]);
    expect(scene.namesOf(id, "Done")).toEqual([`${id}-late-1.md`]);
    expect(scene.executions(id)).toBe(1);
    await inHistory(id, "refused");
  });
});
