import { rm } from "node:fs/promises";
import { join } from "node:path";
import { type Git, GitFailed } from "./git.ts";

/** What one commit changes, by path below the vault's root; null bytes where a file goes away. */
export interface Change {
  readonly path: string;
  readonly bytes: Uint8Array | null;
}

export interface Commit {
  readonly message: string;
  /** ISO 8601; both dates of the commit. */
  readonly at: string;
  readonly changes: readonly Change[];
}

/**
 * Writes commits, one upon the other, and gives the last one's object id; no branch, no index and no file of the work
 * tree is touched. The contents are exactly the bytes given: neither filters nor line-ending settings apply.
 *
 * One `git fast-import` for the whole chain, because it alone writes contents, folders and commits in a single process
 * without reading an index: 2–3 processes fewer a commit than `hash-object`, `write-tree` and `commit-tree`.
 */
export async function importCommits(
  git: Git,
  parent: string | null,
  commits: readonly Commit[],
): Promise<string> {
  try {
    const said = await git.run(["fast-import", "--quiet", "--done"], streamOf(parent, commits));
    return said.trim();
  } catch (error) {
    await removeCrashReport(git, error);
    throw error;
  }
}

/** Whether git takes the path as it is: relative, without `.`, `..` or empty parts, and not inside a `.git`. */
export function isPlainPath(path: string): boolean {
  return path.split("/").every((part) => part !== "" && part !== "." && part !== ".." && !isGitName(part));
}

/** The name lives only inside the stream: the `reset` at its end keeps fast-import from making a reference of it. */
const SCRATCH = "refs/countersign/import";

function streamOf(parent: string | null, commits: readonly Commit[]): Buffer {
  const parts: (Uint8Array | string)[] = [];
  for (const [index, { message, at, changes }] of commits.entries()) {
    parts.push(`commit ${SCRATCH}\nmark :${index + 1}\n`);
    parts.push(`committer Countersign <countersign@localhost> ${secondsOf(at)} +0000\n`);
    pushData(parts, Buffer.from(message));
    if (index === 0 && parent !== null) parts.push(`from ${parent}\n`);
    for (const { path, bytes } of changes) {
      if (bytes === null) parts.push(`D ${quoted(path)}\n`);
      else {
        parts.push(`M 100644 inline ${quoted(path)}\n`);
        pushData(parts, bytes);
      }
    }
    parts.push("\n");
  }
  parts.push(`get-mark :${commits.length}\nreset ${SCRATCH}\n\ndone\n`);
  return Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part) : part)));
}

function pushData(parts: (Uint8Array | string)[], bytes: Uint8Array): void {
  parts.push(`data ${bytes.length}\n`, bytes, "\n");
}

function quoted(path: string): string {
  const escaped = path.replace(/["\\]/g, "\\$&").replaceAll("\n", "\\n");
  return `"${escaped}"`;
}

function secondsOf(at: string): number {
  const milliseconds = Date.parse(at);
  return Number.isNaN(milliseconds) ? 0 : Math.max(0, Math.floor(milliseconds / 1_000));
}

function isGitName(part: string): boolean {
  return /^(?:\.git|git~\d)[ .]*$/i.test(part) || part.includes("\0");
}

async function removeCrashReport(git: Git, error: unknown): Promise<void> {
  if (!(error instanceof GitFailed) || error.pid === null) return;
  await rm(join(git.gitDir, `fast_import_crash_${error.pid}`), { force: true });
}
