import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TOOL_ACTIONS } from "../../../src/adapters/tool-actions.ts";
import type { RequestView } from "../../../src/core/view.ts";
import { type AgentStage, openAgentStage } from "../agents/stage.ts";
import { type Era, newClient } from "../mcp/client.ts";
import { type Odd, odd } from "./odd.ts";
import { textOf } from "./stage.ts";

/** One gateway in front of two servers, for two agents at once. */
const CLAUDE = "c".repeat(40);
const CODEX = "x".repeat(40);
const FILESYSTEM = createRequire(import.meta.url).resolve(
  "@modelcontextprotocol/server-filesystem/dist/index.js",
);
const POLICY = `
default: require_approval
rules:
  - { id: free, match: { kind: mcp_tool }, when: "params.tool.startsWith('free')", decision: allow }
`;

let stage: AgentStage;
let place: string;
let odds: Odd;
let gateway: ChildProcess;
let url: string;

beforeAll(async () => {
  place = realpathSync(mkdtempSync(join(tmpdir(), "cs-gateway-")));
  odds = odd(place, "odd");
  mkdirSync(join(place, "files"));
  const upstreams = {
    odd: { command: odds.argv },
    files: { command: [process.execPath, FILESYSTEM, join(place, "files")] },
  };
  const tokens = [
    { name: "claude", env: "CLAUDE_TOKEN" },
    { name: "codex", env: "CODEX_TOKEN" },
  ];
  const section = { listen: "127.0.0.1:0", tokens, upstreams };
  stage = await openAgentStage(POLICY, `${TOOL_ACTIONS}gateway: ${JSON.stringify(section)}\n`);
  await stage.start();
  const { program, env, vault } = stage;
  gateway = spawn(
    process.execPath,
    [program.main, "gateway", "--vault", vault, "--http", "--grace", "200ms", "--json"],
    {
      env: { ...env, CLAUDE_TOKEN: CLAUDE, CODEX_TOKEN: CODEX },
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const lines = createInterface({ input: gateway.stdout as NodeJS.ReadableStream });
  const [line] = (await once(lines, "line")) as [string];
  const ready = JSON.parse(line) as { url: string; paths: string[] };
  expect(ready.paths).toEqual(["/mcp", "/mcp/odd", "/mcp/files"]);
  url = ready.url;
}, 120_000);

afterAll(async () => {
  if (gateway.exitCode === null) {
    gateway.kill("SIGTERM");
    await once(gateway, "exit");
  }
  await stage.remove();
  rmSync(place, { recursive: true });
});

async function connect(token: string, path = "/mcp/odd", client = newClient("2026-07-28", "anybody")) {
  const headers = { authorization: `Bearer ${token}` };
  await client.connect(new StreamableHTTPClientTransport(new URL(path, url), { requestInit: { headers } }));
  return client;
}

const call = (client: Client, name: string, text: string, options = {}) =>
  client.callTool({ name, arguments: { text } }, options);

/** What a person is asked about that agent's call. */
async function asked(requester: string, text: string): Promise<RequestView> {
  for (;;) {
    const found = (await stage.open()).find(
      ({ requester: who, params }) => who === requester && (params.input as { text?: string }).text === text,
    );
    if (found !== undefined) return found;
    await stage.next("submitted");
  }
}

describe.each(["legacy", "2026-07-28"] as const satisfies Era[])("in the era %s", (era) => {
  test("all servers are at one path, and each at its own under its own names", async () => {
    const namesAt = async (path: string) => {
      const client = await connect(CLAUDE, path, newClient(era));
      const { tools } = await client.listTools();
      await client.close();
      return tools.map(({ name }) => name);
    };
    expect(await namesAt("/mcp")).toEqual(
      expect.arrayContaining(["odd__plain", "files__write_file", "files__read_text_file"]),
    );
    expect(await namesAt("/mcp/odd")).toContain("plain");
    expect(await namesAt("/mcp/files")).toContain("write_file");
    expect(await namesAt("/mcp/files")).not.toContain("plain");
  });

  test("a call is its token's, whatever the client calls itself, and is made once approved", async () => {
    const client = await connect(CODEX, "/mcp", newClient(era, "claude"));
    const path = join(place, "files", `${era}.txt`);
    const answer = client.callTool({ name: "files__write_file", arguments: { path, content: "hello" } });
    const { id } = await stage.asked();
    expect(await stage.show(id)).toMatchObject({
      requester: "codex",
      params: { server: "files", tool: "write_file" },
    });
    expect(existsSync(path)).toBe(false);
    await stage.say(id, "approve");
    expect(textOf(await answer)).toMatch(/Successfully wrote/);
    expect(existsSync(path)).toBe(true);
    await client.close();
  });
});

describe("agents share the servers and nothing else", () => {
  test("the same call of two agents is two requests, and each is told what came of its own", async () => {
    const [claude, codex] = [await connect(CLAUDE), await connect(CODEX)];
    const answers = Promise.all([call(claude, "plain", "same"), call(codex, "plain", "same")]);
    await stage.say((await asked("claude", "same")).id, "approve");
    await stage.say((await asked("codex", "same")).id, "reject");
    const [hers, his] = await answers;
    expect(textOf(hers)).toBe("did plain");
    expect(textOf(his)).toMatch(/rejected/);
    await Promise.all([claude.close(), codex.close()]);
  });

  test("what is being done for one is asked about again for another", async () => {
    const [claude, codex] = [await connect(CLAUDE), await connect(CODEX)];
    const reached = odds.calls().length;
    const hers = call(claude, "slow", "shared");
    await stage.say((await asked("claude", "shared")).id, "approve");
    await odds.reached(reached + 1);
    const his = call(codex, "slow", "shared");
    await stage.say((await asked("codex", "shared")).id, "reject");
    expect(textOf(await his)).toMatch(/rejected/);
    odds.go();
    expect(textOf(await hers)).toBe("did slow");
    expect(odds.calls().length).toBe(reached + 1);
    rmSync(join(place, "odd", "go"));
    await Promise.all([claude.close(), codex.close()]);
  });

  test("one that cancels, or goes away, stops its own call and no other", async () => {
    const [claude, codex] = [await connect(CLAUDE), await connect(CODEX)];
    const reached = odds.calls().length;
    const leaving = new AbortController();
    const left = call(claude, "free-slow", "both", { signal: leaving.signal });
    left.catch(() => {});
    const stays = call(codex, "free-slow", "both");
    await odds.reached(reached + 2);
    leaving.abort();
    await expect(left).rejects.toThrow();
    await odds.reached(reached + 3);
    expect(odds.calls().slice(reached + 2)).toEqual([{ cancelled: true }]);
    odds.go();
    expect(textOf(await stays)).toBe("did free-slow");
    await Promise.all([claude.close(), codex.close()]);
  });

  test("one that goes away while a person is asked withdraws its own request and no other", async () => {
    const [claude, codex] = [await connect(CLAUDE), await connect(CODEX)];
    const leaving = new AbortController();
    const left = call(claude, "plain", "leaving", { signal: leaving.signal });
    left.catch(() => {});
    const stays = call(codex, "plain", "leaving");
    const { id: hers } = await asked("claude", "leaving");
    const { id: his } = await asked("codex", "leaving");
    leaving.abort();
    await claude.close();
    expect(await stage.next("cancelled")).toMatchObject({ id: hers, reason: "its agent went away" });
    expect((await stage.show(his)).status).toBe("pending");
    await stage.say(his, "approve");
    expect(textOf(await stays)).toBe("did plain");
    await codex.close();
  });
});

test("who subscribes is told that a server's tools have changed", async () => {
  const changed = Promise.withResolvers<void>();
  const client = new Client(
    { name: "watcher", version: "1" },
    {
      versionNegotiation: { mode: { pin: "2026-07-28" } },
      listChanged: { tools: { autoRefresh: false, debounceMs: 0, onChanged: () => changed.resolve() } },
    },
  );
  await connect(CLAUDE, "/mcp/odd", client);
  odds.describe({ tools: [{ name: "new", inputSchema: { type: "object" } }] });
  await changed.promise;
  expect((await client.listTools()).tools.map(({ name }) => name)).toContain("new");
  await client.close();
});

describe("nobody else is heard", () => {
  const json = { "content-type": "application/json", accept: "application/json, text/event-stream" };
  const known = { ...json, authorization: `Bearer ${CLAUDE}` };
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "free" } });

  async function knock(headers: Record<string, string>, text = body): Promise<number | undefined> {
    const { hostname: host, port } = new URL(url);
    const said = httpRequest({ host, port, path: "/mcp/odd", method: "POST", headers, agent: false });
    said.end(text);
    const [answer] = (await once(said, "response")) as [IncomingMessage];
    answer.resume();
    return answer.statusCode;
  }

  test.each([
    ["without a token", json, 401],
    ["with another token", { ...json, authorization: `Bearer ${"n".repeat(40)}` }, 401],
    ["under a name that was pointed here", { ...known, host: "evil.example" }, 421],
    ["from a page without an origin", { ...known, origin: "null" }, 403],
    ["as text/plain", { ...known, "content-type": "text/plain" }, 415],
  ])("%s", async (_name, headers, status) => {
    const before = odds.calls().length;
    expect(await knock(headers)).toBe(status);
    expect(odds.calls().length).toBe(before);
  });

  test("with a body over the limit", async () => {
    expect(await knock(known, JSON.stringify({ pad: "x".repeat(1024 * 1024) }))).toBe(413);
  });
});

test("what was approved runs to its end when the gateway is stopped", async () => {
  rmSync(join(place, "odd", "go"), { force: true });
  const client = await connect(CLAUDE);
  const reached = odds.calls().length;
  const answer = call(client, "slow", "last");
  answer.catch(() => {});
  const { id } = await asked("claude", "last");
  await stage.say(id, "approve");
  await odds.reached(reached + 1);
  const ended = once(gateway, "exit");
  gateway.kill("SIGTERM");
  await expect(answer).rejects.toThrow();
  odds.go();
  expect(await ended).toEqual([0, null]);
  expect((await stage.show(id)).status).toBe("executed");
});
