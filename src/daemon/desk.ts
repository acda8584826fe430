import type { Problem } from "../core/codes.ts";
import type { Request, RequestId } from "../core/request.ts";
import { renderDashboard } from "../document/dashboard.ts";
import type { Clock, HaltSwitch, Ledger, Log, Vault } from "./ports.ts";

/** At most one rewrite of the dashboard in this time. */
const REWRITE_MS = 1_000;
/** How many finished requests the dashboard remembers. */
const RECENT = 20;

export type Desk = ReturnType<typeof createDesk>;

export interface DeskPorts {
  readonly ledger: Ledger;
  readonly vault: Vault;
  readonly clock: Clock;
  readonly log: Log;
  readonly halt: Pick<HaltSwitch, "isHalted">;
  /** Whether the vault's repository is in the middle of a merge or rebase. */
  readonly merging: () => boolean;
}

/** What the reviewer's dashboard is made of, and its writing: at once, but at most once a second. */
export function createDesk(ports: DeskPorts) {
  const problems = new Map<RequestId, readonly Problem[]>();
  const recent: Request[] = [];
  let strangers: readonly string[] = [];
  let moved: ReadonlyMap<RequestId, string> = new Map();
  /** Why something does not work as it should, in a sentence, by what it is about. */
  const troubles = new Map<"history" | "watching", string>();
  let writtenAt = Number.NEGATIVE_INFINITY;
  let cancel: (() => void) | null = null;
  let writing: Promise<void> = Promise.resolve();

  async function write(): Promise<void> {
    writtenAt = ports.clock.now();
    const open = await ports.ledger.open();
    const notices = [...noticesOf(ports), ...troubles.values()];
    try {
      await ports.vault.writeOwn(
        "Dashboard.md",
        renderDashboard({ open, problems, recent, strangers, moved, notices }),
      );
    } catch (error) {
      ports.log.warn(
        { err: error },
        "the dashboard could not be written; it is tried again with the next change",
      );
    }
  }

  function refresh(): void {
    if (cancel !== null) return;
    const wait = Math.max(0, writtenAt + REWRITE_MS - ports.clock.now());
    cancel = ports.clock.after(wait, () => {
      cancel = null;
      writing = writing.then(write);
    });
  }

  return {
    refresh,
    /** What was not understood in a request's note; an empty list when all is clear. */
    setProblems(id: RequestId, found: readonly Problem[]): void {
      if (found.length === 0 && !problems.has(id)) return;
      if (found.length === 0) problems.delete(id);
      else problems.set(id, found);
      refresh();
    },
    /** A request that was decided or came to its end. */
    addRecent(request: Request): void {
      const { id } = request.submission.fields;
      const at = recent.findIndex((one) => one.submission.fields.id === id);
      if (at !== -1) recent.splice(at, 1);
      recent.unshift(request);
      recent.length = Math.min(recent.length, RECENT);
      refresh();
    },
    setScan(found: { strangers: readonly string[]; moved: ReadonlyMap<RequestId, string> }): void {
      strangers = found.strangers;
      moved = found.moved;
      refresh();
    },
    /** Why the git history is behind, or changes are not told of, in a sentence; null when all is well. */
    setNotice(about: "history" | "watching", text: string | null): void {
      if (text === null) troubles.delete(about);
      else troubles.set(about, text);
      refresh();
    },

    /** Resolves when no writing is under way. */
    settled: () => writing,

    /** Resolves when what is known now has been written. */
    async flush(): Promise<void> {
      cancel?.();
      cancel = null;
      writing = writing.then(write);
      await writing;
    },
  };
}

/** What concerns the whole desk. */
function noticesOf({ halt, merging }: DeskPorts): string[] {
  return [
    ...(halt.isHalted()
      ? ["All executions are halted: what is approved waits until somebody runs `countersign resume`."]
      : []),
    ...(merging()
      ? ["The vault's git repository is in a merge or rebase: only rejections count until it is finished."]
      : []),
  ];
}
