import { type FSWatcher, statSync, watch } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTurns } from "../../src/daemon/turns.ts";
import { buildProgram, type Program } from "../crash/daemon-process.ts";
import { executionsOf, expectDecided, GESTURES, type Gesture, OWN_LINE } from "./gestures.ts";
import { describeWith, type ProgramName } from "./programs.ts";
import { openScene, type Scene } from "./scene.ts";
import { openTerminal, type Terminal } from "./terminal.ts";

/** An editor, and what a person types in it. */
interface Editor {
  readonly program: ProgramName;
  readonly words: readonly string[];
  /** Puts a whole line in place of another one. */
  replace(from: string, to: string): string;
  append(line: string): string;
  readonly save: string;
  readonly quit: string;
  /** How it saves first: whether another file takes the note's place, and which other names are seen beside it. */
  readonly replaces: boolean;
  readonly beside: readonly ((name: string) => string)[];
  /** What it leaves beside the note for ever. */
  readonly leaves: readonly ((name: string) => string)[];
}

const backup = (name: string) => `${name}~`;

const vi = {
  replace: (from: string, to: string) => `:%s/\\V\\^${from}\\$/${to}/\r`,
  append: (line: string) => `:$put ='${line}'\r`,
  save: ":w\r",
  quit: ":q!\r",
};
const vim = { ...vi, beside: [(name: string) => `.${name}.swp`, backup] };

const emacs = {
  replace: (from: string, to: string) =>
    `\x1b:(progn (goto-char 1) (search-forward "\\n${from}\\n") (replace-match "\\n${to}\\n" t t))\r`,
  append: (line: string) => `\x1b:(progn (goto-char (point-max)) (insert "${line}\\n"))\r\x1bxdo-auto-save\r`,
  save: "\x18\x13",
  quit: "\x18\x03",
};

const nano = {
  replace: (from: string, to: string) => `\x1c${from}\r${to}\ra`,
  append: (line: string) => `\x1b/${line}\r`,
  save: "\x0f\r",
  quit: "\x18",
};

const EDITORS: Readonly<Record<string, Editor>> = {
  vim: { ...vim, program: "vim", words: ["vim", "--clean"], replaces: true, leaves: [] },
  "vim that keeps backups": {
    ...vim,
    program: "vim",
    words: ["vim", "--clean", "-c", "set backup"],
    replaces: true,
    leaves: [backup],
  },
  "vim that saves in place": {
    ...vim,
    program: "vim",
    words: ["vim", "--clean", "-c", "set backupcopy=yes"],
    replaces: false,
    leaves: [],
  },
  neovim: {
    ...vi,
    program: "nvim",
    words: ["nvim", "--clean", "-i", "NONE"],
    replaces: true,
    beside: [backup],
    leaves: [],
  },
  emacs: {
    ...emacs,
    program: "emacs",
    words: ["emacs", "-nw", "-Q"],
    replaces: true,
    beside: [(name) => `.#${name}`, (name) => `#${name}#`, backup],
    leaves: [backup],
  },
  nano: {
    ...nano,
    program: "nano",
    words: ["nano", "--ignorercfiles", "--locking"],
    replaces: false,
    beside: [(name) => `.${name}.swp`],
    leaves: [],
  },
  "nano that keeps backups": {
    ...nano,
    program: "nano",
    words: ["nano", "--ignorercfiles", "--backup"],
    replaces: false,
    beside: [backup],
    leaves: [backup],
  },
};

let program: Program;
let scene: Scene;
let watcher: FSWatcher;
const names = new Set<string>();
/** Two of one editor that save at the same moment in one folder may get in each other's way, and save differently. */
const turns = createTurns();
const terminals: Terminal[] = [];
const left: string[] = [];

beforeAll(async () => {
  program = buildProgram();
  scene = await openScene(program);
  watcher = watch(scene.folderAt("Pending_Approval"), (_, name) => void (name !== null && names.add(name)));
});

afterAll(async () => {
  for (const terminal of terminals) terminal.kill();
  watcher.close();
  await scene.close();
  program.remove();
});

const LATE = "And one thing more.";

/** Opens a waiting note, and saves it three times: undecided, decided, and once more after the daemon took it away. */
async function saveThrice(editor: Editor, gesture: Gesture): Promise<void> {
  const id = await scene.request();
  const note = `${id}.md`;
  const before = statSync(scene.noteAt(id)).ino;
  const terminal = openTerminal([...editor.words, note], scene.folderAt("Pending_Approval"), scene.env);
  terminals.push(terminal);
  await terminal.shows("pending");

  await turns.take(editor.program, async () => {
    terminal.type(editor.append(OWN_LINE) + editor.save);
    await scene.until(`${note} saved`, () => scene.read(id)?.includes(OWN_LINE) ?? false);
  });
  expect(statSync(scene.noteAt(id)).ino !== before).toBe(editor.replaces);
  for (const nameOf of editor.beside)
    await scene.until(`${nameOf(note)} beside it`, () => names.has(nameOf(note)));

  const changes = gesture.changes.map(([from, to]) => editor.replace(from, to));
  terminal.type(changes.join("") + editor.save);
  await expectDecided(scene, id, gesture);

  terminal.type(editor.append(LATE) + editor.save);
  await scene.expectKeptBeside(id, LATE, executionsOf(gesture.becomes.status));

  terminal.type(editor.quit);
  await terminal.ended;
  expect(scene.namesOf(id)).toEqual(editor.leaves.map((nameOf) => nameOf(note)));
  left.push(...scene.namesOf(id));
}

for (const [name, editor] of Object.entries(EDITORS)) {
  describeWith(["script", editor.program], `${name} saves`, () => {
    for (const gesture of GESTURES)
      test.concurrent(`${gesture.name}, and late`, () => saveThrice(editor, gesture));
  });
}

describeWith(["script", "emacs"], "what editors leave behind", () => {
  test("is no note, and is not listed", async () => {
    expect(left.length).toBeGreaterThan(0);
    expect(await scene.strangers()).toEqual([]);
    for (const name of left) expect(scene.namesOf(name)).toEqual([name]);
    await scene.start();
  });
});
