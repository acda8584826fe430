import { attemptOf } from "../core/attempt.ts";
import { Fault, type Refusal, refusal } from "../core/codes.ts";
import type { Event } from "../core/event.ts";
import type { JsonObject } from "../core/json.ts";
import { approversOf, isReportable, type Reported, type Request, type RequestId } from "../core/request.ts";
import { heldBack } from "../core/shadow.ts";
import type { Spread } from "../core/statistics.ts";
import { iso, opensAt } from "../core/timing.ts";
import { type RequestView, viewOf } from "../core/view.ts";
import type { Around, Daemon } from "../daemon/daemon.ts";
import type { Clock, ClockGuard, HaltSwitch, Ledger, SwitchLog } from "../daemon/ports.ts";
import { sha256 } from "../document/digest.ts";
import { type DecideInput, type DelegateInput, decide, delegate, takeBack } from "./deciding.ts";
import { createHappenings, type Happenings } from "./happenings.ts";
import { createListing, type Listed, type ListFilter } from "./listing.ts";
import { createSubmission, type SubmissionPorts, type SubmitInput, type Submitted } from "./submission.ts";

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
   * reviewer_missing, already_voted, checklist_open, assurance_too_low; with `set` also not_editable and invalid_params.
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
   * which of them did. Gives token_invalid, not_caller, not_approved.
   */
  grant(
    id: RequestId,
    token: string,
  ): Promise<{ grant: string; expires: string; claimed_with: string | null }>;
  /** Consumes the approval. Gives token_invalid, not_caller, grant_invalid, grant_expired, not_approved, already_started. */
  claim(id: RequestId, input: { token: string; grant: string }): Promise<RequestView>;
  /** Gives token_invalid, not_caller, not_executing. */
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
  /** The computer's clock is right as it is now. */
  acceptClock(by: string): Promise<void>;
  health(): Health;
  /** The public key (JWK) that verifies grants. */
  grantKey(): JsonObject;
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

/** The grants of `caller` actions, and the tokens that only their requesters have. */
interface Grants {
  issue(claims: {
    id: string;
    digest: string;
    action_digest: string;
    kind: string;
    expires: string;
    approved_by: readonly string[];
    started: boolean;
    shadow: boolean;
  }): Promise<string>;
  verify(
    grant: string,
    expected: { id: string; digest: string; now: number; shadow: boolean },
  ): Promise<{ ok: true } | { ok: false; refusal: Refusal }>;
  tokenMatches(token: string, sha256: string): boolean;
  publicKey(): JsonObject;
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
  const waiters = new Map<RequestId, Set<(request: Request) => void>>();
  const viewFor = createViews();
  const submit = createSubmission(ports);
  daemon.onReport((request) => {
    for (const wake of waiters.get(request.submission.fields.id) ?? []) wake(request);
  });

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

  async function callersOwn(id: RequestId, token: string): Promise<Request> {
    const request = await known(id);
    const { caller, token_sha256 } = request.submission;
    if (!caller || token_sha256 === null) throw new Fault("not_caller");
    if (!grants.tokenMatches(token, token_sha256)) throw new Fault("token_invalid");
    return request;
  }

  const at = () => iso(clock.now());
  const deskFor = ({ submission }: Request) => ({
    now: clock.now(),
    people: ports.people(),
    kind: ports.kind(submission.fields.kind),
  });

  return {
    submit,

    show: async (id) => viewOf(await known(id)),

    list: createListing(ledger),
    happenings: createHappenings(ledger),

    async wait(id, timeout_ms, signal, until) {
      if (signal.aborted || timeout_ms <= 0) return viewFor(await known(id));
      const told = await new Promise<Request | null>((resolve) => {
        let cancelOpening = () => {};
        const end = (request: Request | null) => {
          cancel();
          cancelOpening();
          signal.removeEventListener("abort", give_up);
          mine.delete(wake);
          if (mine.size === 0) waiters.delete(id);
          resolve(request);
        };
        const wake = (request: Request) => {
          if (hasNews(request, until, clock.now())) return end(request);
          // What cannot be claimed yet is no news, and nothing else will tell when it is.
          const rest = request.status === "approved" ? opensAt(request) - clock.now() : 0;
          cancelOpening();
          if (rest > 0 && Number.isFinite(rest)) cancelOpening = clock.after(Math.min(rest, DAY_MS), look);
        };
        const look = () => void known(id).then(wake, give_up);
        const give_up = () => end(null);
        const cancel = clock.after(timeout_ms, give_up);
        const mine = waiters.get(id) ?? new Set();
        waiters.set(id, mine.add(wake));
        signal.addEventListener("abort", give_up);
        // Looked up only now that we would be told, so that nothing can happen unseen in between.
        look();
      });
      return viewFor(told ?? (await known(id)));
    },

    decide: (id, input) => ask(id, (request) => decide(request, input, deskFor(request))),

    delegate: (id, input) => ask(id, (request) => delegate(request, input, deskFor(request))),

    takeBack: (id, input) => ask(id, (request, { look }) => takeBack(request, look, input, deskFor(request))),

    cancel: (id, { by, reason }) => ask(id, () => ({ type: "cancelled", at: at(), by, reason })),

    async checkToken(id, token) {
      const { token_sha256 } = (await known(id)).submission;
      if (token_sha256 === null) return;
      if (token === null || !grants.tokenMatches(token, token_sha256)) throw new Fault("token_invalid");
    },

    async grant(id, token) {
      const request = await callersOwn(id, token);
      const expires = grantExpires(request);
      if (expires === null) throw new Fault("not_approved");
      if (guard.isFrozen()) throw new Fault("clock_frozen");
      if (request.status === "approved" && clock.now() < opensAt(request)) throw new Fault("too_early");
      const { digest, action_digest, fields } = request.submission;
      const grant = await grants.issue({
        id,
        digest,
        action_digest,
        kind: fields.kind,
        expires,
        approved_by: approversOf(request),
        started: request.status === "executing",
        shadow: "allowed_at" in request && heldBack(request.submission.verdict) !== null,
      });
      const { claimed_with = null } = request.status === "executing" ? request.attempt : {};
      return { grant, expires, claimed_with };
    },

    async claim(id, { token, grant }) {
      const { submission } = await callersOwn(id, token);
      if (guard.isFrozen()) throw new Fault("clock_frozen");
      const expected = { id, digest: submission.digest, now: clock.now(), shadow: true };
      const checked = await grants.verify(grant, expected);
      if (!checked.ok) throw new Fault(checked.refusal.code, checked.refusal.message, checked.refusal.hint);
      const start = (request: Request, { constraints }: Around): Event | Refusal => {
        if (halt.isHalted()) return refusal("halted");
        const lapses = request.status === "approved" ? request.lapses : null;
        const runtime_ms = (constraints?.max_runtime_sec ?? Number.POSITIVE_INFINITY) * 1_000;
        const deadline = lapses === null ? null : iso(Math.min(Date.parse(lapses), clock.now() + runtime_ms));
        const attempt = attemptOf(request, "caller", deadline, constraints);
        return { type: "started", at: at(), attempt: { ...attempt, claimed_with: sha256(grant) } };
      };
      return ask(id, start, { lookFirst: true });
    },

    async complete(id, { token, outcome }) {
      await callersOwn(id, token);
      return ask(id, (): Event => {
        if ("result" in outcome) return { type: "executed", at: at(), result: outcome.result };
        if ("failed" in outcome) return { type: "failed", at: at(), error: outcome.failed };
        return { type: "outcome_lost", at: at(), cause: `its caller cannot tell: ${outcome.unknown}` };
      });
    },

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

/** Until when a grant of it is good; null where there is none to give. */
function grantExpires(request: Request): string | null {
  if (request.status === "executing") return request.attempt.deadline;
  return request.status === "approved" ? request.lapses : null;
}

/** One view for all who are told of the same state of a request, so that whoever writes it out can do so once. */
function createViews(): (request: Request) => RequestView {
  const made = new WeakMap<Request, RequestView>();
  return (request) => {
    const view = made.get(request) ?? viewOf(request);
    made.set(request, view);
    return view;
  };
}

/** Timers far away are set again on the way. */
const DAY_MS = 86_400_000;

/** Whether a waiter has something to be told now. */
function hasNews(request: Request, until: "outcome" | undefined, now: number): boolean {
  if (isReportable(request) || request.status === "outcome_unknown") return true;
  if (until !== undefined || request.status !== "approved") return false;
  return request.lapses !== null && now >= opensAt(request);
}
