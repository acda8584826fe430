import { existsSync, readdirSync, readFileSync, unlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { buildProgram, type Program } from "../crash/daemon-process.ts";
import { decided, expectDecided, GESTURES, type Gesture, OWN_LINE, tick, withOwnLine } from "./gestures.ts";
import { describeWith } from "./programs.ts";
import { openScene, type Scene } from "./scene.ts";
import { openPair, type Pair } from "./syncthing.ts";

const reject = GESTURES[2] as Gesture;

describeWith(["syncthing"], "a vault that Syncthing shares with another device", () => {
  let program: Program;
  let scene: Scene;
  let pair: Pair;
  /** The vault on the other device, where no daemon runs. */
  let other: string;

  beforeAll(async () => {
    program = buildProgram();
    scene = await openScene(program);
    other = join(scene.base, "other");
    pair = await openPair(scene.base, [scene.vault, other]);
  }, 90_000);

  afterAll(async () => {
    await pair.stop();
    await scene.close();
    program.remove();
  });

  const there = (folder: string, id: string) => join(other, folder, `${id}.md`);

  /** A request whose note is on both devices. */
  async function request(): Promise<string> {
    const id = await scene.request();
    await pair.scan();
    await scene.until("the note on the other device", () => existsSync(there("Pending_Approval", id)));
    return id;
  }

  function save(path: string, gesture: Gesture, secondsAgo = 0): void {
    writeFileSync(path, withOwnLine(decided(readFileSync(path, "utf8"), gesture)));
    const time = Date.now() / 1_000 - secondsAgo;
    utimesSync(path, time, time);
  }

  /** The other device ends with the same finished notes, and none that waits. */
  async function expectSameThere(id: string): Promise<void> {
    await pair.scan();
    const done = () => readdirSync(join(other, "Done")).filter((name) => name.includes(id));
    await scene.until("the finished note there", () => done().join() === scene.namesOf(id, "Done").join());
    await scene.until("no waiting note there", () => !existsSync(there("Pending_Approval", id)));
    for (const name of done()) {
      expect(readFileSync(join(other, "Done", name), "utf8")).toBe(
        readFileSync(join(scene.folderAt("Done"), name), "utf8"),
      );
    }
    expect(existsSync(scene.noteAt(id))).toBe(false);
  }

  test.concurrent.each(GESTURES)("$name there decides here", async (gesture) => {
    const id = await request();
    save(there("Pending_Approval", id), gesture);
    await expectDecided(scene, id, gesture);
    await expectSameThere(id);
  });

  test("two devices that disagree while apart leave a conflict copy, and nothing is decided", async () => {
    const id = await request();
    await pair.part();
    await scene.stop();
    save(scene.noteAt(id), tick, 20);
    save(there("Pending_Approval", id), reject);
    await pair.scan();
    await pair.meet();
    const copies = () => scene.namesOf(id).filter((name) => name.includes(".sync-conflict-"));
    await scene.until("the conflict copy", () => copies().length === 1);
    await scene.until("the other's note", () => scene.read(id)?.includes("decision: rejected") ?? false);
    await scene.start();
    const [copy = ""] = copies();
    await scene.until("both files on the dashboard", () => {
      const line =
        scene
          .dashboard()
          .split("\n")
          .find((one) => one.startsWith(`- [[${id}]]: `)) ?? "";
      return line.includes(`${id}.md`) && line.includes(copy);
    });
    expect(await scene.told(id)).toMatchObject({ status: "pending", history: [{ event: "submitted" }] });
    expect(scene.executions(id)).toBe(0);

    // The person keeps the one that is right.
    unlinkSync(join(scene.folderAt("Pending_Approval"), copy));
    await expectDecided(scene, id, reject);
    await expectSameThere(id);
  });

  test("a note that is edited there while it is finished here comes back, and is kept beside", async () => {
    const id = await request();
    await pair.part();
    writeFileSync(scene.noteAt(id), withOwnLine(decided(scene.read(id) ?? "", tick)));
    await expectDecided(scene, id, tick);
    save(there("Pending_Approval", id), reject);
    await pair.scan();
    await pair.meet();
    await scene.expectKeptBeside(id, "too dear", 1);
    await expectSameThere(id);
    expect(scene.read(id, "Done")).toContain(OWN_LINE);
  });
});
