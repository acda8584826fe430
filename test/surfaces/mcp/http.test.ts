import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type AgentStage, openAgentStage } from "../agents/stage.ts";
import { callTool, type Era, newClient } from "./client.ts";

const TOKEN = "m".repeat(40);
let stage: AgentStage;
let server: ChildProcess;
let url: URL;

beforeAll(async () => {
  stage = await openAgentStage();
  await stage.start();
  const { program, env, vault } = stage;
  const words = ["mcp", "--vault", vault, "--listen", "127.0.0.1:0", "--grace", "200ms", "--json"];
  server = spawn(process.execPath, [program.main, ...words], {
    env: { ...env, COUNTERSIGN_MCP_TOKEN: TOKEN },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = (await once(server.stdout as NodeJS.ReadableStream, "data")) as [Buffer];
  url = new URL((JSON.parse(line.toString()) as { url: string }).url);
});

afterAll(async () => {
  server.kill("SIGTERM");
  await once(server, "exit");
  await stage.remove();
});

async function connect(era: Era, headers = { authorization: `Bearer ${TOKEN}` }) {
  const client = newClient(era);
  await client.connect(new StreamableHTTPClientTransport(url, { requestInit: { headers } }));
  return client;
}

describe.each(["legacy", "2026-07-28"] as const)("over HTTP, in the era %s", (era) => {
  test("an approval comes through, with heartbeats on the way", async () => {
    const client = await connect(era);
    const held = Promise.withResolvers<void>();
    const onprogress = ({ message = "" }: { message?: string | undefined }) => {
      if (message.includes("waits")) held.resolve();
    };
    const asked = callTool(
      client,
      "request_approval",
      { kind: "shell", params: { command: era } },
      { onprogress },
    );
    await held.promise;
    const { id } = await stage.next("submitted");
    await stage.say(id, "approve");
    expect((await asked).told).toMatchObject({ id, status: "executing", proceed: true });
    await callTool(client, "report_outcome", { id, outcome: "done" });
    expect(await stage.show(id)).toMatchObject({ status: "executed", requester: "test-agent" });
    await client.close();
  });

  test("a client that closes its connection withdraws after the grace", async () => {
    const client = await connect(era);
    const leaving = new AbortController();
    const asked = callTool(
      client,
      "request_approval",
      { kind: "shell", params: { command: `left ${era}` } },
      { signal: leaving.signal, onprogress: () => {} },
    );
    const { id } = await stage.next("submitted");
    leaving.abort();
    await expect(asked).rejects.toThrow();
    await client.close();
    expect(await stage.next("cancelled")).toMatchObject({ id, reason: "its agent went away" });
  });
});

/** A question as any program could send it. */
async function knock(headers: Record<string, string>, body = "{}", path = url.pathname): Promise<number> {
  const asked = httpRequest({ host: url.hostname, port: url.port, path, method: "POST", headers });
  asked.end(body);
  const [answer] = (await once(asked, "response")) as [import("node:http").IncomingMessage];
  answer.resume();
  return answer.statusCode ?? 0;
}

describe("nobody else is heard", () => {
  const json = { "content-type": "application/json", accept: "application/json, text/event-stream" };
  const known = { ...json, authorization: `Bearer ${TOKEN}` };
  const list = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list" });
  test.each([
    ["with the token", known, 200],
    ["without a token", json, 401],
    ["with another token", { ...json, authorization: `Bearer ${"n".repeat(40)}` }, 401],
    [
      "under a strange name, as a page could after its name was pointed here",
      { ...known, host: "evil.example" },
      421,
    ],
    ["from a web page", { ...known, origin: "http://127.0.0.1" }, 403],
    ["from a page without an origin", { ...known, origin: "null" }, 403],
    ["as text/plain, which a page may send anywhere", { ...known, "content-type": "text/plain" }, 415],
  ])("%s", async (_name, headers, status) => {
    expect(await knock(headers, list)).toBe(status);
  });

  test("a body over the limit is refused", async () => {
    expect(await knock(known, JSON.stringify({ pad: "x".repeat(2 * 1024 * 1024) }))).toBe(413);
  });

  test("there is nothing at any other path", async () => {
    expect(await knock(known, list, "/v1/requests")).toBe(404);
  });

  test("without a good token it does not start", async () => {
    const words = ["mcp", "--vault", stage.vault, "--listen", "127.0.0.1:0", "--json"];
    const told = await stage.cs(...words);
    expect(told.exit).toBe(2);
    expect(JSON.parse(told.out)).toMatchObject({ error: { code: "usage" } });
  });
});
