import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { EVENT_TYPES, type Event, type EventType } from "../../src/core/event.ts";
import {
  askedOf,
  type EffectClass,
  isFinal,
  type Request,
  STATUSES,
  type Status,
} from "../../src/core/request.ts";
import { iso } from "../../src/core/timing.ts";
import { type Effect, fold, step, TRANSITIONS } from "../../src/core/transitions.ts";
import { sampleEvent, sampleRequest, sampleSubmission, sampleVerdict, T0 } from "../sample.ts";

/** One way into every status, so that the matrix meets each of them with real data. */
const HISTORIES: Record<Status, EventType[]> = {
  pending: ["submitted"],
  approved: ["submitted", "approved"],
  executing: ["submitted", "approved", "started"],
  outcome_unknown: ["submitted", "approved", "started", "outcome_lost"],
  executed: ["submitted", "approved", "started", "executed"],
  failed: ["submitted", "approved", "started", "failed"],
  rejected: ["submitted", "rejected"],
  changes_requested: ["submitted", "changes_requested"],
  expired: ["submitted", "expired"],
  cancelled: ["submitted", "cancelled"],
  denied: ["submitted", "denied"],
};

/**
 * The life cycle as DESIGN has it, written down a second time: a slip in the table must not be its own witness. Absent
 * pairs are refused, among them what only the data of the sample requests rules out.
 */
const LEGAL: Record<Status, Partial<Record<EventType, Status>>> = {
  pending: {
    joined: "pending",
    amended: "pending",
    reminded: "pending",
    escalated: "pending",
    roster_changed: "pending",
    denied: "denied",
    approved: "approved",
    rejected: "rejected",
    changes_requested: "changes_requested",
    expired: "expired",
    cancelled: "cancelled",
    refused: "pending",
  },
  approved: {
    joined: "approved",
    started: "executing",
    rejected: "rejected",
    changes_requested: "changes_requested",
    taken_back: "pending",
    denied: "denied",
    sent_back: "pending",
    quorum_lost: "pending",
    cancelled: "cancelled",
    refused: "approved",
  },
  executing: {
    executed: "executed",
    failed: "failed",
    outcome_lost: "outcome_unknown",
    refused: "executing",
  },
  outcome_unknown: { resolved_happened: "executed", resolved_did_not: "failed", refused: "outcome_unknown" },
  executed: { archived: "executed", refused: "executed" },
  failed: { archived: "failed", refused: "failed" },
  rejected: { archived: "rejected", refused: "rejected" },
  changes_requested: { archived: "changes_requested", refused: "changes_requested" },
  expired: { archived: "expired", refused: "expired" },
  cancelled: { archived: "cancelled", refused: "cancelled" },
  denied: { archived: "denied", refused: "denied" },
};

describe("the life cycle", () => {
  for (const status of STATUSES) {
    for (const type of EVENT_TYPES) {
      const next = LEGAL[status][type];
      test(`${status} × ${type} ${next === undefined ? "is refused" : `leads to ${next}`}`, () => {
        const request = sampleRequest(HISTORIES[status]);
        expect(request.status).toBe(status);
        const stepped = step(request, sampleEvent(type));
        if (next === undefined) {
          expect(stepped).toMatchObject({ ok: false });
        } else {
          expect(stepped).toMatchObject({
            ok: true,
            request: { status: next, revision: request.revision + 1 },
          });
        }
      });
    }
  }

  test("nothing leaves a final status", () => {
    for (const status of STATUSES) {
      if (!isFinal(sampleRequest(HISTORIES[status]))) continue;
      expect(new Set(Object.values(TRANSITIONS[status]))).toEqual(new Set([status]));
    }
  });

  test("an approval first seen at or after the deadline is refused", () => {
    const submission = sampleSubmission();
    const event = sampleEvent("approved", submission, 3_600);
    expect(step(sampleRequest(), event)).toMatchObject({ ok: false, refusal: { code: "too_late" } });
    const justInTime = sampleEvent("approved", submission, 3_599);
    expect(step(sampleRequest(), justInTime)).toMatchObject({ ok: true });
  });

  test("nobody joins what is past its deadline, or a grant that ran out", () => {
    const late = sampleEvent("joined", sampleSubmission(), 3_600);
    expect(step(sampleRequest(), late)).toMatchObject({ ok: false, refusal: { code: "too_late" } });
    expect(step(sampleRequest(["submitted", "approved"]), late)).toMatchObject({ ok: true });
    const submission = sampleSubmission({}, { caller: true, token_sha256: "00" });
    const granted = sampleRequest(["submitted", "approved"], submission);
    expect(step(granted, sampleEvent("joined", submission, 899))).toMatchObject({ ok: true });
    expect(step(granted, sampleEvent("joined", submission, 900))).toMatchObject({ ok: false });
  });

  test("an approval of another digest is refused", () => {
    const other = sampleSubmission({ params: { amount_cents: 1 } });
    expect(step(sampleRequest(), sampleEvent("approved", other))).toMatchObject({
      ok: false,
      refusal: { code: "digest_mismatch" },
    });
  });

  test("a change of the action voids an approval of what it was, and what was asked for stays known", () => {
    const asked = sampleRequest();
    const change = (amount_cents: number, at = 2) => {
      const params = { amount_cents, payee: "ACME GmbH" };
      const { digest, action_digest, title, next_effect } = sampleSubmission({ params });
      const version = { params, digest, action_digest, title, next_effect };
      const event = sampleEvent("amended", sampleSubmission(), at);
      return { ...event, ...version } as Extract<Event, { type: "amended" }>;
    };
    const once = fold([change(90_000)], asked) as Request;
    expect(once).toMatchObject({
      status: "pending",
      submission: {
        digest: change(90_000).digest,
        fields: { ...asked.submission.fields, params: { amount_cents: 90_000 } },
      },
      amendment: {
        asked: { digest: asked.submission.digest },
        before: { digest: asked.submission.digest },
        by: "ada",
      },
    });
    expect(once.history.at(-1)).toMatchObject({
      by: "ada",
      detail: "amount_cents was 150000 and is 90000 now",
    });
    expect(step(once, sampleEvent("approved"))).toMatchObject({
      ok: false,
      refusal: { code: "digest_mismatch" },
    });
    const twice = fold([change(80_000)], once) as Request;
    expect(twice.amendment).toMatchObject({
      asked: { digest: asked.submission.digest },
      before: { digest: once.submission.digest },
    });
    const approved = sampleEvent("approved", twice.submission);
    expect(fold([approved, sampleEvent("started"), sampleEvent("executed")], twice)).toMatchObject({
      status: "executed",
      submission: { fields: { params: { amount_cents: 80_000 } } },
      amendment: twice.amendment,
    });
    expect(step(asked, change(1, 3_600))).toMatchObject({ ok: false, refusal: { code: "too_late" } });
  });

  test("a verdict starts nothing but what the policy allowed when it was asked for", () => {
    const allowed = sampleSubmission({}, { verdict: sampleVerdict("allow") });
    const asked = sampleSubmission({}, { verdict: sampleVerdict("require_approval") });
    const denied = sampleSubmission({}, { verdict: sampleVerdict("deny") });
    expect(step(sampleRequest(["submitted"], allowed), sampleEvent("allowed"))).toMatchObject({
      ok: true,
      request: { status: "approved" },
    });
    expect(
      fold([sampleEvent("started")], sampleRequest(["submitted", "allowed"], allowed)),
    ).not.toHaveProperty("decision");
    for (const submission of [asked, denied, sampleSubmission()]) {
      expect(
        step(sampleRequest(["submitted"], submission), sampleEvent("allowed", submission)),
      ).toMatchObject({
        ok: false,
      });
    }
    expect(step(sampleRequest(["submitted"], allowed), sampleEvent("allowed", allowed, 3_600))).toMatchObject(
      {
        ok: false,
        refusal: { code: "too_late" },
      },
    );
    const amended = sampleRequest(["submitted", "amended"], allowed);
    expect(step(amended, sampleEvent("allowed", allowed))).toMatchObject({ ok: false });
    const refused = { ok: false, refusal: { code: "not_pending" } };
    expect(step(sampleRequest(["submitted"], denied), sampleEvent("approved", denied))).toMatchObject(
      refused,
    );
  });

  test("what is sent back needs another decision, about the stricter rule", () => {
    const back = sampleRequest(["submitted", "approved", "sent_back"]);
    expect(back).toMatchObject({
      status: "pending",
      submission: { fields: { rule: "stricter" }, verdict: { rule: "stricter" } },
      amendment: {
        asked: { digest: sampleSubmission().digest },
        by: null,
        sent_back: "Payments are watched.",
      },
    });
    expect(step(back, sampleEvent("approved"))).toMatchObject({
      ok: false,
      refusal: { code: "digest_mismatch" },
    });
    expect(step(back, sampleEvent("approved", back.submission))).toMatchObject({ ok: true });
    expect(step(back, sampleEvent("allowed"))).toMatchObject({ ok: false });
  });

  test("a grant that ran out neither starts nor stays approved", () => {
    const submission = sampleSubmission({}, { caller: true, token_sha256: "00" });
    const approved = sampleRequest(["submitted", "approved"], submission);
    const late = sampleEvent("started", submission, 900);
    expect(step(approved, late)).toMatchObject({ ok: false, refusal: { code: "grant_expired" } });
    expect(step(approved, sampleEvent("expired", submission))).toMatchObject({ ok: true });
  });

  test("a rejection is not reported before its reason had its time", () => {
    const rejected = { ...sampleEvent("rejected"), settled: false } as ReturnType<typeof sampleEvent>;
    const stepped = step(sampleRequest(), rejected);
    expect(stepped).toMatchObject({ ok: true, effects: [{ do: "record" }] });
    if (!stepped.ok) return;
    expect(step(stepped.request, sampleEvent("archived"))).toMatchObject({ ok: false });
    const settled = step(stepped.request, sampleEvent("settled"));
    expect(settled).toMatchObject({ ok: true, request: { decision: { reason: "too much" } } });
    expect(settled.ok && settled.effects.map((effect) => effect.do)).toEqual(["record", "report", "archive"]);
  });
});

describe("another attempt", () => {
  const executing = (effect: EffectClass, caller = false) => {
    const token_sha256 = caller ? "00" : null;
    const submission = sampleSubmission({ effect }, { caller, token_sha256 });
    return sampleRequest(["submitted", "approved", "started"], submission);
  };
  const retried = (number: number): Event => ({
    type: "retried",
    at: iso(T0 + 9_000),
    number,
    because: "503",
  });

  test("is refused of what is unsafe, of what the caller executes, and out of order", () => {
    const refusal = { ok: false, refusal: { code: "already_started" } };
    expect(step(executing("unsafe"), retried(2))).toMatchObject(refusal);
    expect(step(executing("key", true), retried(2))).toMatchObject(refusal);
    for (const number of [0, 1, 3]) expect(step(executing("key"), retried(number))).toMatchObject(refusal);
  });

  test.each<EffectClass>(["natural", "key", "lookup"])("of %s is recorded, with the same key", (effect) => {
    const second = step(executing(effect), retried(2));
    if (!second.ok) throw new Error("it was refused");
    expect(second.effects.map((one) => one.do)).toEqual(["record"]);
    const third = step(second.request, retried(3));
    expect(third).toMatchObject({
      ok: true,
      request: { status: "executing", attempt: { number: 3, idempotency_key: "k", executor: "daemon" } },
    });
    expect(third.ok && third.request.history.at(-1)?.detail).toBe("attempt 3, because 503");
  });
});

describe("any history", () => {
  /** Mostly on the way through a whole life, so that late events meet late states often enough. */
  const onTheWay = fc.constantFrom<EventType>(
    "joined",
    "approved",
    "allowed",
    "started",
    "outcome_lost",
    "taken_back",
    "sent_back",
    "refused",
  );
  const anySays = fc.constantFrom("allow", "deny", "require_approval", null);
  const anyType = fc.oneof(
    { weight: 3, arbitrary: onTheWay },
    { weight: 2, arbitrary: fc.constantFrom(...EVENT_TYPES) },
  );

  test("has at most one execution, recorded right before it, and ends archived only when final", () => {
    fc.assert(
      fc.property(fc.array(anyType, { maxLength: 40 }), fc.boolean(), anySays, (types, caller, says) => {
        const verdict = says === null ? {} : { verdict: sampleVerdict(says) };
        const submission = sampleSubmission({}, { caller, token_sha256: caller ? "00" : null, ...verdict });
        const effects: Effect[] = [];
        let request: Request | null = null;
        let starts = 0;
        for (const [i, type] of (["submitted", ...types] as const).entries()) {
          const stepped = step(request, sampleEvent(type, submission, i));
          if (!stepped.ok) continue;
          if (type === "started") starts += 1;
          expect(says === "deny" && type === "started").toBe(false);
          if (request?.status === "denied") expect(stepped.request.status).toBe("denied");
          if (type === "archived") expect(request !== null && isFinal(request)).toBe(true);
          request = stepped.request;
          effects.push(...stepped.effects);
        }
        const executions = effects.flatMap((effect, i) => (effect.do === "execute" ? [i] : []));
        expect(starts).toBeLessThanOrEqual(1);
        expect(executions.length).toBe(caller ? 0 : starts);
        for (const at of executions) {
          expect(effects[at - 1]).toMatchObject({ do: "record", event: { type: "started" } });
        }
      }),
      { numRuns: 2_000 },
    );
  });

  test("needs a person once one has taken back what the policy had let through, in shadow as well", () => {
    const inShadow = sampleVerdict("allow", { shadow: sampleVerdict("require_approval") });
    const verdicts = fc.constantFrom(sampleVerdict("allow"), inShadow);
    fc.assert(
      fc.property(fc.array(onTheWay, { maxLength: 30 }), verdicts, (types, verdict) => {
        const submission = sampleSubmission({}, { verdict });
        let request: Request | null = null;
        let held = false;
        for (const [i, type] of (["submitted", "allowed", ...types] as const).entries()) {
          const sample = sampleEvent(type, submission, i);
          const isAllowed: boolean = request !== null && "allowed_at" in request;
          const event: Event =
            sample.type === "taken_back" && isAllowed ? { ...sample, allowed: true } : sample;
          const stepped = step(request, event);
          if (!stepped.ok) continue;
          if (type === "taken_back") held = true;
          if (type === "approved" || type === "sent_back") held = false;
          if (held) expect(["pending", "denied"]).toContain(stepped.request.status);
          if (held) expect(stepped.request.submission.verdict).toMatchObject({ says: "require_approval" });
          request = stepped.request;
        }
      }),
      { numRuns: 1_000 },
    );
  });

  test("of before this was recorded is read as it was: what was taken back was allowed again", () => {
    const submission = sampleSubmission({}, { verdict: sampleVerdict("allow") });
    const types = ["submitted", "allowed", "taken_back", "allowed", "started"] as const;
    const events = types.map((type, i) => sampleEvent(type, submission, i));
    expect(fold(events)?.status).toBe("executing");
    const said = { ...events[2], allowed: true } as Event;
    expect(() => fold([...events.slice(0, 2), said, ...events.slice(3)])).toThrow("impossible");
  });

  test("counts how often it was asked for, in one line of history for each row of askings", () => {
    fc.assert(
      fc.property(fc.array(anyType, { maxLength: 40 }), (types) => {
        let request = sampleRequest();
        let asked = 1;
        for (const [i, type] of types.entries()) {
          const stepped = step(request, sampleEvent(type, sampleSubmission(), i));
          if (!stepped.ok) continue;
          if (type === "joined") asked += 1;
          request = stepped.request;
          expect(askedOf(request)).toBe(asked);
        }
        const lines = request.history.map(({ event }) => event);
        expect(lines.some((event, i) => event === "joined" && lines[i - 1] === "joined")).toBe(false);
      }),
    );
  });

  test("folds to what stepping through it gave", () => {
    fc.assert(
      fc.property(fc.array(anyType, { maxLength: 20 }), (types) => {
        const legal = [];
        let request: Request | null = null;
        for (const [i, type] of (["submitted", ...types] as const).entries()) {
          const event = sampleEvent(type, sampleSubmission(), i);
          const stepped = step(request, event);
          if (!stepped.ok) continue;
          legal.push(event);
          request = stepped.request;
        }
        expect(fold(legal)).toEqual(request);
        const half = Math.floor(legal.length / 2);
        expect(fold(legal.slice(half), fold(legal.slice(0, half)))).toEqual(request);
      }),
    );
  });
});
