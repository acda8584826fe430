import fc from "fast-check";
import { expect, test } from "vitest";
import { NO_CAPS } from "../../src/application/caps.ts";
import { judgeBy } from "../../src/application/judging.ts";
import { createSubmission, type Kind, type SubmissionPorts } from "../../src/application/submission.ts";
import type { Event } from "../../src/core/event.ts";
import { NOBODY } from "../../src/core/people.ts";
import type { Request } from "../../src/core/request.ts";
import { step } from "../../src/core/transitions.ts";
import { viewOf } from "../../src/core/view.ts";
import { createPlanning } from "../../src/daemon/planning.ts";
import type { Policy } from "../../src/policy/policy.ts";
import { fakeClock } from "../fake-clock.ts";
import { policyOf } from "../policy/stage.ts";
import { fallback, PARAMS, rules, textOf } from "../policy/written.ts";
import { T0 } from "../sample.ts";

const KIND: Kind = {
  handler: async () => ({ status: "executed", result: null }),
  limits: { grant_ms: 900_000, execute_by_ms: 86_400_000 },
  editable: [],
  checkParams: () => [],
  tags: [],
  shadow: false,
  title: null,
  next_effect: null,
  effect: "unsafe",
  expires_ms: 3_600_000,
};

/**
 * What becomes of a request at once, with nobody there who could decide: all that is recorded of it. `later` is the kind by
 * the time that the record of the submission is acted on: after a crash it may be another one.
 */
async function askFor(
  inForce: Policy | null,
  kind: Kind,
  later: Kind = kind,
): Promise<{ request: Request; events: Event[] }> {
  const clock = fakeClock(T0);
  const policy = judgeBy(() => inForce, clock);
  const events: Event[] = [];
  const planning = createPlanning(
    {
      clock,
      halt: { isHalted: () => false, set: async () => {} },
      guard: { isFrozen: () => false },
      kind: () => later,
      policy,
      people: () => NOBODY,
      merging: () => false,
      settle_ms: 0,
      settle_ticks_ms: 0,
    },
    { isRunning: () => true, isFresh: () => true, isClosing: () => false },
  );
  let request: Request | null = null;
  const take = (event: Event): Request => {
    const stepped = step(request, event);
    if (!stepped.ok) throw new Error(stepped.refusal.code);
    events.push(event);
    request = stepped.request;
    return request;
  };
  const submit = createSubmission({
    daemon: {
      async submit(event: Event) {
        const made = take(event);
        const seen = { look: { at: "nowhere", confirmed: false }, memory: null };
        for (const due of planning.plan(made, seen as never).events) take(due);
        return request;
      },
    },
    ledger: { findAsked: async () => null, findRefused: async () => null },
    clock,
    random: (length: number) => new Uint8Array(length).fill(7),
    createToken: () => ({ token: "t", sha256: "00" }),
    host: "laptop",
    kind: () => kind,
    kinds: ["payment"],
    policy,
    people: () => NOBODY,
    retry: { cool_down_ms: 0, max_attempts: 5 },
    caps: NO_CAPS,
  } as unknown as SubmissionPorts);
  await submit({ kind: "payment", params: PARAMS, requester: "billing-agent" });
  if (request === null) throw new Error("nothing was submitted");
  return { request, events };
}

const policies = fc.option(
  fc.tuple(rules, fallback).map(([written, otherwise]) => textOf(written, otherwise)),
  { freq: 10 },
);

test.each([
  ["the daemon", KIND.handler],
  ["its caller", null],
])(
  "for every policy, what %s executes goes ahead in shadow, and what would have been is recorded",
  async (_, handler) => {
    await fc.assert(
      fc.asyncProperty(policies, async (text) => {
        const policy = text === null ? null : policyOf(text);
        const earnest = await askFor(policy, { ...KIND, handler });
        const shadow = await askFor(policy, { ...KIND, handler, shadow: true });

        // Out of shadow nothing is any different for there being such a thing.
        const said = earnest.request.submission.verdict;
        expect(JSON.stringify(earnest.events)).not.toContain("shadow");
        expect(viewOf(earnest.request).shadow).toBeNull();
        expect(said === undefined).toBe(policy === null);

        const { verdict } = shadow.request.submission;
        expect(shadow.events.map(({ type }) => type)).toEqual([
          "submitted",
          "allowed",
          ...(handler === null ? [] : ["started"]),
        ]);
        expect(shadow.request).toMatchObject({ status: handler === null ? "approved" : "executing" });
        expect(shadow.request).not.toHaveProperty("decision");
        expect(shadow.request.submission.roster).toBeUndefined();
        if ("attempt" in shadow.request) expect(shadow.request.attempt.constraints).toBeUndefined();

        // What would have been is, to the letter, what is said where the kind is not in shadow; of the same action.
        if (said === undefined)
          expect(verdict?.shadow).toMatchObject({ says: "require_approval", policy: null });
        else expect(verdict?.shadow).toEqual(said);
        expect(shadow.request.submission.digest).toBe(earnest.request.submission.digest);

        // It is told of where it made a difference, and nowhere else.
        const goesAheadAnyway = said?.says === "allow" && said.constraints === null;
        const view = viewOf(shadow.request);
        expect(view.verdict).toMatchObject({ says: "allow", constraints: null });
        expect(view.verdict).not.toHaveProperty("shadow");
        if (goesAheadAnyway) expect(view).toMatchObject({ shadow: null, verdict: said });
        else expect(view.shadow).toEqual(verdict?.shadow);
      }),
      { numRuns: 300 },
    );
  },
);

test("for every policy, what had not begun when its kind left shadow stands where it would have without", async () => {
  await fc.assert(
    fc.asyncProperty(policies, async (text) => {
      const policy = text === null ? null : policyOf(text);
      const earnest = await askFor(policy, KIND);
      const { request, events } = await askFor(policy, { ...KIND, shadow: true }, KIND);
      expect(request.status).toBe(earnest.request.status);
      expect(events.map(({ type }) => type)).toEqual([
        "submitted",
        "allowed",
        { executing: "started", denied: "denied" }[request.status as string] ?? "sent_back",
      ]);
      const attemptIn = (one: Request) => ("attempt" in one ? one.attempt : null);
      expect(attemptIn(request)).toEqual(attemptIn(earnest.request));
      const [view, then] = [viewOf(request), viewOf(earnest.request)];
      if (request.status !== "executing") expect(view.shadow).toBeNull();
      if (request.status !== "executing" && policy !== null) expect(view.verdict).toEqual(then.verdict);
      if (request.status === "pending") expect(view.digest).toBe(then.digest);
    }),
    { numRuns: 300 },
  );
});
