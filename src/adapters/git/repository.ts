import { readFileSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { GitFailed, hardenedGit } from "./git.ts";

export type HistoryMode = "auto" | "vault" | "separate" | "off";

/** Where the history goes: the vault's own repository, one in the state directory, or nowhere and why. */
export type HistoryHome =
  | { readonly kind: "vault"; readonly gitDir: string }
  | { readonly kind: "separate" }
  | { readonly kind: "off"; readonly because: "configured" | "git_missing" | "no_repository" };

/** Something of the person's that has to end before the history can go on; waiting helps, forcing would harm. */
export class Obstacle extends Error {
  readonly code: "merging" | "index_locked" | "branch_moved";
  constructor(code: Obstacle["code"]) {
    super(code);
    this.name = "Obstacle";
    this.code = code;
  }
}

/** Files and folders that git keeps in its directory while a merge, rebase, pick or revert is unfinished. */
const UNFINISHED = ["MERGE_HEAD", "rebase-merge", "rebase-apply", "CHERRY_PICK_HEAD", "REVERT_HEAD"];

/** Longer than any path; a `.git` beyond it is not what git wrote. */
const GITFILE_BYTES = 8_192;

/**
 * Which repository holds the history. Never one that is merely around the vault: only a repository whose root the vault
 * is. Answers rather than rejects when git is not installed (`git_missing`), or when the vault's own repository was
 * asked for and there is none (`no_repository`).
 */
export async function historyMode(
  vaultDir: string,
  configured: HistoryMode,
  path: string,
): Promise<HistoryHome> {
  if (configured === "off") return { kind: "off", because: "configured" };
  const own = configured === "separate" ? null : gitDirAt(resolve(vaultDir));
  const git = hardenedGit({ gitDir: own ?? "/dev/null", workTree: resolve(vaultDir), path });
  try {
    await git.run(own === null ? ["version"] : ["rev-parse", "--git-dir"]);
    if (own !== null) return { kind: "vault", gitDir: own };
  } catch (error) {
    if (error instanceof GitFailed && error.code === "git_missing") {
      return { kind: "off", because: "git_missing" };
    }
  }
  return configured === "vault" ? { kind: "off", because: "no_repository" } : { kind: "separate" };
}

/**
 * Whether the repository that holds the vault, its own or one around it, is in a merge, rebase, cherry-pick or revert.
 * Starts no process and reads a few directory entries, so it can be asked at every look. Never throws.
 */
export function isMerging(vaultDir: string): boolean {
  const gitDir = gitDirAround(resolve(vaultDir));
  return gitDir !== null && isUnfinished(gitDir);
}

/** The same for a known git directory. */
export function isUnfinished(gitDir: string): boolean {
  return UNFINISHED.some((name) => entryAt(join(gitDir, name)) !== null);
}

/** Whether another git process holds the index. */
export function isIndexLocked(gitDir: string): boolean {
  return entryAt(join(gitDir, "index.lock")) !== null;
}

function gitDirAround(directory: string): string | null {
  const found = gitDirAt(directory);
  if (found !== null) return found;
  const parent = dirname(directory);
  return parent === directory ? null : gitDirAround(parent);
}

function gitDirAt(directory: string): string | null {
  const path = join(directory, ".git");
  const entry = entryAt(path);
  if (entry?.isDirectory()) return path;
  // Size and kind come first: a pipe or a huge file of that name must not hold up the daemon.
  if (!entry?.isFile() || entry.size > GITFILE_BYTES) return null;
  const named = /^gitdir: (.+?)[\r\n]*$/.exec(readText(path))?.[1];
  if (named === undefined) return null;
  const gitDir = resolve(directory, named);
  return entryAt(gitDir)?.isDirectory() ? gitDir : null;
}

function entryAt(path: string) {
  try {
    return statSync(path, { throwIfNoEntry: false }) ?? null;
  } catch {
    return null;
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
