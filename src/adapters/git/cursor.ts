import { readFile, rename, writeFile } from "node:fs/promises";
import { type AuditHead, auditHeads } from "../../document/commit-message.ts";
import { headOf, holds } from "./branch.ts";
import type { Git } from "./git.ts";

/** A journal record in the history, and the commit that has it; null before the first. */
export interface Recorded extends AuditHead {
  readonly commit: string | null;
}

/** How far the history is known to have come; kept in the state directory. */
export interface Cursor extends Recorded {
  /** Written before the branch moves: paths whose index entries may still have to follow it to `tip`. */
  readonly unsettled: { readonly tip: string; readonly paths: readonly string[] } | null;
}

/** Whether the journal has a record of that number and hash: commit messages are only claims. */
export type IsGenuine = (seq: number, hash: string) => Promise<boolean>;

const NONE: Recorded = { seq: 0, hash: "", commit: null };

/** Far more commits than one batch holds, so that other hosts' commits in between do not hide ours. */
const COMMITS_LOOKED_AT = 1_000;

export function cursorFile(path: string, gitDir: string) {
  return {
    /** Starts anew when there is no cursor, when it is unreadable, or when it is about another repository. */
    async read(): Promise<Cursor> {
      const text = await readFile(path, "utf8").catch(() => "");
      const saved = parse(text);
      return saved?.gitDir === gitDir ? saved.cursor : { ...NONE, unsettled: null };
    },
    /** Without fsync: after a power cut the commits themselves tell how far they go. */
    async write(cursor: Cursor): Promise<void> {
      await writeFile(`${path}.new`, JSON.stringify({ gitDir, cursor }), { mode: 0o600 });
      await rename(`${path}.new`, path);
    },
  };
}

/**
 * The last journal record that the history holds, and the commit that has it: what the cursor says, corrected by what
 * the commits say. A crash between a commit and its cursor leaves the commits ahead; a branch that was reset leaves them
 * behind. Commits that are merely on another branch count as recorded.
 */
export async function lastInHistory(git: Git, cursor: Cursor, isGenuine: IsGenuine): Promise<Recorded> {
  const known = cursor.commit !== null && (await isGenuine(cursor.seq, cursor.hash)) ? cursor : NONE;
  if (known.commit !== null && (await holds(git, known.commit))) {
    return later(known, await newest(git, ["HEAD", `^${known.commit}`], isGenuine));
  }
  const onBranch = await newest(git, ["HEAD"], isGenuine);
  if (known.commit === null || onBranch.seq >= known.seq) return onBranch;
  if (await isOnAnyBranch(git, known.commit)) return known;
  return later(onBranch, await newest(git, ["--all"], isGenuine));
}

async function newest(git: Git, range: readonly string[], isGenuine: IsGenuine): Promise<Recorded> {
  if (!(await hasCommits(git))) return NONE;
  const text = await git.run([
    ...["rev-list", `--max-count=${COMMITS_LOOKED_AT}`, "--fixed-strings", "--grep=Audit-Head: "],
    ...["--format=%x00%H%n%B%x00", ...range, "--"],
  ]);
  const claims = text
    .split("\0")
    .filter((_, index) => index % 2 === 1)
    .flatMap((said) => {
      const commit = said.slice(0, said.indexOf("\n"));
      return auditHeads(said.slice(commit.length + 1)).map((head) => ({ ...head, commit }));
    })
    .sort((a, b) => b.seq - a.seq);
  for (const claim of claims) {
    if (await isGenuine(claim.seq, claim.hash)) return claim;
  }
  return NONE;
}

async function hasCommits(git: Git): Promise<boolean> {
  return (await headOf(git)) !== null;
}

async function isOnAnyBranch(git: Git, commit: string): Promise<boolean> {
  const found = await git.run(["for-each-ref", "--count=1", "--contains", commit]).catch(() => "");
  return found !== "";
}

function later(a: Recorded, b: Recorded): Recorded {
  const { seq, hash, commit } = b.seq > a.seq ? b : a;
  return { seq, hash, commit };
}

function parse(text: string): { gitDir: string; cursor: Cursor } | null {
  try {
    const { gitDir, cursor } = JSON.parse(text) as { gitDir: string; cursor: Cursor };
    return Number.isSafeInteger(cursor.seq) ? { gitDir, cursor } : null;
  } catch {
    return null;
  }
}
