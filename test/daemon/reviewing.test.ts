import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import type { Json, JsonObject } from "../../src/core/json.ts";
import type { Service } from "../../src/daemon/reviewing.ts";
import { makeScenery, openStage, removeScenery, type Scenery, type Stage } from "../scenarios/stage.ts";

/** Programs that answer beside persons, or in their place where a rule says so. */
let scenery: Scenery;
const stages: Stage[] = [];

afterEach(async () => {
  for (const stage of stages.splice(0)) await stage.close();
  removeScenery(scenery);
});

type Reply = (question: JsonObject) => Json | Promise<Json>;

interface Setting {
  readonly approvers: string;
  readonly dialect?: Service["dialect"];
  readonly reply: Reply;
}

async function open({ approvers, dialect = "countersign", reply }: Setting): Promise<Stage> {
  scenery = makeScenery();
  const folder = join(scenery.root, "..");
  writeFileSync(join(folder, "people.yaml"), "persons: { ada: {}, bob: {} }\n");
  const rule = `{ id: payments, decision: require_approval, reason: Because., approvers: ${approvers}, editable: [amount_cents] }`;
  writeFileSync(join(folder, "policy.yaml"), `rules:\n  - ${rule}\n`);
  return start(dialect, reply);
}

async function start(dialect: Service["dialect"], reply: Reply): Promise<Stage> {
  const ask = async (question: Json) => reply(question as JsonObject);
  const stage = await openStage(scenery, { services: new Map([["fraud-check", { dialect, ask }]]) });
  stages.push(stage);
  await stage.daemon.start();
  await stage.reviewing.start();
  return stage;
}

const ALONE = "[{ of: fraud-check, quorum: 1, kind: service }]";
const BESIDE = "[{ of: fraud-check, quorum: 1, kind: service }, { of: [ada, bob], quorum: 1 }]";

const yes: Reply = ({ id, digest }) => ({ id: id ?? null, digest: digest ?? null, decision: "approve" });

async function submit(stage: Stage): Promise<string> {
  const params = { amount_cents: 5, payee: "ACME" };
  const { id } = (await stage.application.submit({ kind: "payment", params })).request;
  await rest(stage);
  return id;
}

async function rest(stage: Stage): Promise<void> {
  await stage.reviewing.settled();
  await stage.daemon.settled();
}

const tick = (name: string) => (text: string) =>
  text.replace(`- [ ] Approve as ${name}`, `- [x] Approve as ${name}`);

test("a service that a rule names alone approves by itself, and is named in the record", async () => {
  const stage = await open({ approvers: ALONE, reply: yes });
  const id = await submit(stage);
  expect(await stage.status(id)).toBe("executed");
  expect(stage.executions[0]?.approved_by).toEqual(["service:fraud-check"]);
  expect((await stage.application.show(id)).decision).toMatchObject({
    via: "service",
    reviewer: "service:fraud-check",
  });
});

test("a service's yes beside persons is not one of theirs", async () => {
  const stage = await open({ approvers: BESIDE, reply: yes });
  const id = await submit(stage);
  expect((await stage.application.show(id)).approvals).toEqual({
    approved_by: ["service:fraud-check"],
    missing: [{ of: ["ada", "bob"], count: 1, persons: ["ada", "bob"] }],
    delegations: [],
  });
  await stage.edit(id, tick("ada"));
  expect(await stage.status(id)).toBe("executed");
  expect(stage.executions[0]?.approved_by).toEqual(["service:fraud-check", "ada"]);
});

test("nor does any number of persons stand for the service", async () => {
  const stage = await open({
    approvers: BESIDE,
    reply: ({ id = null, digest = null }) => ({ id, digest, decision: "abstain" }),
  });
  const id = await submit(stage);
  await stage.edit(id, tick("ada"));
  await stage.edit(id, tick("bob"));
  const { status, approvals } = await stage.application.show(id);
  expect([status, approvals?.missing]).toEqual([
    "pending",
    [{ of: ["fraud-check"], count: 1, persons: ["service:fraud-check"] }],
  ]);
  for (const name of ["service:fraud-check", "Service:fraud-check", " service:fraud-check", "fraud-check"]) {
    const said = { verb: "approve", reviewer: name, reason: null, via: "cli" } as const;
    await expect(stage.application.decide(id, said)).rejects.toMatchObject({ code: "not_entitled" });
  }
  expect(stage.executions).toEqual([]);
});

test("a service's no ends it, with the reason", async () => {
  const reply: Reply = ({ id = null, digest = null }) => ({
    id,
    digest,
    decision: "reject",
    reason: "on the list",
  });
  const stage = await open({ approvers: BESIDE, reply });
  const id = await submit(stage);
  expect((await stage.application.show(id)).decision).toMatchObject({
    verb: "reject",
    reason: "on the list",
  });
});

test("the Agent Governance Toolkit's words are understood, with the id and the digest beside them", async () => {
  const asked: JsonObject[] = [];
  const reply: Reply = (question) => {
    asked.push(question);
    const { id = null, digest = null } = question;
    return { id, digest, approved: true, approver: "treasury-ops@company.com", reason: "Within daily limit" };
  };
  const stage = await open({ approvers: ALONE, dialect: "agt", reply });
  const id = await submit(stage);
  expect(await stage.status(id)).toBe("executed");
  expect(asked).toEqual([
    {
      type: "approval_request",
      rule_name: "payments",
      policy_name: expect.stringMatching(/^sha256:/),
      agent_id: "agent",
      action: "payment",
      context: { amount_cents: 5, payee: "ACME" },
      approvers: ["fraud-check"],
      requested_at: "2026-11-21T09:14:03Z",
      id,
      digest: expect.stringMatching(/^sha256:/),
    },
  ]);
});

const WRONG: [string, Reply][] = [
  ["an error", () => Promise.reject(new Error("it did not answer"))],
  ["another request's id", ({ digest = null }) => ({ id: "other", digest, decision: "approve" })],
  ["another digest", ({ id = null }) => ({ id, digest: "sha256:00", decision: "approve" })],
  ["no digest", ({ id = null }) => ({ id, decision: "approve" })],
  ["another word", ({ id = null, digest = null }) => ({ id, digest, decision: "approved" })],
  ["the other dialect", ({ id = null, digest = null }) => ({ id, digest, approved: true })],
  ["a list", ({ id = null, digest = null }) => [{ id, digest, decision: "approve" }]],
  ["nothing", () => null],
];

test.each(WRONG)("%s is no vote: it is recorded, and asked again three times", async (_, reply) => {
  const asked: Json[] = [];
  const counting: Reply = (question) => {
    asked.push(question);
    return reply(question);
  };
  const stage = await open({ approvers: ALONE, reply: counting });
  const id = await submit(stage);
  for (const wait of [5_000, 60_000, 600_000, 600_000]) {
    await stage.pass(wait);
    await rest(stage);
  }
  const { status, history } = await stage.application.show(id);
  expect(status).toBe("pending");
  expect(asked).toHaveLength(4);
  expect(history.filter(({ detail }) => detail?.startsWith("service_failed: "))).toHaveLength(4);
  expect(stage.executions).toEqual([]);
});

test("an answer about the action as it was before a change does not count, and the service is asked anew", async () => {
  const answers = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const asked: JsonObject[] = [];
  const reply: Reply = async (question) => {
    asked.push(question);
    await answers[asked.length - 1]?.promise;
    return yes(question);
  };
  const stage = await open({ approvers: BESIDE, reply });
  const params = { amount_cents: 5, payee: "ACME" };
  const { id } = (await stage.application.submit({ kind: "invoice", params })).request;
  await stage.edit(id, (text) => text.replace('"amount_cents": 5', '"amount_cents": 6'));
  await stage.pass(10_000);
  answers[0]?.resolve();
  await stage.daemon.settled();
  answers[1]?.resolve();
  await rest(stage);
  expect(asked.map((question) => question.params)).toEqual([params, { ...params, amount_cents: 6 }]);
  const { status, history } = await stage.application.show(id);
  expect([status, history.map(({ event }) => event)]).toEqual(["pending", ["submitted", "amended", "voted"]]);
});

test("what waited when the daemon ended is asked again by the next one", async () => {
  const never = new Promise<Json>(() => {});
  const stage = await open({ approvers: ALONE, reply: () => never });
  const params = { amount_cents: 5, payee: "ACME" };
  const { id } = (await stage.application.submit({ kind: "payment", params })).request;
  await stage.kill();
  stages.splice(0);
  const next = await start("countersign", yes);
  await rest(next);
  expect(await next.status(id)).toBe("executed");
});
