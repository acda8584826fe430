import { once } from "node:events";
import type { Client } from "@modelcontextprotocol/client";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { verifyGrant } from "../../../src/handlers/grant.ts";
import type { PublicGrantKey } from "../../../src/handlers/grant-key.ts";
import { call as ask } from "../../crash/daemon-process.ts";
import type { Era } from "../mcp/client.ts";
import { type Odd, odd } from "./odd.ts";
import { type Connected, type GatewayStage, openGatewayStage, textOf } from "./stage.ts";
import { standIn } from "./stand-in.ts";

/** What happens between the question and the answer: waiting, going away, coming back, and dying. */
let stage: GatewayStage;
const open: Connected[] = [];

beforeAll(async () => {
  stage = await openGatewayStage();
  await stage.start();
});

afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
});

afterAll(() => stage.remove());

let count = 0;
/** A server of its own, so that what it was asked is the test's alone. */
const newOdd = (): Odd => odd(stage.place, `odd-${++count}`);

async function through(server: Pick<Odd, "argv">, words: readonly string[] = [], era: Era = "legacy") {
  const connected = await stage.connect(era, server.argv, { words: ["--name", `odd-${count}`, ...words] });
  open.push(connected);
  return connected;
}

const call = (name: string, text: string) => ({ name, arguments: { text } });
const idIn = ({ _meta }: { _meta?: Record<string, unknown> | undefined }) =>
  (_meta?.["countersign/pending"] as { id?: string } | undefined)?.id;

/** Makes the same call until it is answered so: how often that takes is for the machine. */
async function callUntil(client: Client, asked: ReturnType<typeof call>, words: RegExp) {
  for (;;) {
    const answer = await client.callTool(asked);
    if (words.test(textOf(answer))) return answer;
    if (idIn(answer) === undefined) throw new Error(`${words} was never said, but: ${textOf(answer)}`);
  }
}

/** The call, and a promise of the moment in which it waits for a person. */
function hold(
  client: Client,
  asked: { name: string; arguments: Record<string, string> },
  signal?: AbortSignal,
) {
  const held = Promise.withResolvers<void>();
  const onprogress = ({ message = "" }) => void (message.includes("waits") && held.resolve());
  const answer = client.callTool(asked, { onprogress, ...(signal && { signal }) });
  answer.catch(() => {});
  return { answer, held: held.promise };
}

describe.each(["legacy", "2026-07-28"] as const satisfies Era[])("in the era %s", (era) => {
  let server: Odd;
  let connected: Connected;
  let client: Client;

  beforeAll(async () => {
    server = newOdd();
    const words = ["--name", `odd-${count}`, "--wait", "400ms", "--grace", "1s"];
    connected = await stage.connect(era, server.argv, { words });
    client = connected.client;
    await client.listTools();
  });

  afterAll(() => connected.close());

  const made = (text: string) => server.calls().filter(({ given }) => given?.text === text).length;

  test("what is still pending is a normal answer, and the same call attaches to it, once", async () => {
    const asked = call("plain", "pending");
    const first = await client.callTool(asked);
    expect(first.isError).toBeUndefined();
    expect(textOf(first)).toMatch(/is pending.*same call again/s);
    const { id } = await stage.asked();
    expect(first._meta).toMatchObject({ "countersign/pending": { id, retry_after_s: 5 } });
    expect(idIn(await client.callTool(asked))).toBe(id);
    // Decided while nobody waits: nothing is done until the agent asks for it.
    await stage.say(id, "approve");
    expect(made("pending")).toBe(0);
    await callUntil(client, asked, /^did plain$/);
    expect(made("pending")).toBe(1);
    // What was told is over: the same call is a new question.
    const again = await client.callTool(asked);
    expect(idIn(again)).not.toBe(id);
    expect((await stage.asked()).id).toBe(idIn(again));
  });

  test("what promises a shape is an error while it is pending, because clients throw away what has none", async () => {
    const asked = call("shaped", "shape");
    const first = await client.callTool(asked);
    expect(first.isError).toBe(true);
    const { id } = await stage.asked();
    expect(idIn(first)).toBe(id);
    await stage.say(id, "approve");
    expect(await callUntil(client, asked, /^did/)).toMatchObject({ structuredContent: { text: "shape" } });
  });

  test("a call that takes longer than its client waits goes on, and the same call gets its result", async () => {
    const asked = call("slow", "long");
    await client.callTool(asked);
    const { id } = await stage.asked();
    await stage.say(id, "approve");
    expect(idIn(await callUntil(client, asked, /is being carried out.*same call again/s))).toBe(id);
    server.go();
    await callUntil(client, asked, /^did slow$/);
    expect(made("long")).toBe(1);
    expect((await stage.show(id)).status).toBe("executed");
  });

  test("a call that is cancelled is withdrawn after the grace, and one that comes again is not", async () => {
    const asked = call("plain", "left");
    const [one, two] = [new AbortController(), new AbortController()];
    const first = hold(client, asked, one.signal);
    const { id } = await stage.asked();
    one.abort();
    await expect(first.answer).rejects.toThrow();
    const second = hold(client, asked, two.signal);
    await second.held;
    expect((await stage.show(id)).status).toBe("pending");
    two.abort();
    expect(await stage.next("cancelled")).toMatchObject({ id, reason: "its agent went away" });
    expect(made("left")).toBe(0);
  });
});

describe("one gateway", () => {
  let server: Odd;
  let connected: Connected;
  let client: Client;

  beforeAll(async () => {
    server = newOdd();
    const words = ["--name", `odd-${count}`, "--wait", "5m"];
    connected = await stage.connect("legacy", server.argv, { words });
    client = connected.client;
  });

  beforeEach(() => server.forget());
  afterAll(() => connected.close());

  test("a tool gets the id, the key and a grant that proves the approval, and nothing that the agent has said beside the call", async () => {
    const asked = client.callTool(
      { ...call("plain", "a"), _meta: { "example.com/trace": "t1" } },
      { onprogress: () => {} },
    );
    const { id } = await stage.asked();
    await stage.say(id, "approve");
    await asked;
    const [{ given, _meta } = { given: {}, _meta: {} as Record<string, unknown> }] = server.calls();
    expect(given).toEqual({ text: "a" });
    expect(_meta).not.toHaveProperty(["example.com/trace"]);
    expect(_meta).toMatchObject({
      "countersign/id": id,
      "countersign/idempotency-key": id,
    });
    const { body: key } = (await ask(stage.agentSocket(), "GET", "/v1/grant-key")) ?? { body: {} };
    const { digest, action_digest } = await stage.show(id);
    const expected = { id, digest, action_digest, started: true, now: Date.now() } as const;
    const grant = String(_meta["countersign/grant"]);
    expect(await verifyGrant(grant, key as unknown as PublicGrantKey, expected)).toMatchObject({ ok: true });
  });

  test("a call that the policy allows is cancelled at the server, and one that a person approved is not", async () => {
    const leaving = new AbortController();
    const freely = client.callTool(call("free-slow", "a"), { signal: leaving.signal });
    await server.reached(1);
    leaving.abort();
    await expect(freely).rejects.toThrow();
    await server.reached(2);
    expect(server.calls()[1]).toEqual({ cancelled: true });
    expect((await stage.next("outcome_lost")).event).toBe("outcome_lost");

    const gone = new AbortController();
    const approved = client.callTool(call("slow", "a"), { signal: gone.signal });
    const { id } = await stage.asked();
    await stage.say(id, "approve");
    await server.reached(3);
    gone.abort();
    await expect(approved).rejects.toThrow();
    server.go();
    expect(await stage.next("executed")).toMatchObject({ id });
    // Nobody was told: the same call is.
    expect(textOf(await client.callTool(call("slow", "a")))).toBe("did slow");
    expect(server.calls().filter(({ cancelled }) => cancelled)).toHaveLength(1);
  });

  test("a server that dies in the middle leaves an unknown outcome, and is there again for the next call", async () => {
    const asked = client.callTool({ name: "crash", arguments: {} });
    const { id } = await stage.asked();
    await stage.say(id, "approve");
    const answer = await asked;
    expect(answer.isError).toBe(true);
    expect(textOf(answer)).toMatch(/not known.*never do it again by yourself/s);
    expect((await stage.show(id)).status).toBe("outcome_unknown");
    const dead = server.pid();
    expect(textOf(await client.callTool({ name: "free", arguments: {} }))).toBe("did free");
    expect(server.pid()).not.toBe(dead);
    expect(server.calls().map(({ name }) => name)).toEqual(["crash", "free"]);
  });

  describe("the daemon", () => {
    test("that is restarted in the wait is waited for", async () => {
      const { answer, held } = hold(client, call("plain", "a"));
      const { id } = await stage.asked();
      await held;
      await stage.stop("SIGKILL");
      await stage.start();
      await stage.say(id, "approve");
      expect(textOf(await answer)).toBe("did plain");
      expect(server.calls()).toHaveLength(1);
    });

    test("that is away while the tool runs is told afterwards what came of it", async () => {
      const asked = client.callTool(call("slow", "a"));
      const { id } = await stage.asked();
      await stage.say(id, "approve");
      await server.reached(1);
      await stage.stop("SIGKILL");
      server.go();
      expect(textOf(await asked)).toBe("did slow");
      await stage.start();
      expect(await stage.next("executed")).toMatchObject({ id });
    });

    test("that is down makes every call a no that says what to start", async () => {
      await stage.stop();
      const answer = await client.callTool({ name: "free", arguments: {} });
      expect(answer.isError).toBe(true);
      expect(textOf(answer)).toContain("countersign start");
      expect(server.calls()).toEqual([]);
      await stage.start();
    });
  });
});

test("a client that goes away lets what was approved run to its end, and then everything ends", async () => {
  const server = newOdd();
  const { gateway, send } = stage.launch(server.argv, ["--name", `odd-${count}`]);
  const ended = once(gateway, "exit");
  send({ id: 2, method: "tools/call", params: call("slow", "a") });
  const { id } = await stage.asked();
  await stage.say(id, "approve");
  await server.reached(1);
  gateway.stdin.end();
  server.go();
  expect(await stage.next("executed")).toMatchObject({ id });
  expect(await ended).toEqual([0, null]);
  expect(() => process.kill(server.pid(), 0)).toThrow();
});

test("a server that does not end with its client is ended while what waits has its grace", async () => {
  const server = newOdd();
  const { gateway, send } = stage.launch([...server.argv, "stubborn"], ["--name", `odd-${count}`]);
  const ended = once(gateway, "exit");
  const held = Promise.withResolvers<void>();
  gateway.stdout.on("data", (chunk: Buffer) => void (chunk.includes("waits") && held.resolve()));
  const params = { ...call("plain", "a"), _meta: { progressToken: 1 } };
  send({ id: 2, method: "tools/call", params });
  const { id } = await stage.asked();
  await held.promise;
  gateway.stdin.end();
  await server.terminated(server.pid());
  expect((await stage.show(id)).status).toBe("pending");
  gateway.kill("SIGTERM");
  expect(await ended).toEqual([0, null]);
  expect((await stage.show(id)).status).toBe("cancelled");
});

test("a gateway that is told to stop withdraws what waits, and says that what runs has no known outcome", async () => {
  const server = newOdd();
  const { gateway, send } = stage.launch(server.argv, ["--name", `odd-${count}`]);
  const ended = once(gateway, "exit");
  send({ id: 2, method: "tools/call", params: call("slow", "a") });
  const runs = await stage.asked();
  await stage.say(runs.id, "approve");
  await server.reached(1);
  send({ id: 3, method: "tools/call", params: call("plain", "a") });
  const waits = await stage.asked();
  gateway.kill("SIGTERM");
  expect(await ended).toEqual([0, null]);
  expect((await stage.show(runs.id)).status).toBe("outcome_unknown");
  expect((await stage.show(waits.id)).status).toBe("cancelled");
  expect(() => process.kill(server.pid(), 0)).toThrow();
});

test("a gateway that is killed while it holds a call leaves a request to which the next one attaches", async () => {
  const server = newOdd();
  const first = await through(server);
  const { held } = hold(first.client, call("plain", "a"));
  const { id } = await stage.asked();
  await held;
  process.kill(first.pid, "SIGKILL");
  const second = await through(server);
  const again = hold(second.client, call("plain", "a"));
  await again.held;
  await stage.say(id, "approve");
  expect((await again.answer)._meta).toMatchObject({ "countersign/id": id });
  expect(server.calls()).toHaveLength(1);
});

test("a gateway that is killed before it hears that its request is recorded leaves one that the same call begins", async () => {
  const server = newOdd();
  const first = await through(server);
  await first.client.listTools();
  const between = await standIn(stage.agentSocket());
  const { answer } = hold(first.client, { name: "plain", arguments: { more: "b", text: "a" } });
  await between.answered;
  process.kill(first.pid, "SIGKILL");
  await expect(answer).rejects.toThrow();
  await between.leave();
  const { id } = await stage.asked();
  const second = await through(server);
  // A model that is started again may write its arguments in another order.
  const again = hold(second.client, { name: "plain", arguments: { text: "a", more: "b" } });
  await again.held;
  await stage.say(id, "approve");
  expect(await again.answer).toMatchObject({ _meta: { "countersign/id": id } });
  expect(server.calls()).toHaveLength(1);
});

test("a gateway that is killed while the tool runs has called it once, and nobody calls it again", async () => {
  const server = newOdd();
  const first = await through(server);
  const { answer } = hold(first.client, call("slow", "a"));
  const { id } = await stage.asked();
  await stage.say(id, "approve");
  await server.reached(1);
  process.kill(first.pid, "SIGKILL");
  await expect(answer).rejects.toThrow();
  const second = await through(server, ["--wait", "400ms"]);
  const again = await second.client.callTool(call("slow", "a"));
  // What may have happened is not repeated: it is another question.
  expect((await stage.asked()).id).toBe(idIn(again));
  expect(idIn(again)).not.toBe(id);
  expect(server.calls()).toHaveLength(1);
  expect((await stage.show(id)).status).toBe("executing");
});

test("a server that cannot be started is named, and asks nobody", async () => {
  const { client } = await through({ argv: [process.execPath, "--eval", "process.exit(1)"] });
  await expect(client.listTools()).rejects.toThrow(/no connection to odd-\d+/);
  const answer = await client.callTool({ name: "plain", arguments: {} });
  expect(answer.isError).toBe(true);
  expect(textOf(answer)).toContain("[upstream_unreachable]");
});
