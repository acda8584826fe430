import { createHash } from "node:crypto";
import { once } from "node:events";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { McpServer } from "@modelcontextprotocol/server";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { serveMcpOverHttp } from "../../../src/surfaces/mcp/over-http.ts";
import { type Era, newClient } from "./client.ts";

const CLAUDE = "c".repeat(40);
const CODEX = "x".repeat(40);

/** What was asked, by whom, at which path. */
const heard: string[] = [];
/** What the clients of the earlier era were known as. */
const clients: (string | undefined)[] = [];
let surface: Awaited<ReturnType<typeof serveMcpOverHttp>>;
let port: number;

const route = (path: string) => (name: string, client: string | undefined) => {
  const server = new McpServer({ name: "test", version: "1" });
  server.registerTool("act", {}, () => {
    heard.push(`${name} ${path}`);
    clients.push(client);
    return { content: [{ type: "text", text: `${name} ${path}` }] };
  });
  return server;
};

beforeAll(async () => {
  surface = await serveMcpOverHttp({
    address: { host: "127.0.0.1", port: 0, hosts: ["agents.example.com"] },
    key: "--listen",
    tokens: [
      { role: "agent", name: "claude", sha256: createHash("sha256").update(CLAUDE).digest("hex") },
      { role: "agent", name: "codex", sha256: createHash("sha256").update(CODEX).digest("hex") },
    ],
    routes: new Map([
      ["/mcp", route("/mcp")],
      ["/mcp/fs", route("/mcp/fs")],
    ]),
    limits: { headers_ms: 1_000, request_ms: 1_500, check_every_ms: 50 },
    onError: () => {},
  });
  port = Number(new URL(surface.url).port);
});
afterAll(() => surface.close());

async function act(era: Era, token: string, path: string): Promise<string> {
  const client = newClient(era, "claude-code");
  const headers = { authorization: `Bearer ${token}` };
  await client.connect(
    new StreamableHTTPClientTransport(new URL(path, surface.url), { requestInit: { headers } }),
  );
  const answer = await client.callTool({ name: "act" });
  await client.close();
  return (answer.content[0] as { text: string }).text;
}

describe.each(["legacy", "2026-07-28"] as const)("in the era %s", (era) => {
  test("who asks is who the token names, and what answers is what is at the path", async () => {
    expect(await act(era, CLAUDE, "/mcp")).toBe("claude /mcp");
    expect(await act(era, CODEX, "/mcp/fs")).toBe("codex /mcp/fs");
  });
});

test("in the earlier era what a client has called itself is known by its session", async () => {
  await act("legacy", CLAUDE, "/mcp");
  expect(clients.at(-1)).toBe("claude-code");
});

const JSON_TYPE = { "content-type": "application/json", accept: "application/json, text/event-stream" };
const KNOWN = { ...JSON_TYPE, authorization: `Bearer ${CLAUDE}` };
const CALL = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "act" } });

async function knock(headers: Record<string, string>, body = CALL, path = "/mcp", method = "POST") {
  const asked = httpRequest({ host: "127.0.0.1", port, path, method, headers, agent: false });
  asked.end(body);
  const [answer] = (await once(asked, "response")) as [IncomingMessage];
  answer.resume();
  return answer.statusCode;
}

describe("at the door", () => {
  test.each([
    ["with a token", KNOWN, 200],
    ["by a name of the operator's", { ...KNOWN, host: "agents.example.com" }, 200],
    ["without a token", JSON_TYPE, 401],
    ["with another token", { ...JSON_TYPE, authorization: `Bearer ${"d".repeat(40)}` }, 401],
    ["with the beginning of one", { ...JSON_TYPE, authorization: `Bearer ${CLAUDE.slice(0, -1)}` }, 401],
    ["with one as a password", { ...JSON_TYPE, authorization: `Basic ${CLAUDE}` }, 401],
    ["under a name that was pointed here", { ...KNOWN, host: "evil.example" }, 421],
    ["under one that only begins like ours", { ...KNOWN, host: "127.0.0.1.evil.example" }, 421],
    ["from a page of this machine's", { ...KNOWN, origin: "http://127.0.0.1" }, 403],
    ["from a page without an origin", { ...KNOWN, origin: "null" }, 403],
    ["from a page that sends none", { ...KNOWN, "sec-fetch-site": "same-origin" }, 403],
    ["as text/plain, which a page may send anywhere", { ...KNOWN, "content-type": "text/plain" }, 415],
    ["as a form", { ...KNOWN, "content-type": "application/x-www-form-urlencoded" }, 415],
  ])("%s", async (_name, headers, status) => {
    const before = heard.length;
    expect(await knock(headers)).toBe(status);
    expect(heard.length - before).toBe(status === 200 ? 1 : 0);
  });

  test("a body over the limit is refused, said or sent", async () => {
    const large = JSON.stringify({ pad: "x".repeat(1024 * 1024) });
    expect(await knock(KNOWN, large)).toBe(413);
    expect(await knock({ ...KNOWN, "transfer-encoding": "chunked" }, large)).toBe(413);
  });

  test.each(["/", "/mcp/", "/mcp/mail", "/mcp/fs/../../v1", "/v1/requests", "//mcp"])(
    "nothing is at %s",
    async (path) => {
      expect(await knock(KNOWN, CALL, path)).toBe(404);
    },
  );

  test.each(["GET", "DELETE", "PUT"])("%s asks nothing", async (method) => {
    expect(await knock(KNOWN, "", "/mcp", method)).toBe(405);
  });
});

describe("a greeting", () => {
  const greeting = (clientInfo: unknown) =>
    JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      method: "initialize",
      params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo },
    });

  /** What it is answered with, and what a call in that session makes of the client. */
  async function greet(body: string, headers: Record<string, string> = {}) {
    const url = new URL("/mcp", surface.url);
    const answer = await fetch(url, { method: "POST", headers: { ...KNOWN, ...headers }, body });
    await answer.text();
    return answer.headers.get("mcp-session-id");
  }

  test("is answered with a session that says the name, as one that a header can hold", async () => {
    const first = await greet(greeting({ name: "Code: x", version: "1" }));
    expect(first).toMatch(/^code-x:[\w-]{36}$/);
    expect(await greet(greeting({ name: "Code: x", version: "1" }))).not.toBe(first);
  });

  test.each([
    ["without a name that can be kept", greeting({ name: "山", version: "1" })],
    ["without a client", greeting(null)],
    ["that is none", CALL],
    ["that is no JSON", "{"],
    ["that is nothing", "null"],
  ])("%s is answered without one", async (_name, body) => {
    expect(await greet(body)).toBeNull();
  });

  test.each([
    ["of nobody", ":x"],
    ["of another form", "claude"],
    ["that is too long", `${"a".repeat(65)}:x`],
  ])("in a session %s nothing is known of the client", async (_name, session) => {
    expect(await knock({ ...KNOWN, "mcp-session-id": session })).toBe(200);
    expect(clients.at(-1)).toBeUndefined();
  });
});

describe("a client that takes its time", () => {
  /** Resolves once it is connected, with what resolves once it is cut off. */
  async function say(text: string): Promise<{ readonly cutOff: Promise<unknown> }> {
    const socket = connect(port, "127.0.0.1");
    const cutOff = new Promise((resolve) => socket.once("close", resolve));
    await once(socket, "connect");
    // To be reset is to be cut off as well.
    socket.on("error", () => {});
    socket.resume();
    socket.write(text);
    return { cutOff };
  }

  const HEAD = `POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:${"PORT"}\r\nAuthorization: Bearer ${CLAUDE}\r\nContent-Type: application/json\r\n`;

  test.each([
    ["about its first line", "POST /mc"],
    ["about its headers", HEAD],
    ["about its body", `${HEAD}Content-Length: 200\r\n\r\n{"jsonrpc"`],
  ])("%s is cut off, and is in nobody's way meanwhile", async (_name, text) => {
    const slow = await Promise.all(Array.from({ length: 20 }, () => say(text.replace("PORT", String(port)))));
    expect(await act("2026-07-28", CODEX, "/mcp")).toBe("codex /mcp");
    await Promise.all(slow.map(({ cutOff }) => cutOff));
  });
});
