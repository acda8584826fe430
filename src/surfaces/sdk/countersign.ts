import { createHash, randomBytes } from "node:crypto";
import { Fault } from "../../core/codes.ts";
import type { EventType } from "../../core/event.ts";
import type { EventView } from "../../core/event-view.ts";
import type { Json, JsonObject, JsonShape } from "../../core/json.ts";
import type { Reported } from "../../core/request.ts";
import type { SwitchRecord } from "../../core/switch.ts";
import type { RequestView } from "../../core/view.ts";
import { requestPath, sendable } from "../client/connection.ts";
import { waitForNews } from "../client/waiting.ts";
import type { Act } from "./carrying-out.ts";
import { createGuard, type GuardOptions } from "./guard.ts";
import type { Link } from "./link.ts";
import { errorOf } from "./outcomes.ts";
import { jsonOfParams } from "./params.ts";
import { createWorkflow, type WorkflowOptions, type WorkflowResult } from "./workflow.ts";

/** What is asked for. */
export interface Action<Params extends JsonShape<Params> = JsonObject> {
  /** As the daemon's configuration names it. */
  readonly kind: string;
  readonly params?: Params;
  /** What people read first. */
  readonly title?: string;
  /** Over a token the requester is whom the token names. */
  readonly requester?: string;
  readonly on_behalf_of?: string;
  /** Makes asking twice the same as asking once: also over a crash of the caller. */
  readonly key?: string;
  /** How long the request may wait for a decision, from 1 second to 366 days (default: as its kind is configured). */
  readonly expires_in_ms?: number;
  /** The own request that ended without being carried out, and that this one tries again: what has changed is shown. */
  readonly previous?: string;
  /** Not to be started before this time (ISO 8601). */
  readonly not_before?: string;
  /**
   * What an action that the caller executes will be claimed with: some secret text, kept from before it is asked for, so
   * that a later process can ask again and go on. Without it one is made.
   */
  readonly token?: string;
}

/** What a request is answered with. */
export interface Asked {
  readonly request: RequestView;
  /** False when the same was asked for before. */
  readonly created: boolean;
  /** Whether the same action waited already without a key: one decision and one outcome are for both. */
  readonly joined: boolean;
  /** Only for actions that the caller executes, and only for whoever asked first, with the token that it asked with. */
  readonly token: string | null;
}

export interface WaitingOptions {
  /** How long at most; without it until the request has ended. */
  readonly timeout_ms?: number;
  readonly signal?: AbortSignal;
}

export interface AuditFilter {
  readonly event?: EventType | readonly EventType[];
  readonly requester?: string;
  /** Of this request alone. */
  readonly id?: string;
  /** Not before this time; ISO 8601 where it is text. */
  readonly since?: Date | string;
  /** How many at most; without it all. */
  readonly limit?: number;
}

/**
 * A daemon, as an agent or script meets it. Everything rejects with a `CountersignError` that has a `code` and a `hint`:
 * with `not_found` for an id that is none, with `unreachable` when the daemon is away for longer than `patience_ms`, and
 * with the codes that each method names.
 */
export interface Countersign {
  /**
   * Asks for an action; resolves once the request is recorded and a person can see it. Rejects with unknown_kind,
   * invalid_params, invalid_request, key_reused, asked_too_soon, too_many_attempts, over_limit; with `previous` also
   * not_retryable.
   */
  request<Params extends JsonShape<Params> = JsonObject>(action: Action<Params>): Promise<Asked>;
  /**
   * Waits until a request has ended, over restarts of the daemon; of an action that the caller executes also for the
   * approval. Rejects with `no_answer` when the time is over: waiting again goes on where this left off.
   */
  wait(id: string, options?: WaitingOptions): Promise<RequestView>;
  /** The result of an action that the daemon executes; rejects with a `NotDoneError` for everything else that can come of it. */
  outcome(id: string, options?: WaitingOptions): Promise<Json>;
  show(id: string): Promise<RequestView>;
  /** Withdraws a request; `token` for actions that the caller executes. Rejects with token_invalid, already_started, already_final. */
  cancel(id: string, options?: { token?: string; reason?: string }): Promise<RequestView>;
  /**
   * The grant of an approved action that the caller executes, to claim it with; behind the claim, the one for the tool.
   * `claimed_with`: the SHA-256 (hex) of the grant that it was claimed with. `expires`: ISO 8601. Rejects with
   * token_invalid, not_caller, not_approved, too_early, clock_frozen.
   */
  grant(id: string, token: string): Promise<{ grant: string; expires: string; claimed_with: string | null }>;
  /**
   * Consumes the approval: from here on the action is being executed, by the caller, once. Rejects with token_invalid,
   * not_caller, grant_invalid, grant_expired, not_approved, too_early, already_started, already_final, halted, clock_frozen:
   * then the action must not be executed.
   */
  claim(id: string, given: { token: string; grant: string }): Promise<RequestView>;
  /**
   * Says what came of it; `unknown` where it may have happened and cannot be told: then a person finds out. Rejects with
   * token_invalid, not_caller, not_executing, already_final.
   */
  complete(id: string, said: { token: string } & Reported): Promise<RequestView>;
  /**
   * Turns a function into one that runs only once a person has approved, with the params that were approved, and at most
   * once for each approval. The outcome is reported; a no is a `NotDoneError`.
   */
  guard<Params extends JsonShape<Params> = JsonObject, Result = unknown>(
    action: string | GuardOptions<Params, Result>,
    act: Act<Params, Result>,
  ): (params: Params) => Promise<Result>;
  /** Draft, validate, approve, execute; a no with its reason goes into the next draft. */
  workflow<Task, Draft extends JsonShape<Draft>, Result, Validation extends { readonly ok: boolean }>(
    options: WorkflowOptions<Task, Draft, Result, Validation>,
  ): (task: Task) => Promise<WorkflowResult<Draft, Result, Validation>>;
  readonly audit: {
    /** What happened, oldest first. */
    query(filter?: AuditFilter): Promise<readonly EventView[]>;
    /** Who halted, resumed and accepted the clock, oldest first. */
    switches(filter?: Pick<AuditFilter, "since">): Promise<readonly SwitchRecord[]>;
  };
  /** The public key that verifies this daemon's grants. */
  grantKey(): Promise<JsonObject>;
}

const PAGE = 1_000;

export function createCountersign(link: Link, requester: string | null): Countersign {
  const get = (path: string, signal?: AbortSignal) =>
    link.insist({ method: "GET", path, ...(signal && { signal }) }, true);

  const self: Countersign = {
    async request({ token = makeToken(), params, ...action }) {
      const given = {
        ...action,
        ...(params !== undefined && { params: jsonOfParams(params as JsonObject) }),
      };
      const body = {
        ...(requester !== null && { requester }),
        ...given,
        token_sha256: sha256(sendable(token)),
      };
      const question = { method: "POST", path: "/v1/requests", body } as const;
      const { own, ...asked } = await link.insist(question, action.key !== undefined);
      return { ...(asked as unknown as Asked), token: own === true ? token : null };
    },

    wait: (id, { timeout_ms, signal } = {}) =>
      waitForNews(link.ask, id, { timeout_ms: timeout_ms ?? null, ...(signal && { signal }) }),

    async outcome(id, { timeout_ms, signal } = {}) {
      const options = { timeout_ms: timeout_ms ?? null, until: "outcome" as const };
      const request = await waitForNews(link.ask, id, { ...options, ...(signal && { signal }) });
      const error = errorOf(request);
      if (error !== null) throw error;
      return request.result;
    },

    show: async (id) => viewIn(await get(requestPath(id))),

    async cancel(id, { token, reason } = {}) {
      const body = { ...(requester !== null && { by: requester }), reason: reason ?? null };
      return say(id, "cancel", body, token);
    },

    async grant(id, token) {
      const found = await link.insist({ method: "GET", path: requestPath(id, "/grant"), token }, true);
      return found as unknown as Awaited<ReturnType<Countersign["grant"]>>;
    },

    async claim(id, { token, grant }) {
      try {
        return await say(id, "claim", { grant }, token);
      } catch (error) {
        if (!(error instanceof Fault && error.code === "unreachable")) throw error;
        // It may have been heard before the daemon went away.
        const request = viewIn(await get(requestPath(id)));
        if (request.status === "approved") return say(id, "claim", { grant }, token);
        // Another process may have the same token; only by its grant is known which of them has begun.
        const isOurs =
          request.status !== "executing" || (await self.grant(id, token)).claimed_with === sha256(grant);
        if (!isOurs) throw new Fault("already_started");
        return request;
      }
    },

    async complete(id, { token, ...said }) {
      const path = requestPath(id, "/complete");
      try {
        return viewIn(await link.insist({ method: "POST", path, body: said, token }, true));
      } catch (error) {
        // Said before, and the answer was lost.
        const isOver = error instanceof Fault && ["already_final", "not_executing"].includes(error.code);
        const request = isOver ? viewIn(await get(requestPath(id))) : null;
        if (request?.status === statusBehind(said)) return request;
        throw error;
      }
    },

    guard: (action, act) => createGuard(self, action, act),
    workflow: (options) => createWorkflow(self, options),

    audit: {
      async query(filter = {}) {
        const found: EventView[] = [];
        const wanted = filter.event === undefined ? null : [filter.event].flat();
        const limit = filter.limit ?? Number.POSITIVE_INFINITY;
        for (let after: number | null = 0; after !== null && found.length < limit; ) {
          const page = await get(`/v1/audit?${auditQuery(filter, after)}`);
          const events = page.events as unknown as EventView[];
          found.push(...events.filter(({ event }) => wanted === null || wanted.includes(event)));
          after = page.next as number | null;
        }
        return found.slice(0, limit);
      },

      async switches(filter = {}) {
        const found: SwitchRecord[] = [];
        for (let after: number | null = 0; after !== null; ) {
          const page = await get(`/v1/audit/switches?${auditQuery(filter, after)}`);
          found.push(...(page.switches as unknown as SwitchRecord[]));
          after = page.next as number | null;
        }
        return found;
      },
    },

    grantKey: () => get("/v1/grant-key"),
  };
  return self;

  async function say(id: string, what: string, body: JsonObject, token?: string): Promise<RequestView> {
    const question = { method: "POST", path: requestPath(id, `/${what}`), body } as const;
    return viewIn(await link.insist({ ...question, ...(token !== undefined && { token }) }, false));
  }
}

/** So that nobody can guess it. */
function makeToken(): string {
  return randomBytes(32).toString("base64url");
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function statusBehind(said: Reported): RequestView["status"] {
  if ("failed" in said) return "failed";
  return "unknown" in said ? "outcome_unknown" : "executed";
}

function viewIn(answer: JsonObject): RequestView {
  return answer as unknown as RequestView;
}

function auditQuery({ event, requester, id, since }: AuditFilter, after: number): URLSearchParams {
  return new URLSearchParams({
    after: String(after),
    limit: String(PAGE),
    ...(typeof event === "string" && { event }),
    ...(requester !== undefined && { requester }),
    ...(id !== undefined && { id }),
    // A date that is none is the daemon's to refuse.
    ...(since !== undefined && { since: typeof since === "string" ? since : String(since.toJSON()) }),
  });
}
