import fs, {
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildProgram, type Program } from "../crash/daemon-process.ts";
import { decided, executionsOf, expectDecided, GESTURES, tick, withOwnLine } from "./gestures.ts";
import { openScene, type Scene } from "./scene.ts";

/** Sets a file's times by its path, as programs do behind a save: the note may have been taken away by then. */
function setTimes(path: string, accessed: number | Date, changed: number | Date): void {
  try {
    utimesSync(path, accessed, changed);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
  }
}

/** What programs do to a file that cannot be run here, as it was recorded of them. */
const SAVES: Readonly<Record<string, (path: string, text: string) => Promise<void> | void>> = {
  async "as Obsidian does, with the time it means"(path, text) {
    await writeFile(path, text, "utf8");
    const now = Date.now() / 1_000;
    setTimes(path, now, now);
  },
  async "as VS Code does, cut to nothing first"(path, text) {
    const file = await fs.promises.open(path, existsSync(path) ? "r+" : "wx");
    await file.truncate(0);
    await file.write(text, 0);
    await file.close();
  },
  "as gedit does, under another name first"(path, text) {
    const other = join(dirname(path), ".goutputstream-K2V1Z2");
    const unique = `${other}${Math.random().toString(36).slice(2)}`;
    writeFileSync(unique, text);
    renameSync(unique, path);
  },
  "as Syncthing does, the old one taken away first"(path, text) {
    const other = join(dirname(path), `.syncthing.${path.slice(dirname(path).length + 1)}.tmp`);
    writeFileSync(other, text);
    if (existsSync(path)) unlinkSync(path);
    renameSync(other, path);
    setTimes(path, 1_700_000_000.123, 1_700_000_000.123);
  },
  ...Object.fromEntries(
    [1, 20, 200, 1_500, 2_500].map((ms) => [
      `deleted, and made again ${ms} ms later`,
      async (path: string, text: string) => {
        if (existsSync(path)) unlinkSync(path);
        await delay(ms);
        writeFileSync(path, text);
      },
    ]),
  ),
  ...Object.fromEntries(
    [2, 10, 30, 70].map((ms) => [
      `emptied, and written ${ms} ms later`,
      async (path: string, text: string) => {
        const file = await fs.promises.open(path, "w");
        await delay(ms);
        await file.write(text);
        await file.close();
      },
    ]),
  ),
  "with a time in 1970": savedAt(0),
  "with a time in 2100": savedAt(4_102_444_800),
  "with the time of the note that was there"(path, text) {
    const before = existsSync(path) ? statSync(path) : { atime: new Date(), mtime: new Date() };
    writeFileSync(path, text);
    setTimes(path, before.atime, before.mtime);
  },
  async "in three pieces"(path, text) {
    const file = await fs.promises.open(path, "w");
    for (const [from, to] of [
      [0, 100],
      [100, 1_000],
      [1_000, text.length],
    ]) {
      await file.write(text.slice(from, to));
    }
    await file.close();
  },
};

function savedAt(seconds: number) {
  return (path: string, text: string) => {
    writeFileSync(path, text);
    setTimes(path, seconds, seconds);
  };
}

let program: Program;
let scene: Scene;
const inVault = (...names: string[]) => join(scene.vault, ...names);

beforeAll(async () => {
  program = buildProgram();
  scene = await openScene(program);
});

afterAll(async () => {
  await scene.close();
  program.remove();
});

describe.concurrent.each(Object.entries(SAVES))("a note saved %s", (_, save) => {
  for (const gesture of GESTURES) {
    test(`makes ${gesture.name}, and comes late again`, async () => {
      const id = await scene.request();
      const text = withOwnLine(readFileSync(scene.noteAt(id), "utf8"));
      await save(scene.noteAt(id), text);
      await save(scene.noteAt(id), decided(text, gesture));
      await expectDecided(scene, id, gesture);
      await save(scene.noteAt(id), `${decided(text, gesture)}Late.\n`);
      await scene.expectKeptBeside(id, "Late.", executionsOf(gesture.becomes.status));
    });
  }
});

test("a tick that changes neither size nor time of the file is seen", async () => {
  const id = await scene.request();
  const path = scene.noteAt(id);
  const before = statSync(path);
  const file = fs.openSync(path, "r+");
  fs.writeSync(file, decided(readFileSync(path, "utf8"), tick), 0);
  fs.futimesSync(file, before.atime, before.mtime);
  fs.closeSync(file);
  // The watcher, which compares size and time, may drop it: then the next full look finds it, within half a minute.
  expect(await scene.outcome(id, 45_000)).toMatchObject(tick.becomes);
}, 60_000);

/** Where a save in place may be caught, by how much of the text is there, and what is said of it then. */
const HALVES: Readonly<Record<string, (text: string) => number>> = {
  "at nothing": () => 0,
  "inside the properties": (text) => text.indexOf("\ndigest:"),
  "behind the properties": (text) => text.indexOf("\n---\n") + 5,
  "between the boxes and the action": (text) => text.indexOf("## Action"),
  "inside the action": (text) => text.indexOf('"payee"'),
};

describe.concurrent.each(Object.entries(HALVES))(
  "a save in place that is caught %s, and stays there",
  (_, half) => {
    test.each(GESTURES.filter(({ becomes }) => becomes.status === "executed"))(
      "decides nothing before it is whole: $name",
      async (gesture) => {
        const id = await scene.request();
        const text = withOwnLine(decided(readFileSync(scene.noteAt(id), "utf8"), gesture));
        const at = half(text);
        const file = fs.openSync(scene.noteAt(id), "w");
        fs.writeSync(file, text.slice(0, at));
        // What is listed as not understood has been looked at.
        await scene.until("the half note on the dashboard", () =>
          scene.dashboard().includes(`- [[${id}]]: `),
        );
        expect(await scene.told(id)).toMatchObject({ status: "pending", history: [{ event: "submitted" }] });
        fs.writeSync(file, text.slice(at));
        fs.closeSync(file);
        await expectDecided(scene, id, gesture);
      },
    );
  },
);

test("a save that is caught behind all that it decides acts once, and what follows is kept", async () => {
  const id = await scene.request();
  const text = `${withOwnLine(decided(readFileSync(scene.noteAt(id), "utf8"), tick))}And more of it.\n`;
  const file = fs.openSync(scene.noteAt(id), "w");
  fs.writeSync(file, text.slice(0, text.indexOf("And more")));
  await expectDecided(scene, id, tick);
  fs.writeSync(file, text.slice(text.indexOf("And more")));
  fs.closeSync(file);
  // A daemon that ends looks a last time at what it took away.
  await scene.stop();
  await scene.start();
  const kept = () => scene.namesOf(id, "Done").map((name) => readFileSync(inVault("Done", name), "utf8"));
  await scene.until("the rest of it in Done", () => kept().join("").includes("And more of it."));
  expect(scene.executions(id)).toBe(1);
});

/** Names that programs give to files of their own beside a note, for a while or for ever. */
const LEFTOVERS: readonly ((note: string) => string)[] = [
  (note) => `.${note}.swp`,
  (note) => `.${note}.swx`,
  (note) => `.${note}.un~`,
  () => "4913",
  () => "5036",
  (note) => `${note}~`,
  (note) => `${note}.~1~`,
  (note) => `#${note}#`,
  (note) => `.#${note}`,
  (note) => `._${note}`,
  (note) => `~$${note}`,
  (note) => `.~lock.${note}#`,
  (note) => `.syncthing.${note}.tmp`,
  (note) => `~syncthing~${note}.tmp`,
  () => "sedAbC123",
  () => "XXbcDeFg",
  () => ".goutputstream-K2V1Z2",
  (note) => `.${note}.x7Yz9A`,
  (note) => `${note}.bak`,
  (note) => `${note}.orig`,
  (note) => `${note}.tmp`,
  (note) => `${note}.vsctmp`,
  (note) => `.${note}.icloud`,
  () => ".DS_Store",
  () => ".OBSIDIANTEST",
];

test("files of programs beside a note decide nothing, are left alone, and are not listed", async () => {
  const id = await scene.request();
  const text = decided(readFileSync(scene.noteAt(id), "utf8"), tick);
  const names = LEFTOVERS.map((nameOf) => nameOf(`${id}.md`));
  for (const name of names) writeFileSync(inVault("Pending_Approval", name), text);
  const lock = inVault("Pending_Approval", `.#${id}.md`);
  unlinkSync(lock);
  symlinkSync("person@laptop.4711:1763716443", lock);
  expect(await scene.strangers()).toEqual([]);
  await scene.start();
  expect(await scene.told(id)).toMatchObject({ status: "pending", history: [{ event: "submitted" }] });
  for (const name of names) {
    expect(fs.lstatSync(inVault("Pending_Approval", name), { throwIfNoEntry: false }), name).toBeDefined();
    unlinkSync(inVault("Pending_Approval", name));
  }
  writeFileSync(scene.noteAt(id), withOwnLine(text));
  await expectDecided(scene, id, tick);
});

describe("a note that is deleted", () => {
  const LOSSES: Readonly<Record<string, (id: string) => void>> = {
    "into Obsidian's bin, ticked"(id) {
      mkdirSync(inVault(".trash"), { recursive: true });
      renameSync(scene.noteAt(id), inVault(".trash", `${id}.md`));
      const path = inVault(".trash", `${id}.md`);
      writeFileSync(path, decided(readFileSync(path, "utf8"), tick));
    },
    "for ever"(id) {
      unlinkSync(scene.noteAt(id));
    },
  };
  test.concurrent.each(Object.keys(LOSSES))("%s decides nothing, and is made again", async (loss) => {
    const id = await scene.request();
    LOSSES[loss]?.(id);
    await scene.until("the note made again", () => scene.read(id)?.endsWith("## Notes\n") ?? false);
    expect(scene.read(id)).toContain("- [ ] Approve");
    expect(await scene.told(id)).toMatchObject({ status: "pending", history: [{ event: "submitted" }] });
    writeFileSync(scene.noteAt(id), withOwnLine(decided(scene.read(id) ?? "", tick)));
    await expectDecided(scene, id, tick);
  });
});
