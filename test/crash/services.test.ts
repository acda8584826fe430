import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { EXIT } from "../../src/surfaces/cli/exit-codes.ts";
import type { Answering } from "../outgoing/receiver.ts";
import { buildProgram, type Program } from "./daemon-process.ts";
import { until } from "./kill-world.ts";
import { type OutsideWorld, openOutsideWorld, type Shown } from "./outside-world.ts";

/** The real daemon with real services beside it, which answer, hang, and come too late. */
let program: Program;
let world: OutsideWorld;

const SECRETS = { HOOK_SECRET: "CANARY-6f1d" };
const HANG: Answering = () => {};
const APPROVE: Answering = (response, _, { body }) => {
  const { id, digest } = JSON.parse(body);
  response.end(JSON.stringify({ id, digest, decision: "approve", reason: "no match on any list" }));
};

const POLICY = `
rules:
  - id: checked
    match: { kind: note }
    decision: require_approval
    reason: Checked by a program.
    approvers: [{ of: fraud-check, quorum: 1, kind: service }]
  - id: listed
    match: { kind: memo }
    decision: require_approval
    reason: Checked by a file.
    approvers: [{ of: lists, quorum: 1, kind: service }]
  - id: both
    match: { kind: letter }
    decision: require_approval
    reason: Checked by a program and a person.
    approvers: [{ of: fraud-check, quorum: 1, kind: service }, { of: [ada], quorum: 1 }]
`;

const REVIEW = `
import { existsSync, writeFileSync } from "node:fs";
export async function review({ id, digest, params }) {
  writeFileSync("asked-" + id, process.env.LISTS + " " + process.env.HOOK_SECRET);
  while (params.hang && !existsSync("gate")) await new Promise((resolve) => setTimeout(resolve, 5));
  return { id, digest, decision: "approve" };
}
`;

const files = (url: string) => ({
  "countersign.yaml": `
settle: 0s
actions: { note: { run: [cat] }, memo: { run: [cat] }, letter: { run: [cat] } }
policy: ./policy.yaml
people: ./persons.yaml
services:
  fraud-check: { webhook: { url: "${url}", secret: { env: HOOK_SECRET }, allow_private: true } }
  lists: { module: ./review.mjs, env: { LISTS: eu } }
`,
  "policy.yaml": POLICY,
  "persons.yaml": "persons: { ada: {} }\n",
  "review.mjs": REVIEW,
});

beforeAll(() => {
  program = buildProgram();
}, 60_000);
afterAll(() => program.remove());
beforeEach(async () => {
  world = await openOutsideWorld(program, APPROVE, files);
});
afterEach(() => world.close());

test("services approve what the rule leaves to them, and see nothing of the daemon's", async () => {
  await world.start(SECRETS);
  expect(await world.outcome(await world.ask("note"))).toMatchObject({
    status: "executed",
    decision: { reviewer: "service:fraud-check", via: "service", reason: "no match on any list" },
    result: { approved_by: ["service:fraud-check"] },
  });
  const id = await world.ask("memo");
  expect(await world.outcome(id)).toMatchObject({
    status: "executed",
    decision: { reviewer: "service:lists" },
  });
  expect(readFileSync(join(world.base, `asked-${id}`), "utf8")).toBe("eu undefined");
  const check = ["policy", "check", join(world.base, "policy.yaml")];
  expect(await world.cs(...check)).toMatchObject({ exit: EXIT.done });
  writeFileSync(join(world.base, "policy.yaml"), POLICY.replace("of: lists", "of: list"));
  const wrong = await world.cs(...check);
  expect([wrong.exit, wrong.out]).toEqual([EXIT.bad_input, expect.stringContaining("[unknown_service]")]);
});

test("a service's yes is not a person's", async () => {
  const daemon = await world.start(SECRETS);
  const id = await world.ask("letter");
  await world.receiver.got(1);
  let shown: Shown = {};
  await until("the service has voted", daemon, () => {
    void world.show(id).then((now) => {
      shown = now;
    });
    return JSON.stringify(shown).includes('"approved_by":["service:fraud-check"]');
  });
  expect(shown).toMatchObject({ status: "pending", approvals: { missing: [{ of: ["ada"] }] } });
});

test("a daemon that is killed while services are asked asks them again, and the answer counts once", async () => {
  world.receiver.answerWith(HANG);
  const first = await world.start(SECRETS);
  const byWebhook = await world.ask("note");
  await world.receiver.got(1);
  const byModule = await world.ask("memo", { hang: true });
  await until("the module is asked", first, () => existsSync(join(world.base, `asked-${byModule}`)));
  first.signal("SIGKILL");
  await first.ended;
  world.receiver.answerWith(APPROVE);
  writeFileSync(join(world.base, "gate"), "");
  await world.start(SECRETS);
  expect(await world.outcome(byWebhook)).toMatchObject({ status: "executed" });
  expect(await world.outcome(byModule)).toMatchObject({ status: "executed" });
  const ids = world.receiver.received.map(({ headers }) => headers["webhook-id"]);
  expect(ids).toHaveLength(2);
  expect(ids[1]).toBe(ids[0]);
  expect((await world.cs("audit", "log", "--json")).out.match(/"type":"started"/g)).toHaveLength(2);
});

test("an answer that comes after the decision changes nothing, and one that never comes holds up no end", async () => {
  const late = Promise.withResolvers<void>();
  world.receiver.answerWith((...all) => void late.promise.then(() => APPROVE(...all)));
  const daemon = await world.start(SECRETS);
  const id = await world.ask("letter");
  await world.receiver.got(1);
  expect(await world.decide(id, "reject", "no")).toBe(200);
  late.resolve();
  // Asked behind it and answered, so the late answer has been heard.
  expect(await world.outcome(await world.ask("note"))).toMatchObject({ status: "executed" });
  expect(await world.show(id)).toMatchObject({ status: "rejected", decision: { reviewer: "ada" } });
  world.receiver.answerWith(HANG);
  await world.ask("note");
  await world.receiver.got(3);
  const begun = performance.now();
  daemon.signal("SIGTERM");
  expect(await daemon.ended).toEqual({ exit: 0, signal: null });
  // The service's own time would be ten seconds.
  expect(performance.now() - begun).toBeLessThan(8_000);
});
