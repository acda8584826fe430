import { existsSync, readFileSync, renameSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildProgram, type Program } from "../crash/daemon-process.ts";
import { decided, expectDecided, GESTURES, type Gesture, tick, withOwnLine } from "./gestures.ts";
import { openScene, type Scene, textAt } from "./scene.ts";

const reject = GESTURES[2] as Gesture;

/** How sync tools and editors name a copy of a note. */
const COPIES: Readonly<Record<string, (id: string) => string>> = {
  Syncthing: (id) => `${id}.sync-conflict-20261121-042342-QEFQQME.md`,
  "Obsidian Sync": (id) => `${id} (Conflicted copy phone 202611210423).md`,
  Dropbox: (id) => `${id} (Ada's conflicted copy 2026-11-21).md`,
  iCloud: (id) => `${id} 2.md`,
  OneDrive: (id) => `${id}-LAPTOP.md`,
  "Google Drive": (id) => `${id} (1).md`,
  "Obsidian's duplicate": (id) => `${id} 1.md`,
  "a file manager": (id) => `${id} copy.md`,
};

/** What a note may be called after somebody, or a file system, renamed it. */
const RENAMED: Readonly<Record<string, (id: string) => string>> = {
  "in capitals": (id) => `${id.toUpperCase()}.md`,
  "with a capital ending": (id) => `${id}.MD`,
  "with a title": () => "Pay ACME, please.md",
};

let program: Program;
let scene: Scene;
const inPending = (name: string) => join(scene.folderAt("Pending_Approval"), name);

beforeAll(async () => {
  program = buildProgram();
  scene = await openScene(program);
});

afterAll(async () => {
  await scene.close();
  program.remove();
});

describe.concurrent.each(Object.entries(COPIES))("a copy as %s names it", (_, nameOf) => {
  test("that disagrees with the note holds the decision, and both are named", async () => {
    const id = await scene.request();
    const written = readFileSync(scene.noteAt(id), "utf8");
    const copy = nameOf(id);
    // Both at once, as sync brings them; a typed approval is still settling when the copy comes.
    writeFileSync(scene.noteAt(id), withOwnLine(decided(written, GESTURES[1] as Gesture)));
    writeFileSync(inPending(copy), decided(written, reject));
    await scene.until("both files on the dashboard", () => {
      const lines = scene.dashboard().split("\n");
      const line = lines.find((one) => one.startsWith(`- [[${id}]]: `)) ?? "";
      return line.includes(`${id}.md`) && line.includes(copy);
    });
    expect(await scene.told(id)).toMatchObject({ status: "pending", history: [{ event: "submitted" }] });

    // The person keeps the one that is right.
    unlinkSync(inPending(copy));
    await expectDecided(scene, id, GESTURES[1] as Gesture);
  });

  test("that agrees with the note acts once, and is kept", async () => {
    const id = await scene.request();
    const text = withOwnLine(decided(readFileSync(scene.noteAt(id), "utf8"), tick));
    writeFileSync(inPending(nameOf(id)), text);
    writeFileSync(scene.noteAt(id), text);
    await expectDecided(scene, id, tick);
    await scene.until("the copy gone", () => scene.namesOf(id).length === 0);
    expect(scene.executions(id)).toBe(1);
  });

  test("that comes late decides nothing, and is kept in Done", async () => {
    const id = await scene.request();
    const written = readFileSync(scene.noteAt(id), "utf8");
    writeFileSync(scene.noteAt(id), withOwnLine(decided(written, tick)));
    await expectDecided(scene, id, tick);
    writeFileSync(inPending(nameOf(id)), decided(written, reject));
    await scene.until("the copy gone", () => scene.namesOf(id).length === 0);
    const kept = () => textAt(join(scene.folderAt("Done"), `${id}-late-1.md`)) ?? "";
    await scene.until("the copy in Done", () => kept().includes("This is a copy of a note"));
    expect(kept()).toContain("too dear");
    expect(scene.executions(id)).toBe(1);
  });
});

describe.concurrent.each(Object.entries(RENAMED))("a note that is renamed %s", (_, nameOf) => {
  test.each(GESTURES)("is still the note: $name", async (gesture) => {
    const id = await scene.request();
    // Each its own name, since the others are in the same folder.
    const path = inPending(nameOf(id).replace("Pay", `Pay ${gesture.name}`));
    renameSync(scene.noteAt(id), path);
    writeFileSync(path, withOwnLine(decided(readFileSync(path, "utf8"), gesture)));
    await expectDecided(scene, id, gesture);
    await scene.until("the renamed note gone", () => !existsSync(path));
  });
});
