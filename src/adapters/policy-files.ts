import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  writeSync,
} from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";

/** A policy is written by hand; anything larger is the wrong file. */
const SIZE_LIMIT_BYTES = 1024 * 1024;

interface FoundText {
  readonly id: string;
  readonly name: string;
  readonly text: string;
}

/**
 * Reads the files of one policy. Relative paths start at `cwd`, and inside a file at that file; names are told from the
 * folder of the policy's own file, so that they are the same wherever the policy lies. Nothing in `forbidden` is read.
 */
export function createPolicyReader(
  cwd: string,
  forbidden: string | null = null,
): (name: string, from: string | null) => FoundText | { because: string } {
  let root: string | null = null;
  const isForbidden = (id: string) =>
    forbidden !== null && !relative(realpathSync(forbidden), id).startsWith(`..${sep}`);
  return (name, from) => {
    const path = from === null ? resolve(cwd, name) : resolve(dirname(from), name);
    try {
      const id = realpathSync(path);
      if (isForbidden(id)) return { because: "it lies in the vault, where agents write" };
      const bytes = readFileSync(id);
      if (bytes.byteLength > SIZE_LIMIT_BYTES) return { because: "it is larger than 1 MiB" };
      // A file that is read on its own begins a policy; what it extends is named from there.
      if (from === null) root = dirname(id);
      const told = relative(root ?? dirname(id), id)
        .split(sep)
        .join("/");
      return { id, name: told, text: new TextDecoder("utf-8", { fatal: true }).decode(bytes) };
    } catch (error) {
      return { because: reasonOf(error) };
    }
  };
}

/**
 * Keeps every policy that was ever in force, in a folder of the state directory: `<sha256>.json` holds the JSON of
 * `[[name, text], …]`, and the file's own SHA-256 is the snapshot that requests name.
 */
export function createPolicyShelf(state: string) {
  const folder = join(state, "policies");
  return (snapshot: string, texts: readonly { readonly name: string; readonly text: string }[]): void => {
    const file = join(folder, `${snapshot.replace(/^sha256:/, "")}.json`);
    if (existsSync(file)) return;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const unfinished = `${file}.unfinished`;
    writeDurably(unfinished, JSON.stringify(texts.map(({ name, text }) => [name, text])));
    renameSync(unfinished, file);
    syncFolder(folder);
    syncFolder(state);
  };
}

function writeDurably(file: string, text: string): void {
  const handle = openSync(file, "w", 0o600);
  try {
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; ) at += writeSync(handle, bytes, at);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function syncFolder(folder: string): void {
  const handle = openSync(folder, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function reasonOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (code === "ENOENT" || code === "ENOTDIR") return "it is not there";
  return code.startsWith("ERR_ENCODING") ? "it is not UTF-8 text" : `it cannot be opened (${code})`;
}
