import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { RequestId } from "../../src/core/request.ts";

/** What a person does to the notes of a vault with an editor and a file manager, whether the daemon runs or not. */
export interface Person {
  /** All files by path below the vault's root, the dashboard and the table left out. */
  files(): Map<string, string>;
  /** The note's path, wherever in the vault it is; everywhere here, any other file goes by its path. */
  find(id: RequestId): string;
  read(path: string): string;
  write(path: string, text: string): void;
  edit(id: RequestId, change: (text: string) => string): void;
  /** To a folder, or to a path with another name. */
  move(id: RequestId, to: string): void;
  remove(id: RequestId): void;
  /** The last note that was removed goes back to where it was. */
  restore(id: RequestId): void;
  /** An editor opens the note, and keeps what it read. */
  open(id: RequestId): void;
  /** That editor saves what it has under the old path, whatever happened there meanwhile. */
  save(id: RequestId, change: (text: string) => string): void;
  copy(id: RequestId, path: string): void;
}

const DESK: ReadonlySet<string> = new Set(["Dashboard.md", "Approvals.base"]);

export function createPerson(root: string): Person {
  const buffers = new Map<RequestId, { path: string; text: string }>();
  const bin = new Map<RequestId, { path: string; text: string }>();
  const read = (path: string) => readFileSync(join(root, path), "utf8");

  function write(path: string, text: string): void {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }

  function paths(): string[] {
    return readdirSync(root, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !DESK.has(entry.name))
      .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
      .sort();
  }

  function find(id: RequestId): string {
    if (id.includes("/")) return id;
    const path = paths().find((one) => one.endsWith(`/${id}.md`));
    if (path === undefined) throw new Error(`there is no note ${id}`);
    return path;
  }

  const noteOf = (id: RequestId) => {
    const path = find(id);
    return { path, text: read(path) };
  };

  return {
    files: () => new Map(paths().map((path) => [path, read(path)])),
    find,
    read,
    write,
    edit(id, change) {
      const { path, text } = noteOf(id);
      write(path, change(text));
    },
    move(id, to) {
      const path = find(id);
      const target = join(root, /\.md$/i.test(to) ? to : join(to, basename(path)));
      mkdirSync(dirname(target), { recursive: true });
      renameSync(join(root, path), target);
    },
    remove(id) {
      const note = noteOf(id);
      bin.set(id, note);
      rmSync(join(root, note.path));
    },
    restore(id) {
      const note = bin.get(id);
      if (note === undefined) throw new Error(`the note of ${id} was not deleted`);
      write(note.path, note.text);
    },
    open: (id) => void buffers.set(id, noteOf(id)),
    save(id, change) {
      const buffer = buffers.get(id);
      if (buffer === undefined) throw new Error(`no editor has ${id} open`);
      write(buffer.path, change(buffer.text));
    },
    copy: (id, path) => write(path, noteOf(id).text),
  };
}

/** Lines set the property that they begin with: `decision: approved`. */
export function typing(lines: readonly string[]): (text: string) => string {
  return (before) =>
    lines.reduce((text, line) => {
      const property = new RegExp(`^${line.slice(0, line.indexOf(":"))}:.*$`, "m");
      return changed(
        text,
        text.replace(property, () => line),
        line,
      );
    }, before);
}

export function marking(box: string, from: string, to: string): (text: string) => string {
  const line = (mark: string) => `- [${mark}] ${box}\n`;
  return (text) => changed(text, text.replace(line(from), line(to)), box);
}

/** A change as a diff tells it: `- ` lines that stand together are replaced by the `+ ` lines behind them. */
export function editing(diff: readonly string[]): (text: string) => string {
  const hunks: { old: string[]; now: string[] }[] = [];
  for (const [i, line] of diff.entries()) {
    const isOld = line.startsWith("-");
    if (i === 0 || (isOld && diff[i - 1]?.startsWith("+"))) hunks.push({ old: [], now: [] });
    hunks.at(-1)?.[isOld ? "old" : "now"].push(line.slice(2));
  }
  return (before) =>
    hunks.reduce((text, { old, now }) => {
      const [gone, come] = [old, now].map((lines) => lines.map((line) => `${line}\n`).join(""));
      if (old.length === 0) return text + come;
      return changed(
        text,
        text.replace(gone ?? "", () => come ?? ""),
        old.join("\n"),
      );
    }, before);
}

function changed(before: string, after: string, what: string): string {
  if (before === after) throw new Error(`the note does not have: ${what}`);
  return after;
}
