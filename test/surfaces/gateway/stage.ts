import { type ChildProcessByStdio, spawn } from "node:child_process";
import { appendFileSync, existsSync, mkdirSync, readFileSync, realpathSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import type { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { TOOL_ACTIONS } from "../../../src/adapters/tool-actions.ts";
import { type AgentStage, openAgentStage } from "../agents/stage.ts";
import { type Era, newClient } from "../mcp/client.ts";

const require = createRequire(import.meta.url);
export const EVERYTHING = [
  process.execPath,
  require.resolve("@modelcontextprotocol/server-everything/dist/index.js"),
] as const;
const FILESYSTEM = require.resolve("@modelcontextprotocol/server-filesystem/dist/index.js");

/** What only reads is trusted of two servers; one tool is denied; the rest is asked. */
const POLICY = `
default: require_approval
rules:
  - id: reading
    match: { kind: mcp_tool }
    when: "params.server in ['fs', 'everything', 'all'] && params.hints.read_only"
    decision: allow
  - { id: free, match: { kind: mcp_tool }, when: "params.tool in ['free', 'free-slow']", decision: allow }
  - { id: moving, match: { kind: mcp_tool }, when: "params.tool == 'move_file'", decision: deny, reason: Files stay where they are. }
`;

/** A real daemon, the program as it is shipped in front of real servers, and the official client. */
export interface GatewayStage extends AgentStage {
  /** The folder that the file system server may write. */
  readonly files: string;
  readonly filesystem: readonly [string, ...string[]];
  file(name: string): string | null;
  /** A gateway in front of the command, and a client in front of that. */
  connect(era: Era, upstream: readonly string[], more?: Connecting): Promise<Connected>;
  /** A gateway that has been greeted, with its pipes in the test's own hands. */
  launch(upstream: readonly string[], words: readonly string[]): Launched;
}

interface Launched {
  readonly gateway: ChildProcessByStdio<Writable, Readable, null>;
  readonly send: (message: object) => void;
}

interface Connecting {
  readonly words?: readonly string[];
  readonly client?: string;
}

export interface Connected {
  readonly client: Client;
  readonly pid: number;
  close(): Promise<void>;
}

export async function openGatewayStage(policy = POLICY): Promise<GatewayStage> {
  const stage = await openAgentStage(policy, TOOL_ACTIONS);
  const files = join(realpathSync(stage.place), "files");
  mkdirSync(files);
  return {
    ...stage,
    files,
    filesystem: [process.execPath, FILESYSTEM, files],
    file: (name) => (existsSync(join(files, name)) ? readFileSync(join(files, name), "utf8") : null),

    async connect(era, upstream, { words = [], client: name = "test-agent" } = {}) {
      const { program, vault, env } = stage;
      const transport = new StdioClientTransport({
        command: process.execPath,
        args: [
          program.main,
          "gateway",
          "--vault",
          vault,
          ...words,
          ...(upstream.length > 0 ? ["--"] : []),
          ...upstream,
        ],
        env: env as Record<string, string>,
        stderr: "pipe",
      });
      transport.stderr?.on("data", (chunk: Buffer) => appendFileSync(join(stage.place, "stderr"), chunk));
      const client = newClient(era, name);
      await client.connect(transport);
      return { client, pid: transport.pid ?? 0, close: () => client.close() };
    },

    launch(upstream, words) {
      const { program, vault, env } = stage;
      const gateway = spawn(
        process.execPath,
        [program.main, "gateway", "--vault", vault, ...words, "--", ...upstream],
        { env, stdio: ["pipe", "pipe", "ignore"] },
      );
      gateway.stdout.resume();
      const send = (message: object) =>
        gateway.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
      const clientInfo = { name: "launched", version: "1" };
      const params = { protocolVersion: "2025-06-18", capabilities: {}, clientInfo };
      send({ id: 1, method: "initialize", params });
      send({ method: "notifications/initialized" });
      return { gateway, send };
    },
  };
}

/** The client in front of the server itself, as it would be without a gateway. */
export async function connectDirectly([command = "", ...args]: readonly string[]): Promise<Client> {
  const client = newClient("legacy");
  await client.connect(new StdioClientTransport({ command, args, stderr: "ignore" }));
  return client;
}

export function textOf(answer: object): string {
  const { content = [] } = answer as { content?: { type: string; text?: string }[] };
  return content.map(({ text = "" }) => text).join("\n");
}
