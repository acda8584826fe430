import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { RequestView } from "../../src/core/view.ts";
import { verifyGrant } from "../../src/handlers/grant.ts";
import {
  makeScenery,
  openStage,
  removeScenery,
  type Scenery,
  type Stage,
  type StageOptions,
} from "../scenarios/stage.ts";

/** A kind of action is put into shadow, and taken out again, by the operator's configuration alone. */
let scenery: Scenery;
let stage: Stage;

beforeEach(() => {
  scenery = makeScenery();
});

afterEach(async () => {
  await stage.close();
  expect(stage.errors).toEqual([]);
  removeScenery(scenery);
});

const RULES = `
default: require_approval
risk:
  - { level: high, factor: Much money, match: { kind: payment }, when: "params.amount_cents > 100000" }
rules:
  - { id: small, match: { kind: payment }, when: "params.amount_cents < 1000", decision: allow, reason: Pocket money. }
  - { id: never, match: { kind: payment }, when: "params.payee == 'Mallory'", decision: deny, reason: Mallory is paid nothing. }
  - { id: brief, match: { kind: payment }, when: "params.amount_cents < 2000", decision: allow_with_constraints, constraints: { max_runtime_sec: 30 }, reason: Not for long. }
  - { id: payments, match: { kind: payment }, decision: require_approval, approvers: [ada, bob], quorum: 2, reason: Payments need two. }
`;
const PEOPLE = "persons: { ada: {}, bob: {} }\n";

async function open(rules: string | null = RULES, options: StageOptions = {}): Promise<void> {
  if (rules !== null) {
    writeFileSync(join(scenery.root, "../policy.yaml"), rules);
    writeFileSync(join(scenery.root, "../people.yaml"), PEOPLE);
  }
  stage = await openStage(scenery, options);
  await stage.daemon.start();
  await stage.daemon.settled();
}

/** The configuration is read at a start only. */
async function restart(...inShadow: string[]): Promise<void> {
  await stage.close();
  stage = await openStage(scenery);
  setShadow(...inShadow);
  await stage.daemon.start();
  await stage.daemon.rescan();
  await stage.daemon.settled();
}

function setShadow(...inShadow: string[]): void {
  for (const [name, kind] of stage.kinds) stage.kinds.set(name, { ...kind, shadow: inShadow.includes(name) });
}

async function pay(amount_cents: number, payee = "ACME", kind = "payment"): Promise<RequestView> {
  const { request } = await stage.application.submit({ kind, params: { amount_cents, payee } });
  await stage.daemon.settled();
  return stage.application.show(request.id);
}

const approve = (id: string, reviewer: string) =>
  stage.application.decide(id, { verb: "approve", reviewer, reason: null, via: "cli" });
const eventsOf = ({ history }: RequestView) => history.map(({ event }) => event);
const done = (id: string) => stage.note(id, "done") ?? "";
/** The finished note's first lines below its properties. */
const firstLines = (id: string) => /\n---\n\n((?:>.*\n)+)/.exec(done(id))?.[1]?.trimEnd();
const snapshot = () => stage.policy()?.snapshot;

describe("a kind in shadow", () => {
  test("goes ahead where a person would have been asked, and the note says who", async () => {
    await open();
    setShadow("payment");
    const request = await pay(150_000);
    expect(request).toMatchObject({
      status: "executed",
      decision: null,
      approvals: null,
      result: { receipt: "R-1" },
      verdict: { says: "allow", rule: "payments", constraints: null },
      shadow: { says: "require_approval", rule: "payments", reason: "Payments need two.", risk: "high" },
    });
    expect(eventsOf(request)).toEqual(["submitted", "allowed", "started", "executed"]);
    expect(stage.executions).toHaveLength(1);
    expect(stage.executions[0]?.approved_by).toEqual([]);
    expect(firstLines(request.id)).toBe(
      [
        "> [!success] Executed in shadow",
        "> Nobody was asked, because the configuration has `payment` in shadow: the rule payments would have asked 2 of ada, bob: Payments need two.",
        `> Risk: high (Much money). Policy \`${snapshot()}\`.`,
      ].join("\n"),
    );
    expect(done(request.id)).toMatch(/^shadow: require_approval$/m);
    expect(done(request.id)).toMatch(/^risk: high$/m);
    // Nobody had to approve it, whoever would have had to.
    expect(done(request.id)).not.toMatch(/^(approvers|quorum):/m);
    expect(done(request.id)).toContain(
      "allowed by shadow mode: the rule payments would have asked 2 of ada, bob",
    );
  });

  test("goes ahead where it would have been denied", async () => {
    await open();
    setShadow("payment");
    const request = await pay(150_000, "Mallory");
    expect(request).toMatchObject({ status: "executed", shadow: { says: "deny", rule: "never" } });
    expect(firstLines(request.id)).toContain("the rule never would have denied it: Mallory is paid nothing.");
    expect(done(request.id)).toMatch(/^shadow: deny$/m);
  });

  test("is not held to what it would have been held to, and shows that", async () => {
    await open();
    setShadow("payment");
    const request = await pay(1_500);
    expect(request).toMatchObject({
      status: "executed",
      verdict: { constraints: null },
      shadow: { says: "allow", constraints: { max_runtime_sec: 30 } },
    });
    expect(stage.executions[0]?.attempt).not.toHaveProperty("constraints");
    expect(firstLines(request.id)).toMatch(/\n> Nothing held it to this: .*30/);
    expect(done(request.id)).toMatch(/^shadow: allow_with_constraints$/m);
  });

  test("is as ever where the policy allows it anyway", async () => {
    await open();
    const [before] = [await pay(500)];
    setShadow("payment");
    const request = await pay(501);
    expect(request).toMatchObject({ status: "executed", shadow: null, verdict: before?.verdict });
    expect(done(request.id)).not.toContain("hadow");
    expect(firstLines(request.id)).toBe(firstLines(before?.id ?? ""));
  });

  test("goes ahead without a policy too, and the note says that a person would have been asked", async () => {
    await open(null);
    setShadow("payment");
    const request = await pay(5);
    expect(request).toMatchObject({
      status: "executed",
      shadow: { says: "require_approval", policy: null, rule: null },
    });
    expect(firstLines(request.id)).toBe(
      "> [!success] Executed in shadow\n> Nobody was asked, because the configuration has `payment` in shadow: a person would have been asked, because there is no policy.",
    );
  });

  test("leaves other kinds alone", async () => {
    await open();
    setShadow("payment");
    expect(await pay(5_000, "ACME", "invoice")).toMatchObject({ status: "pending", shadow: null });
  });

  test("waits while executions are halted", async () => {
    await open();
    setShadow("payment");
    await stage.application.halt("ada");
    const { id, status } = await pay(150_000);
    expect(status).toBe("approved");
    await stage.pass(60_000);
    expect(stage.executions).toEqual([]);
    await stage.application.resume("ada");
    await stage.daemon.settled();
    expect(await stage.status(id)).toBe("executed");
  });

  test("still hears a person's no", async () => {
    await open();
    setShadow("payment");
    await stage.application.halt("ada");
    const { id } = await pay(150_000);
    await stage.application.decide(id, { verb: "reject", reviewer: "ada", reason: "stop", via: "cli" });
    await stage.application.resume("ada");
    await stage.pass(60_000);
    expect(await stage.status(id)).toBe("rejected");
    expect(stage.executions).toEqual([]);
    // And asking for the same again is refused for a while, as ever.
    await expect(pay(150_000)).rejects.toMatchObject({ code: "asked_too_soon" });
  });

  test("costs nobody's attention, so that it counts towards no cap; but what ran counts towards the policy's limits", async () => {
    const limits =
      "default: require_approval\nlimits: [{ id: few, match: { kind: payment }, per: requester, within: 1h, over: 2, decision: deny }]\n";
    await open(limits, { caps: { open: 1, per_hour: 1 } });
    setShadow("payment");
    const ran = [await pay(1), await pay(2), await pay(3)];
    expect(ran.map(({ status }) => status)).toEqual(["executed", "executed", "executed"]);
    expect(ran.map(({ shadow }) => shadow?.says)).toEqual(["require_approval", "require_approval", "deny"]);
    setShadow();
    expect(await pay(4)).toMatchObject({ status: "denied", shadow: null });
    expect(await pay(5, "ACME", "invoice")).toMatchObject({ status: "pending" });
  });

  test("is named on the dashboard, and what went ahead has nobody behind it", async () => {
    await open();
    setShadow("payment", "refactor");
    const { id } = await pay(150_000);
    await stage.pass(2_000);
    const dashboard = readFileSync(join(stage.root, "Dashboard.md"), "utf8");
    expect(dashboard).toContain("> [!warning] Nobody is asked for: payment, refactor (mode: shadow).");
    expect(dashboard).toMatch(new RegExp(`\\[\\[${id}\\]\\].*\\| executed \\| nobody \\(shadow\\) \\|`));
    expect(stage.application.health().shadow).toEqual(["payment", "refactor"]);
  });

  test("cannot be had by asking for it", async () => {
    await open();
    const params = { amount_cents: 150_000, payee: "ACME", shadow: true, mode: "shadow" };
    const asked = { kind: "payment", params, shadow: true, mode: "shadow" };
    const { request } = await stage.application.submit(asked);
    expect(await stage.application.show(request.id)).toMatchObject({ status: "pending", shadow: null });
  });
});

describe("a kind that is put into shadow", () => {
  test("leaves what was asked in earnest to people, and what is the same joins that", async () => {
    await open();
    const { id } = await pay(150_000);
    await restart("payment");
    await stage.pass(5_000);
    expect(await stage.status(id)).toBe("pending");
    expect(await pay(150_000)).toMatchObject({ id, status: "pending", asked: 2, shadow: null });
    await approve(id, "ada");
    expect(await stage.status(id)).toBe("pending");
    await approve(id, "bob");
    await stage.daemon.settled();
    expect(await stage.application.show(id)).toMatchObject({ status: "executed", shadow: null });
  });

  test("leaves what was approved, and has not begun, to the policy as it is then", async () => {
    await open();
    await stage.application.halt("ada");
    const [asked, allowed] = [await pay(150_000), await pay(500)];
    await approve(asked.id, "ada");
    await approve(asked.id, "bob");
    expect(await stage.status(asked.id)).toBe("approved");
    await restart("payment");
    writeFileSync(join(scenery.root, "../policy.yaml"), "default: deny\n");
    await stage.pass(2_000);
    expect(await stage.status(asked.id)).toBe("denied");
    expect(await stage.status(allowed.id)).toBe("denied");
  });
});

describe("a kind that is taken out of shadow", () => {
  /** One of each, that have gone through in shadow and not begun. */
  async function waiting() {
    await open();
    setShadow("payment");
    await stage.application.halt("ada");
    const [asked, denied, held, allowed] = [
      await pay(150_000),
      await pay(150_001, "Mallory"),
      await pay(1_500),
      await pay(500),
    ];
    for (const { status } of [asked, denied, held, allowed]) expect(status).toBe("approved");
    return { asked, denied, held, allowed };
  }

  test("asks for what nobody was asked for, denies what is denied, and holds what is held", async () => {
    const { asked, denied, held, allowed } = await waiting();
    await restart();
    expect(stage.executions).toEqual([]);
    const now = await stage.application.show(asked.id);
    expect(now).toMatchObject({ status: "pending", shadow: null, verdict: { says: "require_approval" } });
    expect(stage.note(asked.id)).toContain("Such actions were in shadow, so nobody had been asked.");
    expect(stage.note(asked.id)).toContain("- [ ] Approve as ada");
    expect(stage.note(asked.id)).not.toMatch(/^shadow:/m);
    expect(await stage.application.show(denied.id)).toMatchObject({
      status: "denied",
      shadow: null,
      verdict: { rule: "never" },
    });
    expect(firstLines(denied.id)).toContain("Denied by the policy");
    await stage.application.resume("ada");
    await stage.pass(5_000);
    expect(stage.executions.map(({ id }) => id).sort()).toEqual([held.id, allowed.id].sort());
    const begun = stage.executions.find(({ id }) => id === held.id);
    expect(begun?.attempt.constraints).toEqual({ max_runtime_sec: 30 });
    expect(firstLines(held.id)).toContain("> It left shadow before it began, and was held to this:");
    await approve(asked.id, "ada");
    await approve(asked.id, "bob");
    await stage.daemon.settled();
    expect(await stage.application.show(asked.id)).toMatchObject({
      status: "executed",
      shadow: null,
      decision: { reviewer: "bob" },
    });
  });

  test("asks also where there is no policy", async () => {
    await open(null);
    setShadow("payment");
    await stage.application.halt("ada");
    const { id } = await pay(5);
    await restart();
    const now = await stage.application.show(id);
    expect(now).toMatchObject({ status: "pending", shadow: null, verdict: { says: "require_approval" } });
    await stage.application.resume("ada");
    await stage.pass(5_000);
    expect(stage.executions).toEqual([]);
    await stage.edit(id, (text) => text.replace("- [ ] Approve", "- [x] Approve"));
    expect(await stage.status(id)).toBe("executed");
  });

  test("asks also where there is no policy any more", async () => {
    const { asked, allowed } = await waiting();
    rmSync(join(scenery.root, "../policy.yaml"));
    await restart();
    for (const { id } of [asked, allowed]) {
      expect(await stage.application.show(id)).toMatchObject({
        status: "pending",
        shadow: null,
        verdict: { says: "require_approval", policy: null },
      });
      expect(stage.note(id)).not.toMatch(/^shadow:/m);
    }
  });

  test("stays in shadow for what went through in it, while it still is", async () => {
    const { asked, denied, held, allowed } = await waiting();
    await restart("payment");
    // Whatever the rules become meanwhile.
    writeFileSync(join(scenery.root, "../policy.yaml"), "default: deny\n");
    await stage.pass(2_000);
    await stage.application.resume("ada");
    await stage.pass(2_000);
    for (const { id } of [asked, denied, held, allowed]) expect(await stage.status(id)).toBe("executed");
    expect(stage.executions.filter(({ attempt }) => attempt.constraints !== undefined)).toEqual([]);
  });
});

describe("the grant of an action in shadow", () => {
  const ask = async (payee = "ACME") => {
    const params = { payee };
    const { request, token } = await stage.application.submit({ kind: "refactor", params });
    const { grant } = await stage.application.grant(request.id, token ?? "");
    return { id: request.id, digest: request.digest, token: token ?? "", grant };
  };
  const check = (grant: string, more: object = {}) =>
    verifyGrant(grant, stage.application.grantKey() as never, { now: scenery.clock.now(), ...more });

  test("says that nobody approved it, and only who wants such a one takes it", async () => {
    await open();
    setShadow("refactor");
    const { id, token, grant } = await ask();
    expect(await check(grant)).toMatchObject({ ok: false, refusal: { code: "grant_shadow" } });
    expect(await check(grant, { shadow: true })).toMatchObject({
      ok: true,
      claims: { approved_by: [], shadow: true },
    });
    expect(await stage.application.claim(id, { token, grant })).toMatchObject({ status: "executing" });
    await stage.application.complete(id, { token, outcome: { result: { files: 3 } } });
    await stage.daemon.settled();
    expect(firstLines(id)).toContain("the policy's default would have asked a person");
  });

  test("is an ordinary one where the policy allows the action anyway", async () => {
    await open("default: allow\n");
    setShadow("refactor");
    const { grant } = await ask();
    expect(await check(grant)).toMatchObject({ ok: true });
  });

  test("is worth nothing once the kind is out of shadow", async () => {
    await open();
    setShadow("refactor");
    const { id, token, grant } = await ask();
    await restart();
    await expect(stage.application.claim(id, { token, grant })).rejects.toMatchObject({
      code: "not_approved",
    });
    expect(await stage.status(id)).toBe("pending");
  });
});

describe("what a person takes back before it starts", () => {
  const later = async (amount_cents: number, payee = "ACME") => {
    const not_before = scenery.clock.now() + 60_000;
    const params = { amount_cents, payee };
    const { request } = await stage.application.submit({ kind: "payment", params, not_before });
    await stage.daemon.settled();
    expect(await stage.status(request.id)).toBe("approved");
    await stage.application.takeBack(request.id, { by: "ada", reason: "Wait." });
    await stage.daemon.settled();
    await stage.pass(120_000);
    await stage.daemon.rescan();
    await stage.daemon.settled();
    return stage.application.show(request.id);
  };

  test("needs a person, though the policy had allowed it", async () => {
    await open();
    const held = await later(500);
    expect(held).toMatchObject({ status: "pending", verdict: { says: "require_approval", rule: "small" } });
    expect(held.verdict?.reason).toContain("ada");
    expect(stage.note(held.id, "pending")).toContain("ada took back");
    expect(stage.executions).toEqual([]);
    await approve(held.id, "bob");
    await stage.daemon.settled();
    expect(await stage.status(held.id)).toBe("executed");
    expect(stage.executions).toHaveLength(1);
  });

  test("needs those whom the rule asks, though its kind is in shadow", async () => {
    await open();
    setShadow("payment");
    const held = await later(150_000);
    expect(held).toMatchObject({
      status: "pending",
      verdict: { says: "require_approval", rule: "payments" },
    });
    await approve(held.id, "ada");
    await stage.daemon.settled();
    expect(await stage.status(held.id)).toBe("pending");
    await approve(held.id, "bob");
    await stage.daemon.settled();
    expect(await stage.status(held.id)).toBe("executed");
  });

  test("is denied where only shadow had let it through", async () => {
    await open();
    setShadow("payment");
    expect(await later(150_000, "Mallory")).toMatchObject({ status: "denied", verdict: { rule: "never" } });
    expect(stage.executions).toEqual([]);
  });

  test("stays held over a restart", async () => {
    await open();
    const held = await later(500);
    await restart();
    expect(await stage.status(held.id)).toBe("pending");
    expect(stage.executions).toEqual([]);
  });
});
