import { commitMessage, continues } from "../../document/commit-message.ts";
import { type HistoryEntry, sizeOf } from "./backlog.ts";
import { type Change, type Commit, isPlainPath } from "./import.ts";

/** How long one import should take at most: what the history may lag behind, less the rest of a batch. */
const IMPORT_MS = 150;
/** Starting a process and ending its pack, whatever is in it. */
const IMPORT_BASE_MS = 10;
const MAX_COMMITS = 1_000;
const MIN_COMMITS = 8;
export const MAX_ENTRIES = 1_000;
const MAX_BYTES = 8 * 1024 * 1024;

/**
 * How many commits a batch may have. At a person's pace, and in folders of ordinary size at any pace, every transition
 * has a commit of its own. Writing a folder's list of 10,000 names anew costs about 8 ms a commit, so there a crowd of
 * transitions shares fewer.
 */
export function createPace() {
  let commitMs = 0.5;
  return {
    commits: () => Math.max(MIN_COMMITS, Math.min(MAX_COMMITS, Math.floor(IMPORT_MS / commitMs))),
    /** Learns from an import of so many commits. */
    took(commits: number, ms: number): void {
      const now = Math.max(0.1, (ms - IMPORT_BASE_MS) / commits);
      commitMs = (commitMs + now) / 2;
    },
  };
}

/**
 * The entries as commits, in order, at most so many; entries that do not fit are left for the next batch. A commit is
 * shared only by entries that do not change the same path, so that no content is passed over.
 */
export function inCommits(entries: readonly HistoryEntry[], limit: number): HistoryEntry[][] {
  const share = Math.ceil(entries.length / limit);
  const groups: HistoryEntry[][] = [];
  let paths = new Set<string>();
  let bytes = 0;
  for (const entry of entries) {
    const group = groups.at(-1);
    bytes += sizeOf(entry);
    if (bytes > MAX_BYTES && group !== undefined) break;
    const touched = entry.changes.map(({ path }) => path);
    const joins = continues(group?.at(-1), entry);
    if (group === undefined || (group.length >= share && !joins) || touched.some((path) => paths.has(path))) {
      if (groups.length === limit) break;
      groups.push([entry]);
      paths = new Set(touched);
    } else {
      group.push(entry);
      for (const path of touched) paths.add(path);
    }
  }
  return groups;
}

/** One commit for one or several entries, dated by the last of them. */
export function toCommit(group: readonly HistoryEntry[]): Commit {
  return {
    message: commitMessage(group),
    at: group.at(-1)?.record.event.at ?? "",
    changes: group.flatMap(({ changes }) => changes.filter(({ path }) => isPlainPath(path))),
  };
}

/** What the changes amount to, per path. */
export function finalContents(commits: readonly Commit[]): Map<string, Uint8Array | null> {
  const all: readonly Change[] = commits.flatMap(({ changes }) => changes);
  return new Map(all.map(({ path, bytes }) => [path, bytes]));
}
