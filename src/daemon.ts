import { constraintsOf } from "./core/attempt.ts";
import { type Fault, type Problem, problem, type Refusal, refusal } from "./core/codes.ts";
import type { Constraints } from "./core/constraints.ts";
import type { Due } from "./core/due.ts";
import type { Event } from "./core/event.ts";
import { isNoteName } from "./core/id.ts";
import type { Look } from "./core/look.ts";
import type { People } from "./core/people.ts";
import { problemsIn } from "./core/quiet.ts";
import { reconcile } from "./core/reconcile.ts";
import { isContested } from "./core/reconcile-approved.ts";
import { isClosed, isFinal, type Request, type RequestId } from "./core/request.ts";
import { iso, UNKNOWN_LIMITS } from "./core/timing.ts";
import { step } from "./core/transitions.ts";
import type { World } from "./core/world.ts";
import { createAlarms } from "./daemon/alarms.ts";
import { amend } from "./daemon/amending.ts";
import { createClockWatch } from "./daemon/clock-watch.ts";
import type { Desk } from "./daemon/desk.ts";
import { createExecutions } from "./daemon/executions.ts";
import { createNotes } from "./daemon/notes.ts";
import { createPace } from "./daemon/pace.ts";
import type {
  Chronicle,
  Clock,
  ClockGuard,
  Entry,
  Folder,
  HaltSwitch,
  KindSettings,
  Ledger,
  Log,
  NoteFile,
  Place,
  PolicyPort,
  Vault,
} from "./daemon/ports.ts";
import { reconsidered } from "./daemon/reconsidering.ts";
import { createRescan } from "./daemon/rescan.ts";
import { createSight, type Seen } from "./daemon/sight.ts";
import { createTurns } from "./daemon/turns.ts";
import { amendNote } from "./document/amend.ts";
import { withPresentBoxes } from "./document/ballot-boxes.ts";
import { answerNote, askOutcome } from "./document/finish.ts";
import { renderNote, renderStanding } from "./document/note.ts";

export interface DaemonPorts {
  readonly ledger: Ledger;
  readonly vault: Vault;
  readonly clock: Clock;
  readonly chronicle: Chronicle;
  readonly halt: HaltSwitch;
  readonly guard: Pick<ClockGuard, "isFrozen">;
  readonly desk: Desk;
  readonly log: Log;
  /** Null when the configuration does not have this kind. */
  readonly kind: (kind: string) => KindSettings | null;
  readonly policy: PolicyPort;
  readonly people: () => People;
  /** Whether the vault's repository is in the middle of a merge or rebase. */
  readonly merging: () => boolean;
  /** How long a typed statement, and a tick, must stand unchanged before it acts, in ms. */
  readonly settle_ms: number;
  readonly settle_ticks_ms: number;
  /** Folder names below the vault's root. */
  readonly folders: Readonly<Record<Folder | "done", string>>;
}

/** After changes may have gone unseen, everything is looked through this soon. */
const GAP_MS = 2_000;
/** A full disk or a folder without rights may be mended: what is due stays due. */
const RETRY_MS = 5_000;
/** More turns than any request can need at one look; reaching it is a bug, and must not become a busy loop. */
const MAX_TURNS = 20;
/** The same for what one look brings: far more than a note has boxes. */
const MAX_EVENTS = 100;

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
      let { events, due } = plan(request, seen);
      if (needAllCopies(events)) {
        seen = await withNewCopies(request, seen);
        ({ events, due } = plan(request, seen));
      }
      if (events.length > 0) {
        request = await record(request, events, noteOf(seen));
        continue;
      }
      if (!isClosed(request)) desk.setProblems(id, problemsOf(request, seen));
      if (!(await perform(request, due, seen))) return;
      request = await ledger.read(id);
    }
  }

  /**
   * What all files of a request say at one moment, those among them that no event has told of: a sync tool makes a
   * conflict copy in the very moment in which it changes the note, and both must be judged together.
   */
  async function withNewCopies(request: Request, first: Seen): Promise<Seen> {
    let seen = first;
    for (let turn = 0; turn < MAX_TURNS; turn += 1) {
      const found = ports.vault.findNewCopies();
      if (found === false) return seen;
      await found;
      const before = markOf(seen);
      seen = sight.lookAt(request);
      // What was the same before and behind it was so while the folders were listed.
      if (markOf(seen) === before) return seen;
    }
    throw new Error(`the files of request ${request.submission.fields.id} do not stand still`);
  }

  /** Everything that is due to be recorded, in order, with nothing happening in between; then what else is due. */
  function plan(request: Request, seen: Seen): { events: readonly Event[]; due: Due } {
    const events: Event[] = [];
    let state = request;
    for (;;) {
      if (events.length > MAX_EVENTS) throw new Error("what is due for a request does not come to an end");
      const due = reconcile(state, worldOf(state, seen));
      if (due.do !== "record") return { events, due };
      const stepped = step(state, due.event);
      if (!stepped.ok)
        throw new Error(`${due.event.type} was due on ${state.status}: ${stepped.refusal.code}`);
      events.push(due.event);
      state = stepped.request;
      if (stepped.effects.some((effect) => effect.do === "execute")) return { events, due };
      // What was read was read of the action as it was before.
      if (due.event.type === "amended" || due.event.type === "sent_back") return { events, due };
    }
  }

  function worldOf(request: Request, { look, memory }: Seen): World {
    const { id, kind } = request.submission.fields;
    const settings = ports.kind(kind);
    return {
      now: clock.now(),
      look,
      memory,
      people: ports.people(),
      running: executions.isRunning(id),
      fresh: fresh.has(id),
      halted: closing || ports.halt.isHalted(),
      frozen: ports.guard.isFrozen(),
      merging: ports.merging(),
      executor: executorNow(request),
      limits: settings?.limits ?? UNKNOWN_LIMITS,
      settle_ms: request.submission.verdict?.settle_ms ?? ports.settle_ms,
      settle_ticks_ms: ports.settle_ticks_ms,
      proposed: proposedIn(request, look),
      ...reconsidered(request, settings, ports.policy),
    };
  }

  function proposedIn(request: Request, look: Seen["look"]): World["proposed"] {
    const proposal = look.at === "folder" ? look.reading.proposal : null;
    const settings = proposal === null ? null : ports.kind(request.submission.fields.kind);
    return proposal === null || settings === null ? null : amend(request, proposal, settings);
  }

  /** Who executes it, when the configuration still says what it said when the request was made; null otherwise. */
  function executorNow({ submission }: Request): World["executor"] {
    const settings = ports.kind(submission.fields.kind);
    if (settings === null || submission.caller !== (settings.handler === null)) return null;
    return submission.caller ? "caller" : "daemon";
  }

  /** What is unclear about a request, in its note or in the configuration. */
  function problemsOf(request: Request, { look }: Seen): readonly Problem[] {
    const proposed = proposedIn(request, look);
    const unclear =
      look.at === "folder" ? problemsIn(request, look.reading, { proposed, people: ports.people() }) : [];
    return executorNow(request) === null && !isFinal(request) ? [...unclear, problem("no_handler")] : unclear;
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
      case "answer": {
        // In an emptied note there is nothing of a person's to keep.
        const edit = (text: string) =>
          text.trim() === ""
            ? renderNote(request, true)
            : withPresentBoxes(answerNote(text, due.problems, renderStanding(request)), request);
        if (await notes.rewrite(request, note, edit)) return true;
        alarms.set(id, due.wake_at);
        return false;
      }
      case "show_amended": {
        const edit = (text: string) =>
          withPresentBoxes(
            amendNote(answerNote(text, [], renderStanding(request)), request, { voids: true }) ?? text,
            request,
          );
        if (await notes.rewrite(request, note, edit)) return true;
        alarms.set(id, due.wake_at);
        return false;
      }
      case "ask_outcome":
        return notes.rewrite(request, note, (text) =>
          request.status === "outcome_unknown" ? askOutcome(text, request) : null,
        );
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
          if (lookFirst) seen = await withNewCopies(request, seen);
          if (lookFirst && isContested(request, worldOf(request, seen))) {
            return refusal("not_approved", "The note was changed or is away, or a merge is under way.");
          }
          const constraints = constraintsOf(request, worldOf(request, seen));
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
          let { events } = plan(state, seen);
          if (!lookFirst && needAllCopies([...asked, ...events])) {
            seen = await withNewCopies(state, seen);
            ({ events } = plan(state, seen));
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

/** The file that the daemon reads as the note, and writes into. */
function noteOf({ found }: Seen): NoteFile | null {
  return found[0] ?? null;
}

/** Changes whenever what was seen does. */
function markOf({ look }: Seen): string {
  return look.at === "folder" ? look.sha256 : "nowhere";
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

/** What a person's word in one file must not start while another file says otherwise. */
const NEEDS_ALL_COPIES: ReadonlySet<Event["type"]> = new Set([
  "voted",
  "approved",
  "started",
  "resolved_happened",
  "resolved_did_not",
]);

function needAllCopies(events: readonly Event[]): boolean {
  return events.some(({ type }) => NEEDS_ALL_COPIES.has(type));
}

/** What must not happen by a clock that cannot be trusted. */
const NEEDS_A_CLOCK: ReadonlySet<Event["type"]> = new Set(["voted", "approved", "allowed", "started"]);

/** Events that the next start would find out again, so that nothing waits for their disk write. */
const FOUND_OUT_AGAIN: ReadonlySet<Event["type"]> = new Set(["archived", "refused"]);
