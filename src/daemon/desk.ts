import type { Problem } from "../core/codes.ts";
import type { Request, RequestId } from "../core/request.ts";
import { tellShadow } from "../core/shadow.ts";
import { soonAt } from "../core/waiting.ts";
import { isUnchangedBase, renderApprovalsBase } from "../document/approvals-base.ts";
import { type DashboardData, isDashboardOf, renderDashboard } from "../document/dashboard.ts";
import { createLately } from "./lately.ts";
import type { Clock, ClockGuard, Folder, HaltSwitch, Ledger, Log, Vault } from "./ports.ts";

/** At most one rewrite of the dashboard in this time. */
const REWRITE_MS = 1_000;
/** Timers far away are set again on the way. */
const LONGEST_MS = 86_400_000;

/** What can be in trouble. */
type Trouble = "history" | "watching" | "policy" | "people" | "messages" | "limits";

export type Desk = ReturnType<typeof createDesk>;

export interface DeskPorts {
  readonly ledger: Ledger;
  readonly vault: Vault;
  readonly clock: Clock;
  readonly log: Log;
  readonly halt: Pick<HaltSwitch, "isHalted">;
  readonly guard: Pick<ClockGuard, "notice">;
  /** Whether the vault's repository is in the middle of a merge or rebase. */
  readonly merging: () => boolean;
  /** The kinds of action for which nobody is asked. */
  readonly shadow: () => readonly string[];
  readonly host: string;
  /** Folder names below the vault's root. */
  readonly folders: Readonly<Record<Folder | "done", string>>;
}

/** What the reviewer's dashboard is made of, and its writing: at once, but at most once a second. */
export function createDesk(ports: DeskPorts) {
  const problems = new Map<RequestId, readonly Problem[]>();
  const lately = createLately(ports);
  let strangers: readonly string[] = [];
  let otherHosts: readonly { name: string; host: string }[] = [];
  let unadopted: DashboardData["unadopted"] = [];
  let moved: ReadonlyMap<RequestId, string> = new Map();
  /** Why something does not work as it should, in a sentence, by what it is about. */
  const troubles = new Map<Trouble, string>();
  let writtenAt = Number.NEGATIVE_INFINITY;
  let cancel: (() => void) | null = null;
  /** Takes back the waking for the next request whose time will be nearly over. */
  let cancelSoon: (() => void) | null = null;
  let writing: Promise<void> = Promise.resolve();
  let stopped = false;
  /** The dashboard's file; null where there can be none, undefined before the first one. */
  let name: string | null | undefined;
  let hasBase = false;

  async function write(): Promise<void> {
    const now = ports.clock.now();
    writtenAt = now;
    try {
      const shown = await lately.read();
      const open = await ports.ledger.open();
      const soon = findSoon(open, now);
      if (!hasBase)
        await ports.vault.writeOwn("Approvals.base", renderApprovalsBase(ports.folders), isUnchangedBase);
      hasBase = true;
      const notices = [...noticesOf(ports), ...troubles.values()];
      const { host } = ports;
      const found = { strangers, unadopted, otherHosts, moved };
      await writeText(renderDashboard({ host, open, soon, problems, ...shown, ...found, notices }));
    } catch (error) {
      ports.log.warn(
        { err: error },
        "the dashboard could not be written; it is tried again with the next change",
      );
    }
  }

  /** Where the vault's `Dashboard.md` is a person's own, or another host's, this host's has another name. */
  async function writeText(text: string): Promise<void> {
    const isOwn = (there: string) => isDashboardOf(ports.host, there);
    const before = name;
    name = null;
    for (const candidate of ["Dashboard.md", `Dashboard ${ports.host}.md`]) {
      if (name === null && (await ports.vault.writeOwn(candidate, text, isOwn))) name = candidate;
    }
    if (name === before || name === "Dashboard.md") return;
    const said = name === null ? "there is no dashboard" : `the dashboard is ${name}`;
    ports.log.warn({}, `${said}, because the vault has a Dashboard.md that is not this daemon's`);
  }

  /** The requests whose time is nearly over; for the next one to become that, the dashboard is written again then. */
  function findSoon(open: readonly Request[], now: number): ReadonlySet<RequestId> {
    const waiting = open.filter(({ status }) => status === "pending");
    const times = waiting.map((request) => ({ id: request.submission.fields.id, at: soonAt(request) }));
    const next = times.reduce((least, { at }) => (at > now ? Math.min(least, at) : least), now + LONGEST_MS);
    cancelSoon?.();
    cancelSoon = stopped || waiting.length === 0 ? null : ports.clock.after(next - now, refresh);
    return new Set(times.filter(({ at }) => at <= now).map(({ id }) => id));
  }

  function refresh(): void {
    if (cancel !== null || stopped) return;
    // A clock that was set back must not hold it up.
    const wait = Math.min(REWRITE_MS, Math.max(0, writtenAt + REWRITE_MS - ports.clock.now()));
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
    /** What a full look has found; `unknown` notes have a request's name and, as they say, a host. */
    setScan(found: {
      strangers: readonly string[];
      unknown: readonly { name: string; host: string | null }[];
      moved: ReadonlyMap<RequestId, string>;
    }): void {
      otherHosts = found.unknown.flatMap(({ name, host }) =>
        host === null || host === ports.host ? [] : [{ name, host }],
      );
      const own = found.unknown.filter(({ host }) => host === null || host === ports.host);
      strangers = [...found.strangers, ...own.map((one) => one.name)];
      moved = found.moved;
      refresh();
    },
    /** Foreign notes that could not be made into requests, and why. */
    setUnadopted(found: DashboardData["unadopted"]): void {
      unadopted = found;
      refresh();
    },
    /** Why the git history is behind, or changes are not told of, in a sentence; null when all is well. */
    setNotice(about: Trouble, text: string | null): void {
      if (text === null) troubles.delete(about);
      else troubles.set(about, text);
      refresh();
    },

    /** Resolves when no writing is under way. */
    settled: () => writing,

    /** Writes what is known now, and nothing from then on. */
    async stop(): Promise<void> {
      stopped = true;
      cancel?.();
      cancel = null;
      writing = writing.then(write);
      await writing;
      lately.stop();
    },
  };
}

/** What concerns the whole desk. */
function noticesOf({ halt, guard, merging, shadow }: DeskPorts): string[] {
  const clock = guard.notice();
  const inShadow = tellShadow(shadow());
  return [
    ...(clock === null ? [] : [clock]),
    ...(halt.isHalted()
      ? ["All executions are halted: what is approved waits until somebody runs `countersign resume`."]
      : []),
    ...(inShadow === null ? [] : [inShadow]),
    ...(merging()
      ? ["The vault's git repository is in a merge or rebase: only rejections count until it is finished."]
      : []),
  ];
}
