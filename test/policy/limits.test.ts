import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Event } from "../../src/core/event.ts";
import type { JsonObject } from "../../src/core/json.ts";
import { exact, tellExact } from "../../src/policy/exact.ts";
import { judge } from "../../src/policy/judge.ts";
import { usedBy } from "../../src/policy/limits.ts";
import type { Policy } from "../../src/policy/policy.ts";
import { createUsage } from "../../src/policy/usage.ts";
import { NOW, policyOf, subject } from "./stage.ts";

const limit = (more = "", decision = "require_approval") => `
default: allow
limits:
  - id: payee-daily
    match: { kind: payment }
    sum: params.amount
    per: params.payee
    within: 1d
    over: 500
    decision: ${decision}
${more}`;

const ask = (policy: Policy, params: JsonObject, used: Record<string, number> = {}, kind = "payment") =>
  judge(policy, subject({ kind, params }), usedBy(used));

describe("a limit", () => {
  const policy = policyOf(limit());

  test.each([
    ["what stays below it is allowed", 99, 0, "allow", null],
    ["what just reaches it is allowed", 5, 495, "allow", null],
    ["what goes over it needs a person", 6, 495, "require_approval", "payee-daily"],
    ["one that is over it alone needs a person", 501, 0, "require_approval", "payee-daily"],
    ["cents are added up without rounding", 0.1, 499.9, "allow", null],
    ["a ten-millionth too much is over", 0.1000001, 499.9, "require_approval", "payee-daily"],
    ["nothing takes nothing", 0, 500, "allow", null],
  ])("%s", (_, amount, used, verdict, rule) => {
    const found = ask(policy, { amount, payee: "ACME" }, { "payee-daily": used });
    expect(found).toMatchObject({ verdict, rule });
    expect(found.requirements !== null).toBe(verdict === "require_approval");
  });

  test("says how far it is used", () => {
    const found = ask(policy, { amount: 99, payee: "ACME" }, { "payee-daily": 450.5 });
    expect(found.reason).toBe("The limit payee-daily: 549.5 of 500 within 1d, 99 of it for this.");
    expect(found.limits).toMatchObject([{ limit: "payee-daily", exceeded: true }]);
  });

  test.each([
    ["the param is not there", { payee: "ACME" }],
    ["it is no number", { amount: "5", payee: "ACME" }],
    ["it is below nothing, which would make room for others", { amount: -5, payee: "ACME" }],
    ["it is too large to be added up", { amount: 1e16, payee: "ACME" }],
    ["it is nothing", { amount: null, payee: "ACME" }],
    ["what it is added up with is not there", { amount: 5 }],
    ["what it is added up with is no plain value", { amount: 5, payee: ["ACME"] }],
  ])("counts a doubt as being over: %s", (_, params) => {
    expect(ask(policy, params)).toMatchObject({
      verdict: "require_approval",
      rule: "payee-daily",
      limits: [{ exceeded: "doubt" }],
    });
    expect(ask(policyOf(limit("", "deny")), params)).toMatchObject({ verdict: "deny", rule: "payee-daily" });
  });

  test("whose count is not known is in doubt", () => {
    const found = judge(policy, subject({ params: { amount: 5, payee: "ACME" } }), () => null);
    expect(found).toMatchObject({ verdict: "require_approval", limits: [{ exceeded: "doubt" }] });
  });

  test("says nothing of what it does not match", () => {
    expect(ask(policy, {}, {}, "deploy")).toMatchObject({ verdict: "allow", limits: [] });
  });

  test("without a sum counts requests", () => {
    const counting = policyOf(
      "default: allow\nlimits: [{ id: few, per: requester, within: 1h, over: 3, decision: deny }]",
    );
    expect(ask(counting, {}, { few: 2 }).verdict).toBe("allow");
    expect(ask(counting, {}, { few: 3 })).toMatchObject({ verdict: "deny", rule: "few", requirements: null });
  });
});

describe("a limit beside rules", () => {
  const rules = `rules:
  - { id: no, match: { requester: mallory }, decision: deny }
  - { id: boss, match: { requester: big }, decision: require_approval, approvers: boss, expires: 2h }
  - { id: some, match: { requester: sampled }, decision: allow, sample: 100% }
`;
  const policy = policyOf(
    limit(`    approvers: [treasury]\n    expires: 1h\n    reason: Enough for today\n${rules}`),
  );
  const over = (requester: string) =>
    judge(policy, subject({ requester, params: { amount: 501, payee: "A" } }), usedBy({}));

  test("asks for its own approvers where a rule allows, in its own words", () => {
    expect(over("bot")).toMatchObject({
      verdict: "require_approval",
      rule: "payee-daily",
      requirements: { approvers: [{ of: ["treasury"], quorum: 1 }], expires_ms: 3_600_000 },
    });
    expect(over("bot").reason).toMatch(/^Enough for today \(payee-daily: 501 of 500/);
  });

  test("asks for its own and the rule's where a rule asks", () => {
    expect(over("big")).toMatchObject({
      verdict: "require_approval",
      rule: "boss",
      joined: ["payee-daily"],
      requirements: {
        approvers: [
          { of: ["boss"], quorum: 1 },
          { of: ["treasury"], quorum: 1 },
        ],
        expires_ms: 3_600_000,
      },
    });
  });

  test("changes nothing where a rule denies, and needs no sample where it asks itself", () => {
    expect(over("mallory")).toMatchObject({ verdict: "deny", rule: "no" });
    expect(over("sampled")).toMatchObject({ verdict: "require_approval", rule: "payee-daily", sample: null });
  });
});

describe("what counts towards a limit", () => {
  const policy = policyOf(limit());
  const [only] = policy.limits;
  const DAY = 86_400_000;
  const event = (type: string, at: number, more: object = {}) =>
    ({ type, at: new Date(at).toISOString(), ...more }) as unknown as Event;
  const counted = (amount: number, payee: string) => subject({ params: { amount, payee } });
  const used = (usage: ReturnType<typeof createUsage>, at: number, payee = "acme", id = "new") =>
    only && tellExact(usage.besides(id, at)(only, JSON.stringify([payee])) ?? -1n);

  test("is what is open, however long, and what was started in its time", () => {
    const usage = createUsage(policy.limits);
    usage.hold("a", counted(100, "ACME"));
    usage.hold("b", counted(20, "ACME"));
    usage.hold("c", counted(3, "Other"));
    expect(used(usage, NOW)).toBe("120");
    expect(used(usage, NOW + 9 * DAY)).toBe("120");
    usage.take("a", event("started", NOW));
    usage.take("a", event("executed", NOW));
    expect(used(usage, NOW + DAY - 1)).toBe("120");
    expect(used(usage, NOW + DAY)).toBe("20");
    expect(used(usage, NOW + DAY, "other")).toBe("3");
  });

  test.each(["rejected", "changes_requested", "expired", "cancelled", "denied"])(
    "is not what ended without a start: %s",
    (type) => {
      const usage = createUsage(policy.limits);
      usage.hold("a", counted(100, "ACME"));
      usage.take("a", event(type, NOW));
      expect(used(usage, NOW)).toBe("0");
    },
  );

  test.each([
    ["executed", "100"],
    ["failed", "100"],
    ["outcome_lost", "100"],
    ["resolved_happened", "100"],
    ["resolved_did_not", "0"],
  ])("is what was started, unless a person says that it did not happen: %s", (type, left) => {
    const usage = createUsage(policy.limits);
    usage.hold("a", counted(100, "ACME"));
    usage.take("a", event("started", NOW));
    usage.take("a", event(type, NOW));
    expect(used(usage, NOW)).toBe(left);
  });

  test("is what a person made of it, and the same whatever the spelling", () => {
    const usage = createUsage(policy.limits);
    usage.hold("a", counted(100, " ac\u200bme "));
    usage.hold("b", counted(1, "ＡＣＭＥ"));
    usage.take("a", event("amended", NOW, { params: { amount: 40, payee: "Acme" } }));
    expect(used(usage, NOW)).toBe("41");
    usage.take("b", event("amended", NOW, { params: { amount: 7, payee: "Other" } }));
    expect(used(usage, NOW)).toBe("40");
    expect(used(usage, NOW, "other")).toBe("7");
  });

  test("is what came before, or was started: of two at once the first is not held up by the second", () => {
    const usage = createUsage(policy.limits);
    usage.hold("a", counted(300, "ACME"));
    usage.hold("b", counted(300, "ACME"));
    expect(used(usage, NOW, "acme", "a")).toBe("0");
    expect(used(usage, NOW, "acme", "b")).toBe("300");
    usage.take("b", event("started", NOW));
    expect(used(usage, NOW, "acme", "a")).toBe("300");
  });
});

test("whatever is asked for in whatever order, no day has more started without a person than the limit", () => {
  const op = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ ask: fc.integer({ min: 1, max: 300 }), to: fc.constantFrom("A", " a", "B") }),
    },
    { weight: 3, arbitrary: fc.record({ pass: fc.integer({ min: 0, max: 40_000_000 }) }) },
    { weight: 2, arbitrary: fc.record({ start: fc.nat({ max: 20 }) }) },
    { weight: 1, arbitrary: fc.record({ end: fc.nat({ max: 20 }) }) },
    { weight: 1, arbitrary: fc.record({ raise: fc.nat({ max: 20 }), by: fc.integer({ min: 1, max: 400 }) }) },
  );
  const policy = policyOf(limit());
  fc.assert(
    fc.property(fc.array(op, { maxLength: 60 }), (ops) => {
      const usage = createUsage(policy.limits);
      const requests: {
        id: string;
        params: { amount: number; payee: string };
        person: boolean;
        over: boolean;
      }[] = [];
      const started: { at: number; amount: number; payee: string; person: boolean }[] = [];
      let now = NOW;
      const says = (id: string, params: JsonObject) =>
        judge(policy, subject({ params, now }), usage.besides(id, now)).verdict;
      const tell = (id: string, type: string, more: object = {}) =>
        usage.take(id, { type, at: new Date(now).toISOString(), ...more } as unknown as Event);
      for (const one of ops) {
        if ("ask" in one) {
          const id = `r${requests.length}`;
          const params = { amount: one.ask, payee: one.to };
          const person = says(id, params) !== "allow";
          usage.hold(id, subject({ params }));
          requests.push({ id, params, person, over: false });
        } else if ("pass" in one) now += one.pass;
        else {
          const request =
            requests[
              ("start" in one ? one.start : "end" in one ? one.end : one.raise) % (requests.length || 1)
            ];
          if (request === undefined || request.over) continue;
          if ("raise" in one) {
            if (!request.person) continue;
            request.params = { ...request.params, amount: one.by };
            tell(request.id, "amended", { params: request.params });
          } else if ("end" in one) {
            request.over = true;
            tell(request.id, "cancelled");
          } else {
            // What is not allowed any more right before its start waits for a person, who says yes here.
            if (says(request.id, request.params) !== "allow") request.person = true;
            request.over = true;
            tell(request.id, "started");
            const { amount, payee } = request.params;
            started.push({ at: now, amount, payee: payee.trim().toLowerCase(), person: request.person });
          }
        }
      }
      for (const { at, payee } of started) {
        const sum = started
          .filter((one) => !one.person && one.payee === payee && one.at > at - 86_400_000 && one.at <= at)
          .reduce((total, one) => total + one.amount, 0);
        expect(sum).toBeLessThanOrEqual(500);
      }
    }),
    { numRuns: 500 },
  );
});

test("numbers are added up exactly, and told as people write them", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 99_999_999 }), { maxLength: 50 }), (cents) => {
      const total = cents.reduce((sum, one) => sum + (exact(one / 100) ?? -1n), 0n);
      expect(total * 100n).toBe(exact(cents.reduce((sum, one) => sum + one, 0)));
    }),
  );
  expect([0, 1, 0.5, 1_234.25, 1e-12].map((one) => tellExact(exact(one) ?? -1n))).toEqual([
    "0",
    "1",
    "0.5",
    "1234.25",
    "0.000000001",
  ]);
});
