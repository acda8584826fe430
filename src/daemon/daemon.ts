import { Fault, type Refusal, refusal } from "../core/codes.ts";
import type { Constraints } from "../core/constraints.ts";
import type { Due } from "../core/due.ts";
import type { Event } from "../core/event.ts";
import { isNoteName } from "../core/id.ts";
import type { Look } from "../core/look.ts";
import { isClosed, isFinal, type Request, type RequestId } from "../core/request.ts";
import { iso } from "../core/timing.ts";
import { step } from "../core/transitions.ts";
import { createAlarms } from "./alarms.ts";
import { createClockWatch } from "./clock-watch.ts";
import type { Desk } from "./desk.ts";
import { createExecutions } from "./executions.ts";
import { createNotes } from "./notes.ts";
import { createPace } from "./pace.ts";
import { createPlanning, needAllCopies, type PlanningPorts } from "./planning.ts";
import type { Chronicle, Entry, Folder, Ledger, Log, NoteFile, OtherTexts, Place, Vault } from "./ports.ts";
import { createRescan } from "./rescan.ts";
import { createSight, noteOf, type Seen } from "./sight.ts";
import { createTurns } from "./turns.ts";

export interface DaemonPorts extends PlanningPorts {
  readonly ledger: Ledger;
  readonly vault: Vault;
  readonly chronicle: Chronicle;
  readonly desk: Desk;
  readonly otherTexts: OtherTexts;
  readonly log: Log;
  /** Folder names below the vault's root. */
  readonly folders: Readonly<Record<Folder | "done", string>>;
}

/** After changes may have gone unseen, everything is looked through this soon. */
const GAP_MS = 2_000;
/** A full disk or a folder without rights may be mended: what is due stays due. */
const RETRY_MS = 5_000;
/** A note that somebody writes to again and again is looked at so soon, should no hint come of it. */
const RESTLESS_MS = 200;
/** More turns than any request can need at one look; reaching it is a bug, and must not become a busy loop. */
const MAX_TURNS = 20;
/** A foreign file has come or changed: it is looked at so soon. */
const FOREIGN_MS = 500;

/** What whoever proposes an event may want to know besides the request. */
export interface Around {
  readonly look: Look;
  /** What the action is held to, were it started now. */
  readonly constraints: Constraints | null;
}

type Adopter = (strangers: readonly Entry[]) => Promise<readonly string[]>;

export type Daemon = ReturnType<typeof createDaemon>;

/**
 * The loop: look at a request's note, reconcile it with its recorded state, perform what is due. What the daemon itself
 * changes in the vault wakes it again, it finds nothing due, and that is the end of it: there are no marks to ignore
 * its own changes.
 */
export function createDaemon(ports: DaemonPorts) {
  const { ledger, clock, desk, log } = ports;
  const turns = createTurns();
  const pace = createPace();
  const sight = createSight(ports);
  const notes = createNotes(ports);
  const queued = new Set<RequestId>();
  const alarms = createAlarms(clock, (id) => void look(id));
  /** Submitted by this process, the note not written yet. */
  const fresh = new Set<RequestId>();
  const clockWatch = createClockWatch(clock, ports.guard, () => {
    desk.refresh();
    void lookAtOpen().catch((error) => fail(error, null));
  });
  const planning = createPlanning(ports, {
    isRunning: (id) => executions.isRunning(id),
    isFresh: (id) => fresh.has(id),
    isClosing: () => closing,
  });
  const listeners = new Set<(request: Request) => void>();
  let recovery: Promise<void> | null = null;
  let stopping = false;
  let closing = false;
  let onFatal: (error: unknown) => void = () => {};
  let adopt: Adopter | null = null;

  const rescan = createRescan({
    ...ports,
    onChange: (id) => void look(id),
    onMissing(id) {
      sight.confirmMissing(id);
      void look(id);
    },
    onStrangers: async (strangers) => (adopt === null ? strangers.map(({ name }) => name) : adopt(strangers)),
    onError: (error) => fail(error, null),
  });

  const executions = createExecutions({
    ...ports,
    onRetry(id, retried) {
      const task = async () => {
        const now = await ledger.read(id);
        if (closing || now === null || !step(now, retried).ok) return false;
        await record(now, [retried], null);
        return true;
      };
      return turns.take(id, task).catch((error) => {
        fail(error, id);
        return false;
      });
    },
    async onOutcome(id, outcome, ended) {
      const task = async () => {
        ended();
        const now = await ledger.read(id);
        if (now?.status === "executing") await record(now, [outcome], null);
      };
      await turns.take(id, task).catch((error) => fail(error, id));
      void look(id);
    },
  });

  /** Looks at a request soon; resolves when it has come to rest. Never rejects. */
  async function look(id: RequestId): Promise<void> {
    if (stopping || queued.has(id)) return;
    queued.add(id);
    const task = async () => {
      queued.delete(id);
      await handle(id);
    };
    await turns.take(id, task).catch((error) => {
      fail(error, id);
      alarms.set(id, clock.now() + RETRY_MS);
    });
  }

  async function lookAtOpen(): Promise<void> {
    for (const { submission } of await ledger.open()) void look(submission.fields.id);
  }

  async function handle(id: RequestId): Promise<void> {
    let request = await ledger.read(id);
    for (let turn = 0; request !== null && !stopping; turn += 1) {
      if (turn === MAX_TURNS) throw new Error(`request ${id} does not come to rest`);
      await pace.enter();
      const current = request;
      let seen = sight.glanceAt(current) ?? (await pace.apart(() => sight.lookAt(current)));
      let { events, due } = planning.plan(request, seen);
      if (needAllCopies(events)) {
        const still = await sight.lookAtAll(request, seen);
        if (still === null) return alarms.set(id, clock.now() + RESTLESS_MS);
        seen = still;
        ({ events, due } = planning.plan(request, seen));
      }
      if (events.length > 0) {
        request = await record(request, events, noteOf(seen));
        continue;
      }
      if (!isClosed(request)) desk.setProblems(id, planning.problemsOf(request, seen));
      if (!(await perform(request, due, seen))) return;
      request = await ledger.read(id);
    }
  }

  /** Makes the events durable, then performs the effects that they allow, in order. */
  async function record(request: Request, events: readonly Event[], note: NoteFile | null): Promise<Request> {
    const { id } = request.submission.fields;
    let state = request;
    const effects = events.flatMap((event) => {
      const stepped = step(state, event);
      if (!stepped.ok) throw new Error(`${event.type} on ${state.status}: ${stepped.refusal.code}`);
      state = stepped.request;
      if (event.type === "sent_back" && note === null) {
        // What was allowed has no note yet.
        fresh.add(id);
        ports.chronicle.keep(id, state.revision, notes.changeOfShowing(state, null));
      }
      if (CARRIED_BY_NOTES.has(event.type)) {
        ports.chronicle.keep(id, state.revision, notes.changeOfReading(state, note));
      }
      return [...stepped.effects];
    });
    const lazy = events.every(({ type }) => FOUND_OUT_AGAIN.has(type));
    const recorded = await ledger.append(id, request.revision, events, { lazy });
    for (const effect of effects) {
      if (effect.do === "execute") executions.start(recorded, effect.attempt);
      if (effect.do === "report") report(recorded);
    }
    desk.refresh();
    return recorded;
  }

  function report(request: Request): void {
    for (const listener of listeners) listener(request);
  }

  /** Does what is due besides records; true when something changed, so that the request must be looked at again. */
  async function perform(request: Request, due: Due, seen: Seen): Promise<boolean> {
    const { id } = request.submission.fields;
    const note = noteOf(seen);
    switch (due.do) {
      case "show":
        await notes.show(request, due.came_back);
        fresh.delete(id);
        return true;
      case "archive":
        ports.chronicle.keep(id, request.revision + 1, await notes.archive(request, note));
        await record(request, [{ type: "archived", at: iso(clock.now()) }], null);
        return true;
      case "keep_late":
        return keepLate(request, note);
      case "answer":
        if (await notes.answer(request, note, due.problems)) return true;
        alarms.set(id, due.wake_at);
        return false;
      case "show_amended":
        if (await notes.showAmended(request, note)) return true;
        alarms.set(id, due.wake_at);
        return false;
      case "ask_outcome":
        return notes.askOutcome(request, note);
      case "nothing":
        if (isClosed(request) && due.wake_at === null) forget(id);
        else alarms.set(id, due.wake_at);
        if (seen.look.at === "nowhere" && !seen.look.confirmed && !isFinal(request)) rescan.gone(id);
        return false;
      case "record":
        return true;
    }
  }

  async function keepLate(request: Request, note: NoteFile | null): Promise<boolean> {
    const kept = await notes.keepLate(request, note);
    if (typeof kept === "object") {
      const isCopy = note?.name !== `${request.submission.fields.id}.md`;
      const what = isCopy ? "a copy of the note was there" : "the note came back";
      const detail = `${what} after the request was ${request.status}; it is kept as ${kept.kept}`;
      const event = {
        type: "refused",
        at: iso(clock.now()),
        code: "already_final",
        by: null,
        detail,
      } as const;
      ports.chronicle.keep(request.submission.fields.id, request.revision + 1, kept.changes);
      await record(request, [event], null);
    }
    return true;
  }

  function forget(id: RequestId): void {
    fresh.delete(id);
    sight.forget(id);
    alarms.clear(id);
    desk.setProblems(id, []);
  }

  /** Finishes what an earlier run left half done; once, and before anything is asked of the daemon. */
  function recover(): Promise<void> {
    recovery ??= ports.vault.recover().then(() => ports.vault.fileAwayMonths(iso(clock.now()).slice(0, 7)));
    return recovery;
  }

  /** What cannot be recorded must not go on: the operator mends the disk and starts again. */
  function fail(error: unknown, id: RequestId | null): void {
    log.error({ err: error, id }, "a request could not be handled; it is tried again");
    if (error instanceof Error && "code" in error && error.code === "storage_failed") onFatal(error);
  }

  return {
    look,

    /** What is approved and not started may start now, or no more. */
    async lookAtApproved(): Promise<void> {
      for (const { status, submission } of await ledger.open()) {
        if (status === "approved") void look(submission.fields.id);
      }
    },

    /** Who may decide may be others now. */
    lookAtOpen,

    /** A file may have changed in a decision folder. */
    hint(place: Place): void {
      const id = ports.vault.notice(place);
      if (id !== null) void look(id);
      else if (adopt !== null && place.folder === "pending" && isNoteName(place.name))
        rescan.within(FOREIGN_MS);
      rescan.hint();
    },

    /** Calls back when there is something to report about a request: see `isReportable`. */
    onReport(listener: (request: Request) => void): () => void {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },

    /** Offers every look's foreign files to somebody who may make requests of them; what that one gives is left alone. */
    onStrangers(adopter: Adopter): void {
      adopt = adopter;
    },

    /** Looks through the vault within so many ms. */
    rescanWithin: (ms: number) => rescan.within(ms),

    /** Calls back when records can no longer be made; nothing is executed from then on. */
    onFatal(listener: (error: unknown) => void): void {
      onFatal = listener;
    },

    /** Records a new request and writes its note; durable, and there, once it resolves. */
    submit(
      event: Extract<Event, { type: "submitted" }>,
      original: Uint8Array | null = null,
    ): Promise<Request> {
      const { id } = event.submission.fields;
      return turns
        .take(id, async () => {
          const stepped = step(null, event);
          if (!stepped.ok) throw new Error(`a submission was refused: ${stepped.refusal.code}`);
          fresh.add(id);
          ports.chronicle.keep(id, 1, notes.changeOfShowing(stepped.request, original));
          const request = await ledger.append(id, 0, [event]);
          desk.refresh();
          await handle(id);
          // The policy may have answered by itself.
          return event.submission.verdict === undefined ? request : ((await ledger.read(id)) ?? request);
        })
        .catch((error) => {
          fail(error, id);
          throw error;
        });
    },

    /**
     * Records what a surface asks for, if the request's state allows it, and does what follows. `propose` sees the
     * state at that moment and may refuse by itself. Gives null for an unknown id.
     */
    ask(
      id: RequestId,
      propose: (request: Request, around: Around) => Event | readonly Event[] | Refusal | Fault,
      { lookFirst = false } = {},
    ): Promise<Request | Refusal | Fault | null> {
      return turns
        .take(id, async () => {
          if (lookFirst) await handle(id);
          const request = await ledger.read(id);
          if (request === null) return null;
          let seen = sight.lookAt(request);
          if (lookFirst) {
            const still = await sight.lookAtAll(request, seen);
            if (still === null) return restless(id);
            seen = still;
          }
          if (lookFirst && planning.isContested(request, seen)) {
            return refusal("not_approved", "The note was changed or is away, or a merge is under way.");
          }
          const constraints = planning.constraintsOf(request, seen);
          const proposed = propose(request, { look: seen.look, constraints });
          if (!("type" in proposed) && "code" in proposed) return proposed;
          const asked = "type" in proposed ? [proposed] : proposed;
          if (asked.some(({ type }) => NEEDS_A_CLOCK.has(type)) && ports.guard.isFrozen()) {
            return refusal("clock_frozen");
          }
          let state = request;
          for (const event of asked) {
            const stepped = step(state, event);
            if (!stepped.ok) return stepped.refusal;
            state = stepped.request;
          }
          // What was read was read of the action as it was before.
          if (state.submission.digest !== request.submission.digest) seen = sight.lookAt(state);
          // What follows from it, such as the start of what was approved, shares its write.
          let { events } = planning.plan(state, seen);
          if (!lookFirst && needAllCopies([...asked, ...events])) {
            const still = await sight.lookAtAll(state, seen);
            if (still === null) return restless(id);
            seen = still;
            ({ events } = planning.plan(state, seen));
          }
          const recorded = await record(request, [...asked, ...events], noteOf(seen));
          void look(id);
          return recorded;
        })
        .catch((error) => {
          fail(error, id);
          throw error;
        });
    },

    recover,

    /** Finishes what an earlier run left half done, unless that is done already, then looks at everything. */
    async start(): Promise<void> {
      await recover();
      clockWatch.start();
      void rescan.now();
    },

    /** What the dashboard says has changed without any request doing so. */
    refreshDashboard: () => desk.refresh(),

    /** Looks through the whole vault now. */
    rescan: () => rescan.now(),

    /** Changes may have gone unseen: everything is looked through once more, soon. */
    gap: () => rescan.within(GAP_MS),

    /** Whether the watcher tells of changes; while it does not, the vault is looked through every few seconds. */
    setWatched: (watched: boolean) => rescan.pace(watched),

    /** Resolves when nothing is being looked through or handled. */
    async settled(): Promise<void> {
      await rescan.settled();
      await turns.settled();
    },

    /** Takes nothing new on, waits up to `grace_ms` for running handlers, and leaves the rest to the next start. */
    async stop(grace_ms: number): Promise<void> {
      closing = true;
      clockWatch.stop();
      await executions.ended(grace_ms);
      await rescan.stop();
      await turns.settled();
      stopping = true;
      alarms.stop();
      await turns.settled();
      await desk.stop();
    },
  };
}

/** Events that a person may have said in the note: the history shows the note as it was read. */
const CARRIED_BY_NOTES: ReadonlySet<Event["type"]> = new Set([
  "amended",
  "delegated",
  "voted",
  "vote_withdrawn",
  "approved",
  "rejected",
  "changes_requested",
  "settled",
]);

function restless(id: RequestId): Fault {
  return new Fault("busy", `The note of ${id} is being written to again and again.`, "Try it in a moment.");
}

/** What must not happen by a clock that cannot be trusted. */
const NEEDS_A_CLOCK: ReadonlySet<Event["type"]> = new Set(["voted", "approved", "allowed", "started"]);

/** Events that the next start would find out again, so that nothing waits for their disk write. */
const FOUND_OUT_AGAIN: ReadonlySet<Event["type"]> = new Set(["archived", "refused"]);
