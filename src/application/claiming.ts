import { attemptOf } from "../core/attempt.ts";
import { Fault, type Refusal, refusal } from "../core/codes.ts";
import type { Event } from "../core/event.ts";
import type { JsonObject } from "../core/json.ts";
import { approversOf, type Reported, type Request, type RequestId } from "../core/request.ts";
import { heldBack } from "../core/shadow.ts";
import { iso, opensAt } from "../core/timing.ts";
import type { RequestView } from "../core/view.ts";
import type { Around } from "../daemon/daemon.ts";
import type { Clock, ClockGuard, HaltSwitch } from "../daemon/ports.ts";
import { sha256 } from "../document/digest.ts";

/** The grants of `caller` actions, and the tokens that only their requesters have. */
export interface Grants {
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

interface ClaimingPorts {
  readonly clock: Clock;
  readonly guard: ClockGuard;
  readonly halt: HaltSwitch;
  readonly grants: Grants;
  /** Rejects with not_found. */
  readonly known: (id: RequestId) => Promise<Request>;
  /** Records an event of the request, or rejects with what the core says against it. */
  readonly ask: (
    id: RequestId,
    propose: (request: Request, around: Around) => Event | Refusal,
    options?: { lookFirst?: boolean },
  ) => Promise<RequestView>;
}

/** What the requester of a `caller` action does once it is approved; see `Application` for what each promises. */
export function createClaiming({ clock, guard, halt, grants, known, ask }: ClaimingPorts) {
  const at = () => iso(clock.now());

  async function callersOwn(id: RequestId, token: string): Promise<Request> {
    const request = await known(id);
    const { caller, token_sha256 } = request.submission;
    if (!caller || token_sha256 === null) throw new Fault("not_caller");
    if (!grants.tokenMatches(token, token_sha256)) throw new Fault("token_invalid");
    return request;
  }

  return {
    async checkToken(id: RequestId, token: string | null): Promise<void> {
      const { token_sha256 } = (await known(id)).submission;
      if (token_sha256 === null) return;
      if (token === null || !grants.tokenMatches(token, token_sha256)) throw new Fault("token_invalid");
    },

    async grant(id: RequestId, token: string) {
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

    async claim(
      id: RequestId,
      { token, grant }: { readonly token: string; readonly grant: string },
    ): Promise<RequestView> {
      const { submission } = await callersOwn(id, token);
      if (guard.isFrozen()) throw new Fault("clock_frozen");
      const expected = { id, digest: submission.digest, now: clock.now(), shadow: true };
      const checked = await grants.verify(grant, expected);
      if (!checked.ok) throw new Fault(checked.refusal.code, checked.refusal.message, checked.refusal.hint);
      const start = (request: Request, { constraints }: Around): Event | Refusal => {
        if (halt.isHalted()) return refusal("halted");
        // While its turn came, the approval may have been taken back, and another version been approved.
        if (request.submission.digest !== submission.digest) return refusal("grant_invalid");
        const lapses = request.status === "approved" ? request.lapses : null;
        const runtime_ms = (constraints?.max_runtime_sec ?? Number.POSITIVE_INFINITY) * 1_000;
        const deadline = lapses === null ? null : iso(Math.min(Date.parse(lapses), clock.now() + runtime_ms));
        const attempt = attemptOf(request, "caller", deadline, constraints);
        return { type: "started", at: at(), attempt: { ...attempt, claimed_with: sha256(grant) } };
      };
      return ask(id, start, { lookFirst: true });
    },

    async complete(
      id: RequestId,
      { token, outcome }: { readonly token: string; readonly outcome: Reported },
    ): Promise<RequestView> {
      await callersOwn(id, token);
      return ask(id, (): Event => {
        if ("result" in outcome) return { type: "executed", at: at(), result: outcome.result };
        if ("failed" in outcome) return { type: "failed", at: at(), error: outcome.failed };
        return { type: "outcome_lost", at: at(), cause: `its caller cannot tell: ${outcome.unknown}` };
      });
    },
  };
}

/** Until when a grant of it is good; null where there is none to give. */
function grantExpires(request: Request): string | null {
  if (request.status === "executing") return request.attempt.deadline;
  return request.status === "approved" ? request.lapses : null;
}
