import { GitFailed } from "./git.ts";
import { Obstacle } from "./repository.ts";

/** What keeps the history from catching up, in words for the dashboard. Nothing is lost: the journal has it all. */
const HISTORY_PROBLEMS = {
  merging: {
    means: "The git history waits: the vault's repository is in the middle of a merge or rebase.",
    hint: "Finish it (`git status` says how), or abort it.",
  },
  index_locked: {
    means: "The git history waits: another git process holds the vault's index.",
    hint: "If none is running, a crashed one left `.git/index.lock`; delete it.",
  },
  branch_moved: {
    means: "The git history waits: other commits keep coming in between.",
    hint: "Nothing to do; it goes on when they pause.",
  },
  git_missing: { means: "The git history waits: git is not installed.", hint: "Install git 2.32 or newer." },
  git_failed: {
    means: "The git history waits: git failed.",
    hint: "`git fsck` in the vault's repository shows whether it is damaged.",
  },
  behind: {
    means: "More happened at once than the git history holds in memory.",
    hint: "Nothing to do; the rest is read again from the journal.",
  },
  path_refused: {
    means: "A path cannot be in git, so the history tells of the event without it.",
    hint: "Choose folder names without `..` and `.git` in the configuration.",
  },
} as const;

export interface HistoryProblem {
  readonly code: keyof typeof HISTORY_PROBLEMS;
  readonly message: string;
  readonly hint: string;
}

export function historyProblem(code: HistoryProblem["code"], cause: unknown = null): HistoryProblem {
  const { means, hint } = HISTORY_PROBLEMS[code];
  const said = code === "git_failed" && cause instanceof Error ? ` ${cause.message}` : "";
  return { code, message: means + said, hint };
}

export function codeOf(error: unknown): HistoryProblem["code"] {
  return error instanceof Obstacle || error instanceof GitFailed ? error.code : "git_failed";
}
