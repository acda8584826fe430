import {
  closeSync,
  existsSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { filesNow, lately, remember, type Told } from "./told.ts";
import { textAt } from "./world.ts";

/** How programs change files; each step that another process can see is remembered as a state of its own. */
export interface Hands {
  save(told: Told, path: string, text: string, way: Way, pause_ms: number): Promise<void>;
  /** False when there is nothing to move, or something in the way. */
  move(told: Told, from: string, to: string): boolean;
  remove(told: Told, path: string): void;
  /** What is on the disk now; null when the daemon has taken it away. */
  open(told: Told, path: string): string | null;
  /** Files that editors leave beside a note. */
  litter(told: Told, path: string): void;
  isThere(path: string): boolean;
}

export const WAYS = ["in place", "in halves", "by rename", "by backup", "by unlink"] as const;
type Way = (typeof WAYS)[number];

/** The daemon puts a note that it must not take away back sooner than this. */
const BACK_MS = 40;

export function handsIn(vault: string): Hands {
  const full = (path: string) => join(vault, path);

  /** What the daemon has taken away in the meantime is its to answer for, unless it puts it back. True when it has. */
  function notice(told: Told, path: string): boolean {
    const files = new Map(filesNow(told));
    const text = files.get(path);
    const isGone = text !== undefined && !existsSync(full(path));
    if (isGone) {
      files.delete(path);
      told.taken.push(text);
      remember(told, `found gone: ${path}`, lately(told), files);
    }
    // A note that is missed is written again under its own name.
    for (const again of [path, join("Pending_Approval", `${told.id}.md`)]) {
      const found = files.has(again) ? null : textAt({ vault }, again);
      if (found === null) continue;
      files.set(again, found);
      if (told.taken.includes(found)) told.taken.splice(told.taken.indexOf(found), 1);
      remember(told, `found again: ${again}`, lately(told), files);
    }
    return isGone;
  }

  /** Does one step and remembers it; false when a file was not there. */
  function step(told: Told, what: string, act: () => void, become: (files: Map<string, string>) => void) {
    const files = new Map(filesNow(told));
    const began = Date.now();
    try {
      act();
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return false;
      throw error;
    }
    become(files);
    remember(told, what, began, files);
    return true;
  }

  /** What a hand does not know of, it must not write over: the daemon may put a save back at this very moment. */
  const isKnown = (told: Told, path: string) => filesNow(told).has(path);

  function write(told: Told, path: string, text: string, how: string): void {
    let fd = -1;
    const flags = isKnown(told, path) ? "w" : "wx";
    step(
      told,
      `${how}: cut ${path}`,
      () => {
        fd = openSync(full(path), flags);
      },
      (files) => files.set(path, ""),
    );
    step(
      told,
      `${how}: write ${path}`,
      () => writeSync(fd, text),
      (files) => files.set(path, text),
    );
    closeSync(fd);
  }

  async function writeInHalves(told: Told, path: string, text: string, pause_ms: number): Promise<void> {
    const fd = openSync(full(path), isKnown(told, path) ? "a" : "ax");
    const cut = Math.floor(text.length * (0.2 + 0.6 * (pause_ms % 10) * 0.1));
    step(
      told,
      `in halves: cut ${path}`,
      () => ftruncateSync(fd),
      (files) => files.set(path, ""),
    );
    const written = (half: string) => (files: Map<string, string>) => files.set(path, half);
    step(
      told,
      `in halves: begin ${path}`,
      () => writeSync(fd, text.slice(0, cut)),
      written(text.slice(0, cut)),
    );
    await delay(pause_ms);
    step(told, `in halves: end ${path}`, () => writeSync(fd, text.slice(cut)), written(text));
    closeSync(fd);
  }

  async function writeAndRename(told: Told, path: string, text: string, pause_ms: number): Promise<void> {
    const temporary = full(join(dirname(path), `.${basename(path)}.tmp`));
    writeFileSync(temporary, text);
    await delay(pause_ms);
    while (notice(told, path)) await delay(BACK_MS);
    if (!isKnown(told, path)) {
      rmSync(temporary);
      return write(told, path, text, "by rename, new");
    }
    step(
      told,
      `by rename: ${path}`,
      () => renameSync(temporary, full(path)),
      (files) => files.set(path, text),
    );
  }

  /** Fails with `EEXIST` where something has come that the hand does not know of. */
  async function save(told: Told, path: string, text: string, way: Way, pause_ms: number): Promise<void> {
    if (way === "in place") return write(told, path, text, way);
    if (way === "in halves") return writeInHalves(told, path, text, pause_ms);
    if (way === "by rename") return writeAndRename(told, path, text, pause_ms);
    if (way === "by backup") {
      const backup = `${path}~`;
      step(told, `${way}: move ${path}`, () => renameSync(full(path), full(backup)), gone(path));
      await delay(pause_ms % 20);
      write(told, path, text, way);
      rmSync(full(backup), { force: true });
      return;
    }
    step(told, `${way}: ${path}`, () => unlinkSync(full(path)), gone(path));
    await delay(pause_ms % 20);
    write(told, path, text, way);
  }

  const gone = (path: string) => (files: Map<string, string>) => files.delete(path);

  return {
    async save(told, path, text, way, pause_ms) {
      for (;;) {
        // What is gone for a moment only is what this save replaces.
        while (notice(told, path)) await delay(BACK_MS);
        mkdirSync(dirname(full(path)), { recursive: true });
        try {
          return await save(told, path, text, way, pause_ms);
        } catch (error) {
          if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
        }
      }
    },

    move(told, from, to) {
      notice(told, from);
      mkdirSync(dirname(full(to)), { recursive: true });
      if (existsSync(full(to))) return false;
      const become = (files: Map<string, string>) => {
        files.set(to, files.get(from) ?? textAt({ vault }, to) ?? "");
        files.delete(from);
      };
      return step(told, `move ${from} to ${to}`, () => renameSync(full(from), full(to)), become);
    },

    remove(told, path) {
      notice(told, path);
      step(told, `remove ${path}`, () => unlinkSync(full(path)), gone(path));
    },

    open(told, path) {
      notice(told, path);
      const text = textAt({ vault }, path);
      // The daemon has written into it, or has written it again.
      if (text !== null && text !== filesNow(told).get(path)) {
        remember(told, `found otherwise: ${path}`, lately(told), new Map(filesNow(told)).set(path, text));
      }
      return text;
    },

    litter(told, path) {
      const folder = dirname(path);
      for (const name of [`.${basename(path)}.swp`, "4913", `${basename(path)}~`, `#${basename(path)}#`]) {
        const leftover = join(folder, name);
        writeFileSync(full(leftover), told.buffer.slice(0, 80));
        if (name === "4913") unlinkSync(full(leftover));
        else told.leftovers.add(leftover);
      }
    },

    isThere: (path) => existsSync(full(path)),
  };
}
