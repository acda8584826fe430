import { readFileSync, realpathSync } from "node:fs";
import { dirname, relative, resolve, sep } from "node:path";

/** A policy is written by hand; anything larger is the wrong file. */
const SIZE_LIMIT_BYTES = 1024 * 1024;

interface FoundText {
  readonly id: string;
  readonly name: string;
  readonly text: string;
}

/**
 * Reads the files of one policy. Relative paths start at `cwd`, and inside a file at that file; names are told from the
 * folder of the policy's own file, so that they are the same wherever the policy lies.
 */
export function createPolicyReader(
  cwd: string,
): (name: string, from: string | null) => FoundText | { because: string } {
  let root: string | null = null;
  return (name, from) => {
    const path = from === null ? resolve(cwd, name) : resolve(dirname(from), name);
    try {
      const id = realpathSync(path);
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

function reasonOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (code === "ENOENT" || code === "ENOTDIR") return "it is not there";
  return code.startsWith("ERR_ENCODING") ? "it is not UTF-8 text" : `it cannot be opened (${code})`;
}
