import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/core/json.ts";
import type { ActionJob } from "../../src/handlers/action-document.ts";
import { type CommandLink, openCommandLink } from "../../src/handlers/command-link.ts";
import { createMcpHandler, type McpSpec } from "../../src/handlers/mcp.ts";
import { processes, spawnersOf, until } from "./processes.ts";

const JOB: ActionJob = {
  id: "20261121-091403-ticket-7f3k9q",
  digest: "sha256:9b1c",
  kind: "ticket",
  params: { message: "Zahlung über 1.500 €", a: 2, b: 40 },
  attempt: { number: 1, idempotency_key: "k-1", executor: "daemon", deadline: null },
  approved_by: ["ada"],
};
const never = new AbortController().signal;
const require = createRequire(import.meta.url);
const EVERYTHING = require.resolve("@modelcontextprotocol/server-everything/dist/index.js");

/** Speaks the protocol up to the call, then does what the tool's name says. */
const ODD = `
import { appendFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
const say = (message) => process.stdout.write(JSON.stringify({ jsonrpc: "2.0", ...message }) + "\\n");
writeFileSync("pid", String(process.pid));
for await (const line of createInterface({ input: process.stdin })) {
  const { id, method, params } = JSON.parse(line);
  if (id === undefined) continue;
  if (method === "initialize") {
    const { protocolVersion } = params;
    say({ id, result: { protocolVersion, capabilities: { tools: {} }, serverInfo: { name: "odd", version: "1" } } });
  } else if (method !== "tools/call") say({ id, error: { code: -32601, message: "no such method" } });
  else {
    appendFileSync("calls", JSON.stringify({ params, env: process.env }) + "\\n");
    if (params.name === "close") process.exit(0);
    if (params.name === "internal") say({ id, error: { code: -32603, message: "it broke half-way" } });
    if (params.name === "invalid") say({ id, error: { code: -32602, message: "no such argument" } });
    if (params.name === "large") say({ id, result: { content: [{ type: "text", text: "x".repeat(5e6) }] } });
    if (params.name === "structured") say({ id, result: { content: [], structuredContent: { ticket: 7 } } });
  }
}
`;

let folder: string;
let link: CommandLink;
beforeAll(() => {
  process.env.COUNTERSIGN_CANARY = "canary-3";
  folder = mkdtempSync(join(tmpdir(), "mcp-"));
  writeFileSync(join(folder, "odd.mjs"), ODD);
  link = openCommandLink();
});
afterAll(async () => {
  delete process.env.COUNTERSIGN_CANARY;
  link.close();
  await until(() => spawnersOf(process.pid).length === 0);
  rmSync(folder, { recursive: true });
});

function call(server: McpSpec["server"], tool: string, more: Partial<McpSpec> = {}, shutdown = never) {
  const spec = { server, tool, arguments: null, timeout_ms: 25_000, cwd: folder, ...more };
  return createMcpHandler(link)(JOB, spec, shutdown);
}

const started = (file: string, env: Record<string, string> = {}): McpSpec["server"] => ({
  by: "command",
  argv: [process.execPath, file],
  cwd: folder,
  env,
});
const odd = (tool: string, more: Partial<McpSpec> = {}) => call(started(join(folder, "odd.mjs")), tool, more);

describe("the reference server, started for the call", () => {
  const everything = started(EVERYTHING);

  test("gives its result", async () => {
    expect(await call(everything, "echo")).toEqual({
      status: "executed",
      result: "Echo: Zahlung über 1.500 €",
    });
  });

  test("gets the arguments that the configuration makes of the params", async () => {
    const given: JsonObject = { a: "{a}", b: "{b}" };
    const outcome = await call(everything, "get-sum", { arguments: given });
    expect(outcome).toMatchObject({ status: "executed", result: expect.stringContaining("42") });
  });

  test("has not executed what it does not take", async () => {
    expect(await call(everything, "no-such-tool")).toMatchObject({ status: "failed" });
    const wrong = await call(everything, "echo", { arguments: { message: { a: 1 } } });
    expect(wrong).toMatchObject({ status: "failed", error: expect.stringContaining("message") });
  });
});

describe("a server that is started for the call", () => {
  test("is told who asks, finds only its own environment, and ends with the call", async () => {
    const server = started(join(folder, "odd.mjs"), { TOKEN: "t" });
    const outcome = await call(server, "structured", {
      arguments: { title: "{message}", left_out: "{gone}", n: [1] },
    });
    expect(outcome).toEqual({ status: "executed", result: { ticket: 7 } });
    const { params, env } = JSON.parse(
      readFileSync(join(folder, "calls"), "utf8").trim().split("\n").at(-1) ?? "",
    );
    expect(params).toMatchObject({
      name: "structured",
      arguments: { title: JOB.params.message, n: [1] },
      _meta: { "countersign/id": JOB.id, "countersign/idempotency-key": "k-1" },
    });
    expect(Object.keys(params.arguments)).toEqual(["title", "n"]);
    expect(env).toEqual({ TOKEN: "t" });
    const pid = Number(readFileSync(join(folder, "pid"), "utf8"));
    await until(() => !processes().some((one) => one.pid === pid));
  });

  test.each([
    [
      "closes",
      "close",
      { status: "unknown", cause: expect.stringMatching(/^The tool was called, but there is no result/) },
    ],
    ["breaks", "internal", { status: "unknown", cause: expect.stringContaining("it broke half-way") }],
    ["does not take it", "invalid", { status: "failed", error: expect.stringContaining("no such argument") }],
  ])("and %s", async (_, tool, outcome) => {
    expect(await odd(tool)).toEqual(outcome);
  });

  test("and never answers is ended when the time is over", async () => {
    expect(await odd("hang", { timeout_ms: 4_000 })).toMatchObject({ status: "unknown" });
    const pid = Number(readFileSync(join(folder, "pid"), "utf8"));
    await until(() => !processes().some((one) => one.pid === pid));
  });

  test("and takes longer than its rule allows is ended, and is told what holds it", async () => {
    const held = (tool: string, max_runtime_sec: number) => {
      const job = { ...JOB, attempt: { ...JOB.attempt, constraints: { max_runtime_sec } } };
      const server = started(join(folder, "odd.mjs"));
      const spec = { server, tool, arguments: null, timeout_ms: 600_000, cwd: folder };
      return createMcpHandler(link)(job, spec, never);
    };
    expect(await held("structured", 500)).toMatchObject({ status: "executed" });
    const last = readFileSync(join(folder, "calls"), "utf8").trim().split("\n").at(-1) ?? "";
    expect(JSON.parse(last).params._meta).toMatchObject({
      "countersign/constraints": { max_runtime_sec: 500 },
    });
    expect(await held("hang", 2)).toMatchObject({ status: "unknown" });
  });

  test("and gives 5 MB has executed it, and its result is cut", async () => {
    const outcome = await odd("large");
    const text = String("result" in outcome && outcome.result);
    expect([outcome.status, text.length < 1_000_000, text.slice(-35)]).toEqual([
      "executed",
      true,
      expect.stringContaining("[cut: the first 250000 characters]"),
    ]);
  });

  test("and cannot be started has executed nothing", async () => {
    const outcome = await call({ by: "command", argv: [join(folder, "gone")], cwd: folder, env: {} }, "echo");
    expect(outcome).toMatchObject({
      status: "failed",
      error: expect.stringMatching(/^There is no connection to the MCP server: .*ENOENT/),
    });
  });

  test("is not started by a daemon that shuts down", async () => {
    rmSync(join(folder, "pid"), { force: true });
    const outcome = await call(started(join(folder, "odd.mjs")), "echo", {}, AbortSignal.abort());
    expect([outcome.status, existsSync(join(folder, "pid"))]).toEqual(["failed", false]);
  });
});

describe("a server behind a URL", () => {
  const text = (value: string) => () => ({ ok: true, text: value }) as const;

  async function served(answer: (method: string) => { status: number; body?: object } | "reset") {
    const seen: { method: string; authorization: string | undefined }[] = [];
    const server = createServer((request, response) => {
      let body = "";
      request.on("data", (chunk) => {
        body += chunk;
      });
      request.on("end", () => {
        const { id, method = request.method, params } = body === "" ? {} : JSON.parse(body);
        seen.push({ method, authorization: request.headers.authorization });
        if (method === "initialize") {
          const { protocolVersion } = params;
          const result = {
            protocolVersion,
            capabilities: { tools: {} },
            serverInfo: { name: "s", version: "1" },
          };
          return reply(200, { jsonrpc: "2.0", id, result });
        }
        if (method.startsWith("notifications/")) return response.writeHead(202).end();
        if (method !== "tools/call") {
          if (id === undefined) return response.writeHead(405).end();
          return reply(200, { jsonrpc: "2.0", id, error: { code: -32_601, message: "no such method" } });
        }
        const said = answer(method);
        if (said === "reset") return response.socket?.resetAndDestroy();
        return reply(said.status, { jsonrpc: "2.0", id, ...said.body });
      });
      const reply = (status: number, message: object) =>
        response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(message));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
    const close = () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    };
    return { url, seen, close };
  }

  const at = (url: string, allow_private = true): McpSpec["server"] => ({
    by: "url",
    url: text(url),
    token: text("CANARY-tok"),
    allow_private,
  });

  test("is called with the token that only the daemon has", async () => {
    const result = { content: [{ type: "text", text: "done" }] };
    const { url, seen, close } = await served(() => ({ status: 200, body: { result } }));
    expect(await call(at(url), "echo")).toEqual({ status: "executed", result: "done" });
    const calls = seen.filter(({ method }) => method === "tools/call");
    expect(calls).toEqual([{ method: "tools/call", authorization: "Bearer CANARY-tok" }]);
    await close();
  });

  test("that breaks the connection behind the call leaves the outcome unknown, and is called once", async () => {
    const { url, seen, close } = await served(() => "reset");
    expect(await call(at(url), "echo")).toMatchObject({ status: "unknown" });
    expect(seen.filter(({ method }) => method === "tools/call")).toHaveLength(1);
    await close();
  });

  test("on this machine, where that is not allowed, and nobody there: nothing was executed", async () => {
    const { url, seen, close } = await served(() => "reset");
    const refused = await call(at(url.replace("http:", "https:"), false), "echo");
    expect(refused).toMatchObject({
      status: "failed",
      error: expect.stringContaining("is not a public address"),
    });
    expect(await call(at(url, false), "echo")).toMatchObject({ status: "failed" });
    expect(seen).toEqual([]);
    await close();
    expect(await call(at(url), "echo")).toMatchObject({ status: "failed" });
  });
});
