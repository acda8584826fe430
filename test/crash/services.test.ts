import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type Locations, locate } from "../../src/adapters/locations.ts";
import { EXIT } from "../../src/surfaces/cli/exit-codes.ts";
import { type Answering, openReceiver, type Receiver } from "../outgoing/receiver.ts";
import {
  buildProgram,
  call,
  countersign,
  type DaemonProcess,
  launch,
  type Program,
} from "./daemon-process.ts";
import { environment, until } from "./kill-world.ts";

/** The real daemon with real services beside it, which answer, hang, and come too late. */
let program: Program;
let base = "";
let places: Locations;
let receiver: Receiver;
const daemons: DaemonProcess[] = [];

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
  writeFileSync("asked-" + params.n, process.env.LISTS + " " + process.env.HOOK_SECRET);
  while (params.hang && !existsSync("gate")) await new Promise((resolve) => setTimeout(resolve, 5));
  return { id, digest, decision: "approve" };
}
`;

beforeAll(() => {
  program = buildProgram();
}, 60_000);
afterAll(() => program.remove());

async function world(): Promise<void> {
  base = mkdtempSync(join(tmpdir(), "cs-services-"));
  receiver = await openReceiver(APPROVE);
  const vault = join(base, "vault");
  expect(await countersign(program, ["init", "--vault", vault], environment(base))).toMatchObject({
    exit: EXIT.done,
  });
  const configuration = `
settle: 0s
actions: { note: { run: [cat] }, memo: { run: [cat] }, letter: { run: [cat] } }
policy: ./policy.yaml
people: ./persons.yaml
services:
  fraud-check: { webhook: { url: "${receiver.url}", secret: { env: HOOK_SECRET }, allow_private: true } }
  lists: { module: ./review.mjs, env: { LISTS: eu } }
`;
  writeFileSync(join(base, "countersign.yaml"), configuration, { mode: 0o600 });
  writeFileSync(join(base, "policy.yaml"), POLICY);
  writeFileSync(join(base, "persons.yaml"), "persons: { ada: {} }\n");
  writeFileSync(join(base, "review.mjs"), REVIEW);
  places = locate({ vault }, environment(base), base);
}

afterEach(async () => {
  for (const daemon of daemons.splice(0)) {
    daemon.signal("SIGKILL");
    await daemon.ended;
  }
  await receiver.close();
  rmSync(base, { recursive: true, force: true });
});

async function start(): Promise<DaemonProcess> {
  const daemon = launch(program, places.vault, { ...environment(base), HOOK_SECRET: "CANARY-6f1d" });
  daemons.push(daemon);
  expect(await daemon.ready, daemon.log()).toBe(true);
  return daemon;
}

let asked = 0;
async function ask(kind: string, params: object = {}): Promise<string> {
  asked += 1;
  const body = { kind, params: { n: asked, ...params }, requester: "agent" };
  const answer = await call(places.sockets.agent, "POST", "/v1/requests", body);
  if (answer === null) throw new Error("the daemon is gone");
  return (answer.body.request as { id: string }).id;
}

/** The outcome, once there is one. */
async function outcome(id: string): Promise<Record<string, unknown>> {
  const answer = await call(places.sockets.agent, "GET", `/v1/requests/${id}/wait`);
  return answer?.body as Record<string, unknown>;
}

async function shown(id: string): Promise<Record<string, unknown>> {
  const answer = await call(places.sockets.reviewer, "GET", `/v1/requests/${id}`);
  return answer?.body as Record<string, unknown>;
}

test("services approve what the rule leaves to them, and see nothing of the daemon's", async () => {
  await world();
  await start();
  const byWebhook = await outcome(await ask("note"));
  expect(byWebhook).toMatchObject({
    status: "executed",
    decision: { reviewer: "service:fraud-check", via: "service", reason: "no match on any list" },
    result: { approved_by: ["service:fraud-check"] },
  });
  const byModule = await outcome(await ask("memo"));
  expect(byModule).toMatchObject({ status: "executed", decision: { reviewer: "service:lists" } });
  expect(readFileSync(join(base, `asked-${asked}`), "utf8")).toBe("eu undefined");
  const check = ["policy", "check", join(base, "policy.yaml"), "--vault", places.vault];
  expect(await countersign(program, check, environment(base))).toMatchObject({ exit: EXIT.done });
  writeFileSync(join(base, "policy.yaml"), POLICY.replace("of: lists", "of: list"));
  const wrong = await countersign(program, check, environment(base));
  expect([wrong.exit, wrong.out]).toEqual([2, expect.stringContaining("[unknown_service]")]);
});

test("a service's yes is not a person's", async () => {
  await world();
  const daemon = await start();
  const id = await ask("letter");
  await receiver.got(1);
  let request: Record<string, unknown> = {};
  await until("the service has voted", daemon, () => {
    void shown(id).then((now) => {
      request = now;
    });
    return JSON.stringify(request.approvals ?? null).includes('"approved_by":["service:fraud-check"]');
  });
  expect(request).toMatchObject({ status: "pending", approvals: { missing: [{ of: ["ada"] }] } });
});

test("a daemon that is killed while services are asked asks them again, and the answer counts once", async () => {
  await world();
  receiver.answerWith(HANG);
  const first = await start();
  const byWebhook = await ask("note");
  await receiver.got(1);
  const byModule = await ask("memo", { hang: true });
  await until("the module is asked", first, () => existsSync(join(base, `asked-${asked}`)));
  first.signal("SIGKILL");
  await first.ended;
  receiver.answerWith(APPROVE);
  writeFileSync(join(base, "gate"), "");
  await start();
  expect(await outcome(byWebhook)).toMatchObject({ status: "executed" });
  expect(await outcome(byModule)).toMatchObject({ status: "executed" });
  const ids = receiver.received.map(({ headers }) => headers["webhook-id"]);
  expect(ids).toHaveLength(2);
  expect(ids[1]).toBe(ids[0]);
  const audit = await countersign(
    program,
    ["audit", "log", "--json", "--vault", places.vault],
    environment(base),
  );
  expect(audit.out.match(/"type":"started"/g)).toHaveLength(2);
});

test("an answer that comes after the decision changes nothing, and one that never comes holds up no end", async () => {
  await world();
  const late = Promise.withResolvers<void>();
  receiver.answerWith((...all) => void late.promise.then(() => APPROVE(...all)));
  const daemon = await start();
  const id = await ask("letter");
  await receiver.got(1);
  const decision = { verb: "reject", reviewer: "ada", reason: "no" };
  const path = `/v1/requests/${id}/decide`;
  expect(await call(places.sockets.reviewer, "POST", path, decision)).toMatchObject({ status: 200 });
  late.resolve();
  // Asked behind it and answered, so the late answer has been heard.
  expect(await outcome(await ask("note"))).toMatchObject({ status: "executed" });
  expect(await shown(id)).toMatchObject({ status: "rejected", decision: { reviewer: "ada" } });
  receiver.answerWith(HANG);
  await ask("note");
  await receiver.got(3);
  const begun = performance.now();
  daemon.signal("SIGTERM");
  expect(await daemon.ended).toEqual({ exit: 0, signal: null });
  expect(performance.now() - begun).toBeLessThan(8_000);
});
