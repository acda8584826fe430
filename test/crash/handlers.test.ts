import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Answering } from "../outgoing/receiver.ts";
import { buildProgram, type DaemonProcess, type Program } from "./daemon-process.ts";
import { until } from "./kill-world.ts";
import { type OutsideWorld, openOutsideWorld } from "./outside-world.ts";

/** The real daemon, which sends actions out and calls files, killed and halted in the middle of it. */
let program: Program;
let world: OutsideWorld;

const SECRETS = { DEPLOY_SECRET: "CANARY-8a3e", TOKEN: "CANARY-11c7" };
const HANG: Answering = () => {};
const OK: Answering = (response) => void response.end('{"release":7}');
const BUSY: Answering = (response) => void response.writeHead(503).end("busy");

const PAY = `
import { writeFileSync } from "node:fs";
export async function execute(action, { signal }) {
  writeFileSync("begun-" + action.id, String(process.env.TOKEN) + " " + process.env.DEPLOY_SECRET);
  if (action.params.hang) await new Promise((_, reject) => {
    setInterval(() => {}, 1000);
    signal.addEventListener("abort", () => reject(signal.reason));
  });
  return { paid: true };
}
`;

/** An MCP server that answers a call unless it is told to hang. */
const TICKETS = `
import { writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
const say = (message) => process.stdout.write(JSON.stringify({ jsonrpc: "2.0", ...message }) + "\\n");
for await (const line of createInterface({ input: process.stdin })) {
  const { id, method, params } = JSON.parse(line);
  const { protocolVersion } = params ?? {};
  const serverInfo = { name: "tickets", version: "1" };
  if (id === undefined) continue;
  if (method === "initialize") say({ id, result: { protocolVersion, capabilities: { tools: {} }, serverInfo } });
  else if (method !== "tools/call") say({ id, error: { code: -32601, message: "no such method" } });
  else {
    writeFileSync("begun-" + params._meta["countersign/id"], process.env.TOKEN + " " + process.env.DEPLOY_SECRET);
    if (!params.arguments.hang) say({ id, result: { content: [{ type: "text", text: "T-7" }] } });
  }
}
`;

const files = (url: string) => {
  const http = (path: string) =>
    `http: { url: "${url}${path}", secret: { env: DEPLOY_SECRET }, allow_private: true }`;
  return {
    "countersign.yaml": `
settle: 0s
actions:
  deploy: { ${http("deploy/{n}")} }
  publish: { ${http("publish")}, effect: key }
  ticket: { mcp: { server: { command: [node, ./tickets.mjs], env: { TOKEN: null } }, tool: create } }
  pay: { module: ./pay.mjs, env: { TOKEN: null }, timeout: 30s }
`,
    "pay.mjs": PAY,
    "tickets.mjs": TICKETS,
  };
};

beforeAll(() => {
  program = buildProgram();
}, 60_000);
afterAll(() => program.remove());
beforeEach(async () => {
  world = await openOutsideWorld(program, OK, files);
});
afterEach(() => world.close());

async function approved(kind: string, params: object = {}): Promise<string> {
  const id = await world.ask(kind, params);
  expect(await world.decide(id, "approve")).toBe(200);
  return id;
}

async function kill(daemon: DaemonProcess): Promise<void> {
  daemon.signal("SIGKILL");
  await daemon.ended;
}

const kindsOfEvents = async (id: string) =>
  (await world.cs("audit", "log", "--json")).out
    .split("\n")
    .filter((line) => line.includes(id))
    .map((line) => /"type":"(\w+)"/.exec(line)?.[1]);

test("an approved action is sent out, or called, and its answer is the result", async () => {
  const daemon = await world.start(SECRETS);
  const deployed = await world.outcome(await approved("deploy"));
  expect(deployed).toMatchObject({ status: "executed", result: { release: 7 } });
  expect(world.receiver.received[0]).toMatchObject({
    path: "/deploy/1",
    headers: { "idempotency-key": `${deployed.id}-1`, "webhook-id": `${deployed.id}-1` },
  });
  for (const [kind, result] of [
    ["pay", { paid: true }],
    ["ticket", "T-7"],
  ] as const) {
    const id = await approved(kind);
    expect(await world.outcome(id)).toMatchObject({ status: "executed", result });
    expect(readFileSync(join(world.base, `begun-${id}`), "utf8")).toBe("CANARY-11c7 undefined");
  }
  daemon.signal("SIGTERM");
  await daemon.ended;
  for (const name of readdirSync(world.base, { recursive: true, encoding: "utf8" })) {
    const path = join(world.base, name);
    if (!statSync(path).isFile() || name.startsWith("begun-")) continue;
    expect(readFileSync(path, "latin1"), name).not.toContain("CANARY");
  }
  expect(daemon.log()).not.toContain("CANARY");
});

describe("a daemon that is killed in the middle", () => {
  test.each(["deploy", "publish"])(
    "of sending %s does not send it again: the outcome is unknown",
    async (kind) => {
      world.receiver.answerWith(HANG);
      const first = await world.start(SECRETS);
      const id = await approved(kind);
      await world.receiver.got(1);
      await kill(first);
      world.receiver.answerWith(OK);
      await world.start(SECRETS);
      expect(await world.outcome(id)).toMatchObject({ status: "outcome_unknown" });
      expect(world.receiver.received).toHaveLength(1);
    },
  );

  test.each([
    ["a file", "pay"],
    ["a tool", "ticket"],
  ])("of calling %s does not call it again: the outcome is unknown", async (_, kind) => {
    const first = await world.start(SECRETS);
    const id = await approved(kind, { hang: true });
    await until("it is called", first, () => existsSync(join(world.base, `begun-${id}`)));
    await kill(first);
    await world.start(SECRETS);
    expect(await world.outcome(id)).toMatchObject({ status: "outcome_unknown" });
    expect((await kindsOfEvents(id)).filter((type) => type === "started")).toHaveLength(1);
  });
});

describe("another attempt", () => {
  test("is in the record before it is made", async () => {
    world.receiver.answerWith((response, n, received) => (n === 1 ? BUSY : OK)(response, n, received));
    await world.start(SECRETS);
    const id = await approved("publish");
    expect(await world.outcome(id)).toMatchObject({ status: "executed", result: { release: 7 } });
    expect(await kindsOfEvents(id)).toEqual(
      expect.arrayContaining(["submitted", "approved", "started", "retried", "executed"]),
    );
    const history = JSON.stringify((await world.show(id)).history);
    expect(history).toContain("attempt 2, because The receiver answered HTTP 503: busy");
    expect(world.receiver.received).toHaveLength(2);
  });

  test("is not made once executions are halted", async () => {
    world.receiver.answerWith(BUSY);
    await world.start(SECRETS);
    const id = await approved("publish");
    await world.receiver.got(1);
    expect((await world.cs("halt")).exit).toBe(0);
    expect(await world.outcome(id)).toMatchObject({ status: "outcome_unknown" });
    // There would have been four; one may have been recorded just before the halt.
    expect(world.receiver.received.length).toBeLessThan(4);
  });
});
