import { Fault, type Refusal } from "../core/codes.ts";
import type { Event } from "../core/event.ts";
import type { JsonObject } from "../core/json.ts";
import type { Reported, Request, RequestId } from "../core/request.ts";
import type { Spread } from "../core/statistics.ts";
import type { SwitchRecord } from "../core/switch.ts";
import { iso } from "../core/timing.ts";
import { type RequestView, viewOf } from "../core/view.ts";
import type { Around, Daemon } from "../daemon/daemon.ts";
import type { Clock, ClockGuard, HaltSwitch, Ledger, SwitchLog } from "../daemon/ports.ts";
import { createClaiming, type Grants } from "./claiming.ts";
import { type DecideInput, type DelegateInput, decide, delegate, takeBack } from "./deciding.ts";
import { createHappenings, type Happenings } from "./happenings.ts";
import { createListing, type Listed, type ListFilter } from "./listing.ts";
import { createSubmission, type SubmissionPorts, type Submitted } from "./submission.ts";
import type { SubmitInput } from "./submit-input.ts";
import { createWaiting } from "./waiting.ts";

export type { Happenings, ListFilter, SubmitInput, Submitted };

/**
 * What surfaces can ask of the daemon. Every method rejects with a `Fault`; `not_found` wherever an id is unknown.
 */
export interface Application {
  /**
   * Durable, and the note written, once it resolves. Gives unknown_kind, invalid_params, invalid_request, key_reused,
   * asked_too_soon, too_many_attempts, over_limit; with `previous` also not_found and not_retryable.
   */
  submit(input: SubmitInput): Promise<Submitted>;
  show(id: RequestId): Promise<RequestView>;
  /** Gives invalid_request. */
  list(filter: ListFilter): Promise<Listed>;
  /**
   * Resolves when there is something to report (an outcome, an unknown outcome, or an approval of a `caller` action),
   * or with the request as it stands when `timeout_ms` is over or the signal aborts. Who cannot claim an approval waits
   * on `until` its outcome.
   */
  wait(id: RequestId, timeout_ms: number, signal: AbortSignal, until?: "outcome"): Promise<RequestView>;
  /**
   * Gives not_pending, already_started, already_final, too_late, digest_mismatch, not_entitled, own_request,
   * reviewer_missing, already_voted, checklist_open, assurance_too_low, clock_frozen; with `set` also not_editable,
   * invalid_params and invalid_request.
   */
  decide(id: RequestId, input: DecideInput): Promise<RequestView>;
  /** Passes the decision on. Gives not_pending, not_entitled, delegation_refused. */
  delegate(id: RequestId, input: DelegateInput): Promise<RequestView>;
  /** Undoes an approval that was not given in the note. Gives not_approved, said_in_note, not_entitled, already_started. */
  takeBack(id: RequestId, input: { by: string; reason: string | null }): Promise<RequestView>;
  /** Gives already_started, already_final. */
  cancel(id: RequestId, input: { by: string; reason: string | null }): Promise<RequestView>;
  /** For who proves by a token alone to be the requester. Gives token_invalid where the request has another. */
  checkToken(id: RequestId, token: string | null): Promise<void>;
  /**
   * The grant of an approved `caller` request, to claim it with; once it is claimed, the one that tools can rely on.
   * `claimed_with`: the SHA-256 (hex) of the grant that it was claimed with, from which several that have the token know
   * which of them did. Gives token_invalid, not_caller, not_approved, too_early, clock_frozen.
   */
  grant(
    id: RequestId,
    token: string,
  ): Promise<{ grant: string; expires: string; claimed_with: string | null }>;
  /**
   * Consumes the approval. Gives token_invalid, not_caller, grant_invalid, grant_expired, not_approved, too_early,
   * already_started, already_final, halted, clock_frozen.
   */
  claim(id: RequestId, input: { token: string; grant: string }): Promise<RequestView>;
  /** Gives token_invalid, not_caller, not_executing, already_final. */
  complete(id: RequestId, input: { token: string; outcome: Reported }): Promise<RequestView>;
  /** Gives not_unknown. */
  resolve(
    id: RequestId,
    input: { happened: boolean; by: string; reason: string | null },
  ): Promise<RequestView>;
  /** Stops all executions at once, until `resume`; survives restarts. */
  halt(by: string): Promise<void>;
  resume(by: string): Promise<void>;
  readonly happenings: Happenings;
  /** Who halted, resumed and accepted the clock, oldest first; `next` goes on behind it. Gives journal_damaged. */
  switches(filter: SwitchFilter): Promise<{ switches: readonly SwitchRecord[]; next: number | null }>;
  /** The computer's clock is right as it is now. */
  acceptClock(by: string): Promise<void>;
  health(): Health;
  /** The public key (JWK) that verifies grants. */
  grantKey(): JsonObject;
}

interface SwitchFilter {
  /** Only behind the one with this number. */
  readonly after: number;
  /** ISO 8601: not before this. */
  readonly since?: string;
  readonly limit: number;
}

export interface Health {
  readonly version: string;
  readonly pid: number;
  readonly vault: string;
  readonly state: string;
  readonly halted: boolean;
  /** The kinds of action for which nobody is asked, because they are in shadow. */
  readonly shadow: readonly string[];
  /** Whether the computer's clock was set, so that nothing is decided by time. */
  readonly clock_frozen: boolean;
  /** How late the watcher told of the last saves; null where it has told of none. */
  readonly watcher_lag_ms: Spread | null;
}

export interface ApplicationPorts extends SubmissionPorts {
  readonly daemon: Daemon;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly halt: HaltSwitch;
  readonly guard: ClockGuard;
  readonly switches: SwitchLog;
  readonly grants: Grants;
  readonly about: Pick<Health, "version" | "pid" | "vault" | "state">;
  readonly watcherLag?: () => Spread | null;
}

export function createApplication(ports: ApplicationPorts): Application {
  const { daemon, ledger, clock, halt, guard, grants } = ports;
  const submit = createSubmission(ports);

  async function known(id: RequestId): Promise<Request> {
    const request = await ledger.read(id);
    if (request === null) throw new Fault("not_found", `There is no request ${id}.`);
    return request;
  }

  async function ask(
    id: RequestId,
    propose: (request: Request, around: Around) => Event | readonly Event[] | Refusal | Fault,
    options: { lookFirst?: boolean } = {},
  ): Promise<RequestView> {
    const answer = await daemon.ask(id, propose, options);
    if (answer === null) throw new Fault("not_found", `There is no request ${id}.`);
    if ("code" in answer) throw new Fault(answer.code, answer.message, answer.hint);
    return viewOf(answer);
  }

  const at = () => iso(clock.now());
  const momentOf = ({ submission }: Request) => ({
    now: clock.now(),
    people: ports.people(),
    kind: ports.kind(submission.fields.kind),
  });

  return {
    submit,

    show: async (id) => viewOf(await known(id)),

    list: createListing(ledger),
    happenings: createHappenings(ledger),

    async switches({ after, since, limit }) {
      const begins = since === undefined ? Number.NEGATIVE_INFINITY : Date.parse(since);
      const recorded = await ports.switches.read();
      const left = recorded.filter(({ n, at }) => n > after && Date.parse(at) >= begins);
      const switches = left.slice(0, limit);
      return { switches, next: left.length > limit ? (switches.at(-1)?.n ?? null) : null };
    },

    wait: createWaiting({ daemon, clock, known }),

    decide: (id, input) => ask(id, (request) => decide(request, input, momentOf(request))),

    delegate: (id, input) => ask(id, (request) => delegate(request, input, momentOf(request))),

    takeBack: (id, input) =>
      ask(id, (request, { look }) => takeBack(request, look, input, momentOf(request))),

    cancel: (id, { by, reason }) => ask(id, () => ({ type: "cancelled", at: at(), by, reason })),

    ...createClaiming({ clock, guard, halt, grants, known, ask }),

    resolve: (id, { happened, by, reason }) =>
      ask(id, () => ({ type: happened ? "resolved_happened" : "resolved_did_not", at: at(), by, reason })),

    async halt(by) {
      // A stop waits for no record, and stands where there can be none.
      const halted = halt.set(true, by).finally(daemon.refreshDashboard);
      await Promise.all([halted, ports.switches.record("halted", by)]);
    },

    async resume(by) {
      await ports.switches.record("resumed", by);
      await halt.set(false, by);
      daemon.refreshDashboard();
      await daemon.lookAtApproved();
    },

    async acceptClock(by) {
      await ports.switches.record("clock_accepted", by);
      guard.accept(ledger.head().seq);
      daemon.refreshDashboard();
      await daemon.lookAtOpen();
    },

    health() {
      return {
        ...ports.about,
        halted: halt.isHalted(),
        shadow: ports.kinds.filter((name) => ports.kind(name)?.shadow),
        clock_frozen: guard.isFrozen(),
        watcher_lag_ms: ports.watcherLag?.() ?? null,
      };
    },

    grantKey: () => grants.publicKey(),
  };
}
