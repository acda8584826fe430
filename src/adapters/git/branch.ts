import { createHash } from "node:crypto";
import { type Git, GitFailed } from "./git.ts";
import type { Index } from "./isolated-index.ts";
import { isIndexLocked, isUnfinished, Obstacle } from "./repository.ts";

/** The branch that is checked out, whatever it is: a branch, one without commits yet, or a detached HEAD. */
export interface Branch {
  /** The commit that the branch stands at; null when it has none yet. */
  head(): Promise<string | null>;
  /** Throws an `Obstacle` while the branch should not be touched. */
  assertFree(): void;
  /**
   * Moves the branch from `parent` to `tip`. Rejects with an `Obstacle`, the branch unmoved, when it no longer stands at
   * `parent`, when the index is held, or when a merge has begun.
   */
  advance(
    tip: string,
    parent: string | null,
    contents: ReadonlyMap<string, Uint8Array | null>,
  ): Promise<void>;
  /** Makes the index agree with the branch for these paths, if the branch holds `tip`. Safe to repeat. */
  settle(tip: string, paths: readonly string[]): Promise<void>;
}

/**
 * The person's own branch and index.
 *
 * Not `git commit --only`: it takes what is on disk by then, runs the repository's filters, and cannot be tied to the
 * commit that it builds on. Instead the new commits are made aside, and two steps publish them:
 *
 * 1. the index, under git's own `index.lock`, gets our paths and keeps every other entry as it is;
 * 2. the branch moves by compare-and-set.
 *
 * In this order, because the index may be ahead of the branch without harm: a commit of the person's in between would
 * only contain our notes early. An index behind the branch would make their next commit delete or revert our notes.
 * `settle` afterwards looks whether a `reset` or `stash` of theirs took our paths out of the index between 1 and 2; it
 * is repeated at the next start when the daemon ends before it.
 */
export function vaultBranch(git: Git, index: Index): Branch {
  function assertFree(): void {
    if (isUnfinished(git.gitDir)) throw new Obstacle("merging");
    if (isIndexLocked(git.gitDir)) throw new Obstacle("index_locked");
  }

  return {
    ...ownBranch(git),
    assertFree,
    async advance(tip, parent, contents) {
      assertFree();
      await index.update(
        [...contents].map(([path, bytes]) =>
          bytes === null ? absent(path, tip.length) : `100644 ${blobId(bytes, tip.length)}\t${path}`,
        ),
      );
      // Begun while we were at it: the branch stays, and what is in the index is what the next attempt puts there.
      if (isUnfinished(git.gitDir)) throw new Obstacle("merging");
      await moveHead(git, tip, parent);
    },
    async settle(tip, paths) {
      if (paths.length === 0 || (await agrees(git, paths)) || !(await holds(git, tip))) return;
      assertFree();
      const tree = await git.run(["ls-tree", "-z", "--full-tree", "HEAD", "--", ...paths]);
      const entries = tree.split("\0").filter((line) => line !== "");
      const present = new Set(entries.map((line) => line.slice(line.indexOf("\t") + 1)));
      const gone = paths.filter((path) => !present.has(path)).map((path) => absent(path, tip.length));
      await index.update([...gone, ...entries]);
    },
  };
}

/** The branch of a repository that nobody else writes to: no index to keep, nothing to wait for. */
export function ownBranch(git: Git): Branch {
  return {
    head: () => headOf(git),
    assertFree() {},
    advance: (tip, parent) => moveHead(git, tip, parent),
    async settle() {},
  };
}

/** The commit that is checked out; null when there is none yet. */
export async function headOf(git: Git): Promise<string | null> {
  try {
    return (await git.run(["rev-parse", "--verify", "--quiet", "HEAD^{commit}"])).trim();
  } catch (error) {
    if (error instanceof GitFailed && error.exit === 1) return null;
    throw error;
  }
}

async function moveHead(git: Git, tip: string, parent: string | null): Promise<void> {
  try {
    // An empty old value means that the branch must not exist yet.
    await git.run(["update-ref", "-m", "countersign: record", "HEAD", tip, parent ?? ""]);
  } catch (error) {
    const now = await headOf(git);
    // Stopped after it had done its work.
    if (now === tip) return;
    throw now === parent ? error : new Obstacle("branch_moved");
  }
}

/** Whether the commit is part of the branch. */
export async function holds(git: Git, commit: string): Promise<boolean> {
  return succeeds(git, ["merge-base", "--is-ancestor", commit, "HEAD"]);
}

function agrees(git: Git, paths: readonly string[]): Promise<boolean> {
  return succeeds(git, ["diff-index", "--cached", "--quiet", "--no-ext-diff", "HEAD", "--", ...paths]);
}

/** For questions that git answers by its exit code; a commit that is gone counts as a no. */
async function succeeds(git: Git, args: readonly string[]): Promise<boolean> {
  try {
    await git.run(args);
    return true;
  } catch (error) {
    if (error instanceof GitFailed && (error.exit === 1 || error.exit === 128)) return false;
    throw error;
  }
}

function absent(path: string, idLength: number): string {
  return `0 ${"0".repeat(idLength)}\t${path}`;
}

/** The object id git gives these bytes; the repository's hash shows in the length of its ids. */
function blobId(bytes: Uint8Array, idLength: number): string {
  const hash = createHash(idLength === 64 ? "sha256" : "sha1");
  return hash.update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
}
