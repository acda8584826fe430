import { execFile } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { buildProgram, type Program } from "../crash/daemon-process.ts";
import {
  decided,
  executionsOf,
  expectDecided,
  GESTURES,
  type Gesture,
  OWN_LINE,
  withOwnLine,
} from "./gestures.ts";
import { describeWith, type ProgramName } from "./programs.ts";
import { openScene, type Scene } from "./scene.ts";

const execute = promisify(execFile);

/** Another file system than the vault's, where there is one. */
const ELSEWHERE = "/dev/shm";

/** A program that changes a note without showing it, given a file that the note is to become. */
interface Command {
  readonly programs: readonly ProgramName[];
  words(note: string, wanted: string, gesture: Gesture): readonly string[];
  /** Whether another file takes the note's place. */
  readonly replaces: boolean;
  readonly elsewhere?: true;
}

const substitutions = ({ changes }: Gesture) =>
  changes.flatMap(([from, to]) => ["-e", `s/^${from.replaceAll(/[[\]]/g, "\\$&")}$/${to}/;`]);

const COMMANDS: Readonly<Record<string, Command>> = {
  "sed -i": {
    programs: ["sed"],
    words: (note, _, gesture) => ["sed", "-i", ...substitutions(gesture), "-e", `$a ${OWN_LINE}`, note],
    replaces: true,
  },
  "sed -i with a backup": {
    programs: ["sed"],
    words: (note, _, gesture) => ["sed", "-i.bak", ...substitutions(gesture), "-e", `$a ${OWN_LINE}`, note],
    replaces: true,
  },
  "perl -pi": {
    programs: ["perl"],
    words: (note, _, gesture) => [
      "perl",
      "-pi",
      ...substitutions(gesture),
      "-e",
      `$_ .= "${OWN_LINE}\\n" if eof`,
      note,
    ],
    replaces: true,
  },
  "cp over it": {
    programs: ["cp"],
    words: (note, wanted) => ["cp", wanted, note],
    replaces: false,
  },
  "mv over it": {
    programs: ["mv"],
    words: (note, wanted) => ["mv", "-f", wanted, note],
    replaces: true,
  },
  "mv from another file system": {
    programs: ["mv"],
    words: (note, wanted) => ["mv", "-f", wanted, note],
    replaces: true,
    elsewhere: true,
  },
  rsync: {
    programs: ["rsync"],
    words: (note, wanted) => ["rsync", "--archive", wanted, note],
    replaces: true,
  },
  "rsync --inplace": {
    programs: ["rsync"],
    words: (note, wanted) => ["rsync", "--archive", "--inplace", wanted, note],
    replaces: false,
  },
};

let program: Program;
let scene: Scene;
let elsewhere: string;

beforeAll(async () => {
  program = buildProgram();
  scene = await openScene(program);
  elsewhere = mkdtempSync(join(existsSync(ELSEWHERE) ? ELSEWHERE : scene.base, "cs-elsewhere-"));
});

afterAll(async () => {
  rmSync(elsewhere, { recursive: true, force: true });
  await scene.close();
  program.remove();
});

for (const [name, command] of Object.entries(COMMANDS)) {
  describeWith(command.programs, name, () => {
    for (const gesture of GESTURES) {
      test.concurrent(`makes ${gesture.name}, and comes late again`, async () => {
        const id = await scene.request();
        const wanted = join(command.elsewhere ? elsewhere : scene.base, `${id}.wanted`);
        const text = withOwnLine(decided(readFileSync(scene.noteAt(id), "utf8"), gesture));
        const run = async () => {
          writeFileSync(wanted, text);
          const [file = "", ...words] = command.words(scene.noteAt(id), wanted, gesture);
          await execute(file, words, { cwd: scene.folderAt("Pending_Approval"), env: scene.env });
        };
        await run();
        await expectDecided(scene, id, gesture);

        // Programs that edit what is there find nothing now; the others put a note where there is none.
        if (command.words("", wanted, gesture).includes(wanted)) {
          writeFileSync(wanted, `${text}Late.\n`);
          const [file = "", ...words] = command.words(scene.noteAt(id), wanted, gesture);
          await execute(file, words, { env: scene.env });
          await scene.expectKeptBeside(id, "Late.", executionsOf(gesture.becomes.status));
        }
      });
    }

    test(`${command.replaces ? "puts another file in its place" : "writes into the same file"}`, async () => {
      const id = await scene.request();
      const note = join(scene.base, `${id}.md`);
      copyFileSync(scene.noteAt(id), note);
      // A second name keeps the number of the first file from being given to the next one.
      const wanted = join(command.elsewhere ? elsewhere : scene.base, `${id}.wanted`);
      writeFileSync(wanted, `${readFileSync(note, "utf8")}More.\n`);
      const held = join(scene.base, `${id}.held`);
      await execute("ln", [note, held]);
      const [file = "", ...words] = command.words(note, wanted, GESTURES[0] as Gesture);
      await execute(file, words, { env: scene.env });
      expect(statSync(note).ino !== statSync(held).ino).toBe(command.replaces);
    });
  });
}

test("what commands leave behind is no note, and is not listed", async () => {
  expect(await scene.strangers()).toEqual([]);
  await scene.start();
});
