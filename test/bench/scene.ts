import { mkdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { clock } from "../../src/adapters/clock.ts";
import { type History, openHistory } from "../../src/adapters/git/history.ts";
import { openHaltSwitch } from "../../src/adapters/halt-switch.ts";
import { openOtherTexts } from "../../src/adapters/other-texts.ts";
import { createRandom } from "../../src/adapters/random.ts";
import { openVault } from "../../src/adapters/vault/vault.ts";
import { watchFolders } from "../../src/adapters/watcher.ts";
import { createApplication } from "../../src/application/application.ts";
import { NO_CAPS } from "../../src/application/caps.ts";
import { idOfName } from "../../src/core/id.ts";
import { NOBODY } from "../../src/core/people.ts";
import { createChronicle } from "../../src/daemon/chronicle.ts";
import { createDaemon } from "../../src/daemon/daemon.ts";
import { createDesk } from "../../src/daemon/desk.ts";
import type { Job, Ledger, Outcome, Vault } from "../../src/daemon/ports.ts";
import { createCommandHandler } from "../../src/handlers/command.ts";
import { openGrantKeys } from "../../src/handlers/grant.ts";
import { createToken, tokenMatches } from "../../src/handlers/requester-token.ts";
import { diskFiles } from "../../src/ledger/disk-files.ts";
import type { JournalFile, JournalFiles } from "../../src/ledger/files.ts";
import { openJournal } from "../../src/ledger/journal.ts";
import { serveHttp } from "../../src/surfaces/http/server.ts";
import { now, until } from "./machine.ts";

export const FOLDERS = {
  pending: "Pending_Approval",
  approved: "Approved",
  rejected: "Rejected",
  done: "Done",
};

/** What one decision passes, in order; in ms of the monotonic clock. */
export interface Marks {
  /** The watcher told of the note. */
  event?: number;
  /** Read, parsed and decided; the records were handed to the ledger. */
  decided?: number;
  /** The decision and the start are on the disk. */
  durable?: number;
  handler?: number;
  handled?: number;
  /** The outcome is on the disk. */
  outcome?: number;
  /** The finished note is in `Done/`, the waiting one gone. */
  done?: number;
}

export type Kind = "module" | "command";
export type Scene = Awaited<ReturnType<typeof openScene>>;

/**
 * A whole daemon in this process, on real folders, a real journal and the real watcher. What is measured is measured by
 * standing between the daemon and its ports: ledger, vault, watcher and handlers.
 */
export async function openScene(base: string, { git }: { git: boolean }) {
  const root = join(base, "vault");
  const state = join(base, "state");
  mkdirSync(root, { recursive: true });
  mkdirSync(state, { recursive: true, mode: 0o700 });

  let amount = 0;
  const marks = new Map<string, Marks>();
  const mark = (id: string | null, name: keyof Marks) => {
    const found = id === null ? undefined : marks.get(id);
    if (found !== undefined) found[name] ??= now();
  };
  const journalSyncs = { count: 0 };
  const archived = { count: 0 };

  const log = { info() {}, warn() {}, error: (data: unknown) => console.error(data) };
  const journal = await openJournal({
    directory: state,
    files: countingSyncs(diskFiles(state), journalSyncs),
  });
  const ledger: Ledger = {
    async append(id, expected, events, options) {
      const type = events[0]?.type;
      if (type === "approved") mark(id, "decided");
      const request = await journal.append(id, expected, events, options);
      if (request.status === "executing") mark(id, "durable");
      else if (type === "executed") mark(id, "outcome");
      else if (type === "archived") archived.count += 1;
      return request;
    },
    read: (id) => journal.read(id),
    open: () => journal.open(),
    findAsked: (...asked) => journal.findAsked(...asked),
    findRefused: (...asked) => journal.findRefused(...asked),
    findRetry: (previous) => journal.findRetry(previous),
    findKey: (requester, key) => journal.findKey(requester, key),
    head: () => journal.head(),
    lastBefore: (time) => journal.lastBefore(time),
    records: (after) => journal.records(after),
    follow: (listener) => journal.follow(listener),
    close: () => journal.close(),
  };
  const folder = openVault({ root, folders: FOLDERS, staging: [join(state, "staging")] });
  const vault: Vault = {
    ...folder,
    async archive(id, from, final) {
      const moved = await folder.archive(id, from, final);
      mark(id, "done");
      return moved;
    },
  };

  const commands = createCommandHandler();
  const shutdown = new AbortController();
  const handlers: Record<Kind, (job: Job) => Promise<Outcome>> = {
    module: async () => ({ status: "executed", result: { receipt: "R-1" } }),
    // Prints when it runs, by the wall clock, so that its own start can be told from the handler's.
    command: (job) =>
      commands.execute(
        job,
        { run: ["/bin/date", "+%s.%N"], cwd: "/", env: {}, timeout_ms: 60_000 },
        shutdown.signal,
      ),
  };
  const kinds = new Map(
    Object.entries(handlers).map(([name, handle]) => [
      name,
      {
        handler: async (job: Job) => {
          mark(job.id, "handler");
          const outcome = await handle(job);
          mark(job.id, "handled");
          return outcome;
        },
        limits: { grant_ms: 0, execute_by_ms: 86_400_000 },
        editable: [],
        checkParams: () => [],
        effect: "unsafe" as const,
        title: null,
        next_effect: "transfers {amount_cents} cents to {payee}",
        tags: [],
        shadow: false,
        expires_ms: 86_400_000,
      },
    ]),
  );
  const kind = (name: string) => kinds.get(name) ?? null;

  const halt = openHaltSwitch(state, clock.now);
  const merging = () => false;
  const guard = { isFrozen: () => false, notice: () => null, accept() {} };
  const desk = createDesk({
    ledger,
    vault,
    clock,
    log,
    halt,
    guard,
    merging,
    shadow: () => [],
    host: "bench",
    folders: FOLDERS,
  });
  const chronicle = createChronicle({ ledger, vault, clock, folders: FOLDERS });
  const daemon = createDaemon({
    ledger,
    vault,
    clock,
    chronicle,
    guard,
    halt,
    desk,
    log,
    kind,
    otherTexts: openOtherTexts(state),
    policy: { judge: () => null, hold: () => () => {} },
    people: () => NOBODY,
    merging,
    settle_ms: 2_000,
    settle_ticks_ms: 0,
    folders: FOLDERS,
  });
  const keys = await openGrantKeys(state);
  const application = createApplication({
    daemon,
    ledger,
    clock,
    guard,
    halt,
    switches: { async record() {}, read: async () => [] },
    grants: { issue: keys.issue, verify: keys.verify, tokenMatches, publicKey: () => keys.publicKey },
    random: createRandom(),
    createToken,
    host: "bench",
    kind,
    kinds: [...kinds.keys()],
    policy: { judge: () => null, hold: () => () => {} },
    people: () => NOBODY,
    caps: NO_CAPS,
    retry: { cool_down_ms: 0, max_attempts: 5 },
    about: { version: "0", pid: process.pid, vault: root, state },
  });
  const sockets = { agent: join(base, "agent/socket"), reviewer: join(base, "reviewer/socket") };
  const http = await serveHttp(application, { sockets, onBug: log.error });
  let history: History | null = null;
  if (git) {
    history = openHistory({
      vaultDir: root,
      stateDir: state,
      home: { kind: "separate" },
      path: process.env.PATH ?? "",
      replay: chronicle.replay,
      isGenuine: chronicle.isGenuine,
      onProblem: (problem) => problem !== null && console.error(problem),
    });
    chronicle.deliverTo(history.record);
  }
  const folders = ["pending", "approved", "rejected"] as const;
  const watcher = watchFolders(
    folders.map((folder) => join(root, FOLDERS[folder])),
    {
      onFile(path) {
        const name = basename(path);
        mark(idOfName(name), "event");
        const folder = folders.find((one) => join(root, FOLDERS[one]) === dirname(path));
        if (folder !== undefined) daemon.hint({ folder, name });
      },
      onGap: daemon.gap,
      onBlind() {},
      onError: log.error,
    },
  );
  await watcher.ready;
  await daemon.start();
  await daemon.settled();

  return {
    base,
    sockets,
    application,
    journalSyncs,
    /** How many requests were brought to their end. */
    archived,
    pathOf: (id: string) => join(root, FOLDERS.pending, `${id}.md`),

    /** Submits so many, all at once, each for another amount, so that none joins another; gives their ids. */
    async submit(count: number, name: Kind): Promise<string[]> {
      const submitted = await Promise.all(
        Array.from({ length: count }, () => {
          amount += 1;
          return application.submit({ kind: name, params: { amount_cents: amount, payee: "ACME GmbH" } });
        }),
      );
      return submitted.map(({ request }) => request.id);
    },

    /** Begins to note what these requests pass. */
    follow(ids: readonly string[]): readonly Marks[] {
      marks.clear();
      return ids.map((id) => {
        const own: Marks = {};
        marks.set(id, own);
        return own;
      });
    },

    /** What the command printed: when it ran, in ms of the monotonic clock. */
    async ranAt(id: string): Promise<number> {
      const { result } = await application.show(id);
      return Number(result) * 1_000 - WALL_AHEAD_MS;
    },

    /** Resolves when nothing is left to do, in the history either. */
    async rest(): Promise<void> {
      await daemon.settled();
      await desk.settled();
      await until(() => history === null || history.lag().last >= journal.head().seq);
    },

    settled: () => daemon.settled(),

    /** Whether the history has every record of the journal; true where there is no history. */
    historyIsWhole: () => history === null || history.lag().last >= journal.head().seq,

    async close(): Promise<void> {
      shutdown.abort();
      await http.close();
      await watcher.close();
      await daemon.stop(5_000);
      commands.close();
      await folder.close();
      await chronicle.close();
      await history?.close();
      await journal.close();
    },
  };
}

/** What the wall clock is ahead of the monotonic one. */
const WALL_AHEAD_MS = performance.timeOrigin + performance.now() - now();

function countingSyncs(files: JournalFiles, counted: { count: number }): JournalFiles {
  return {
    ...files,
    async open(name, how) {
      const file: JournalFile = await files.open(name, how);
      return {
        ...file,
        sync() {
          counted.count += 1;
          return file.sync();
        },
      };
    },
  };
}
