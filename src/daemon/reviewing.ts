import { type Refusal, refusal } from "../core/codes.ts";
import type { Event } from "../core/event.ts";
import type { Json } from "../core/json.ts";
import { approversOf, type Request, type RequestId, rosterIn } from "../core/request.ts";
import { servicesOf } from "../core/roster.ts";
import { iso, UNKNOWN_LIMITS, windowOf } from "../core/timing.ts";
import { approvalBy } from "../core/voting.ts";
import {
  questionFor,
  readAnswer,
  type ServiceAnswer,
  type ServiceDialect,
} from "../document/service-exchange.ts";
import type { Clock, KindSettings, Ledger, Log } from "./ports.ts";

/** A program that may be named as an approver. */
export interface Service {
  readonly dialect: ServiceDialect;
  /** Its answer, as JSON. Rejects, with a sentence, when there is none in time. */
  readonly ask: (question: Json, signal: AbortSignal) => Promise<Json>;
}

export interface ReviewingPorts {
  readonly ledger: Ledger;
  readonly daemon: {
    ask(id: RequestId, propose: (request: Request) => Event | Refusal): Promise<unknown>;
  };
  readonly clock: Clock;
  readonly log: Log;
  readonly kind: (kind: string) => KindSettings | null;
  /** By name, as policies have it. */
  readonly services: ReadonlyMap<string, Service>;
}

/** After a failure a service is asked again so much later (ms); behind the last, it is left out. */
const AGAIN_MS = [5_000, 60_000, 600_000];

/** Events behind which somebody else may have to be asked, or the same about something else. */
const ASKS: ReadonlySet<Event["type"]> = new Set([
  "submitted",
  "amended",
  "sent_back",
  "roster_changed",
  "quorum_lost",
]);

/**
 * Asks the services that a request's rule names, once for each version of the action, and records what they say. No
 * answer, or one that is not about this very request, is no vote: it is recorded, and tried again a few times.
 */
export function createReviewing(ports: ReviewingPorts) {
  const { ledger, daemon, clock, log } = ports;
  const ending = new AbortController();
  /** What has been asked, by request; with its digest, since the same service may be asked about a changed action. */
  const asked = new Map<RequestId, Set<string>>();
  const waiting = new Set<() => void>();
  const underWay = new Set<Promise<void>>();

  function consider(request: Request): void {
    const { fields, digest } = request.submission;
    const roster = rosterIn(request);
    if (request.status !== "pending") {
      asked.delete(fields.id);
      return;
    }
    if (roster === null || ending.signal.aborted) return;
    const voted = approversOf(request);
    for (const reviewer of servicesOf(roster)) {
      const mark = `${digest} ${reviewer}`;
      const before = asked.get(fields.id) ?? new Set();
      if (voted.includes(reviewer) || before.has(mark)) continue;
      asked.set(fields.id, before.add(mark));
      ask(request, reviewer, 0);
    }
  }

  function ask(request: Request, reviewer: string, attempt: number): void {
    const turn = review(request, reviewer, attempt)
      .catch((error: unknown) =>
        log.error({ err: error, id: request.submission.fields.id }, "a service could not be asked"),
      )
      .finally(() => underWay.delete(turn));
    underWay.add(turn);
  }

  async function review(request: Request, reviewer: string, attempt: number): Promise<void> {
    const { fields, digest } = request.submission;
    const answer = await answerOf(request, reviewer);
    if (ending.signal.aborted) return;
    if (!("wrong" in answer)) {
      if (answer.says !== "abstain")
        await daemon.ask(fields.id, (now) => decisionOf(now, digest, reviewer, answer));
      return;
    }
    log.warn({ id: fields.id, service: reviewer, attempt }, answer.wrong);
    const detail = answer.wrong;
    const event = {
      type: "refused",
      at: iso(clock.now()),
      code: "service_failed",
      by: reviewer,
      detail,
    } as const;
    await daemon.ask(fields.id, (now) => (isAsked(now, digest) ? event : refusal("not_pending")));
    const again = AGAIN_MS[attempt];
    if (again === undefined) return;
    const cancel = clock.after(again, () => {
      waiting.delete(cancel);
      void askAgain(fields.id, digest, reviewer, attempt + 1);
    });
    waiting.add(cancel);
  }

  async function askAgain(id: RequestId, digest: string, reviewer: string, attempt: number): Promise<void> {
    const request = await ledger.read(id);
    if (request === null || !isAsked(request, digest) || ending.signal.aborted) return;
    ask(request, reviewer, attempt);
  }

  async function answerOf(request: Request, reviewer: string): Promise<ServiceAnswer | { wrong: string }> {
    const service = ports.services.get(reviewer.slice(reviewer.indexOf(":") + 1));
    if (service === undefined) return { wrong: "The configuration has no such service." };
    const question = questionFor(request, service.dialect);
    try {
      return readAnswer(await service.ask(question, ending.signal), question, service.dialect);
    } catch (error) {
      return { wrong: error instanceof Error ? error.message : String(error) };
    }
  }

  function decisionOf(
    now: Request,
    digest: string,
    reviewer: string,
    { says, reason }: ServiceAnswer,
  ): Event | Refusal {
    if (!isAsked(now, digest)) return refusal("not_pending");
    const at = iso(clock.now());
    const verb = says === "approve" ? ("approve" as const) : ("reject" as const);
    const decision = {
      verb,
      reviewer,
      reason,
      digest,
      assurance: "os",
      seen_at: at,
      via: "service",
      note_sha256: null,
    } as const;
    if (verb === "reject") return { type: "rejected", at, decision, settled: true };
    const limits = ports.kind(now.submission.fields.kind)?.limits ?? UNKNOWN_LIMITS;
    const window = windowOf(now.submission, clock.now(), limits);
    return approvalBy(decision, now, { at, window });
  }

  const unfollow = ledger.follow(({ id, event }) => {
    if (ASKS.has(event.type)) void ledger.read(id).then((request) => request !== null && consider(request));
  });

  return {
    /** Asks again about what waited when the daemon ended. */
    async start(): Promise<void> {
      for (const request of await ledger.open()) consider(request);
    },

    /** Resolves when nobody is being asked. */
    async settled(): Promise<void> {
      while (underWay.size > 0) await Promise.all(underWay);
    },

    async stop(): Promise<void> {
      unfollow();
      ending.abort();
      for (const cancel of waiting) cancel();
      await Promise.all(underWay);
    },
  };
}

/** Whether a request still waits for an answer about what it was asked about. */
function isAsked({ status, submission }: Request, digest: string): boolean {
  return status === "pending" && submission.digest === digest;
}
