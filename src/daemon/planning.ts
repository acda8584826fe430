import { constraintsOf } from "../core/attempt.ts";
import { type Problem, problem } from "../core/codes.ts";
import type { Constraints } from "../core/constraints.ts";
import type { Due } from "../core/due.ts";
import type { Event } from "../core/event.ts";
import type { People } from "../core/people.ts";
import { problemsIn } from "../core/quiet.ts";
import { reconcile } from "../core/reconcile.ts";
import { isContested } from "../core/reconcile-approved.ts";
import { isFinal, type Request, type RequestId } from "../core/request.ts";
import { UNKNOWN_LIMITS } from "../core/timing.ts";
import { step } from "../core/transitions.ts";
import type { World } from "../core/world.ts";
import { amend } from "./amending.ts";
import type { Clock, ClockGuard, HaltSwitch, KindSettings, PolicyPort } from "./ports.ts";
import { reconsidered } from "./reconsidering.ts";
import type { Seen } from "./sight.ts";

export interface PlanningPorts {
  readonly clock: Clock;
  readonly halt: HaltSwitch;
  readonly guard: Pick<ClockGuard, "isFrozen">;
  /** Null when the configuration does not have this kind. */
  readonly kind: (kind: string) => KindSettings | null;
  readonly policy: PolicyPort;
  readonly people: () => People;
  /** Whether the vault's repository is in the middle of a merge or rebase. */
  readonly merging: () => boolean;
  /** How long a typed statement, and a tick, must stand unchanged before it acts, in ms. */
  readonly settle_ms: number;
  readonly settle_ticks_ms: number;
}

/** What this process alone knows: no record says so. */
export interface Standing {
  readonly isRunning: (id: RequestId) => boolean;
  /** Submitted by this process, the note not written yet. */
  readonly isFresh: (id: RequestId) => boolean;
  /** Nothing new is begun any more. */
  readonly isClosing: () => boolean;
}

/** More events than one look can bring: far more than a note has boxes. */
const MAX_EVENTS = 100;

/** What is due for a request, from what was seen of it and from everything around it. */
export function createPlanning(ports: PlanningPorts, standing: Standing) {
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
      now: ports.clock.now(),
      look,
      memory,
      people: ports.people(),
      running: standing.isRunning(id),
      fresh: standing.isFresh(id),
      halted: standing.isClosing() || ports.halt.isHalted(),
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

  return {
    plan,
    problemsOf,

    /** Whether what is in the vault now keeps it from being started. */
    isContested: (request: Request, seen: Seen) => isContested(request, worldOf(request, seen)),

    /** What the action is held to, were it started now. */
    constraintsOf: (request: Request, seen: Seen): Constraints | null =>
      constraintsOf(request, worldOf(request, seen)),
  };
}

/** What a person's word in one file must not start while another file says otherwise. */
const NEEDS_ALL_COPIES: ReadonlySet<Event["type"]> = new Set([
  "voted",
  "approved",
  "started",
  "resolved_happened",
  "resolved_did_not",
]);

export function needAllCopies(events: readonly Event[]): boolean {
  return events.some(({ type }) => NEEDS_ALL_COPIES.has(type));
}
