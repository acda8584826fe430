/**
 * Calls one tool of an MCP server, in a process of its own (see mcp.ts): the daemon itself loads no MCP client, and a
 * server that it starts ends with it.
 */
import { setTimeout as delay } from "node:timers/promises";
import { type CallToolResult, Client } from "@modelcontextprotocol/client";
import type { Json, JsonObject } from "../core/json.ts";
import { isRefusal, recordOf, wordsOf } from "../outgoing/mcp-result.ts";
import { type McpServer, transportTo } from "../outgoing/mcp-server.ts";

export interface McpCall {
  readonly server: McpServer;
  readonly tool: string;
  readonly arguments: JsonObject;
  /** Told to the server beside the arguments. */
  readonly meta: JsonObject;
  readonly timeout_ms: number;
}

export type McpOutcome =
  | { readonly did: "executed"; readonly result: Json }
  | { readonly did: "failed"; readonly why: string }
  | { readonly did: "unknown"; readonly why: string };

const CLOSE_MS = 1_000;

/** By the name that `module-program.ts` is told to call. Never rejects for what a server does. */
export async function callTool(call: McpCall, { signal }: { signal: AbortSignal }): Promise<McpOutcome> {
  const client = new Client({ name: "countersign", version: "1" }, { versionNegotiation: { mode: "auto" } });
  const transport = transportTo(call.server);
  try {
    try {
      await client.connect(transport, { timeout: call.timeout_ms, signal });
    } catch (error) {
      return { did: "failed", why: `There is no connection to the MCP server: ${reasonOf(error)}` };
    }
    return await ask(client, call, signal);
  } finally {
    await Promise.race([client.close().catch(() => {}), delay(CLOSE_MS, null, { ref: false })]);
  }
}

async function ask(client: Client, call: McpCall, signal: AbortSignal): Promise<McpOutcome> {
  const { tool: name, arguments: given, meta: _meta, timeout_ms: timeout } = call;
  let answer: CallToolResult;
  try {
    const params = { name, arguments: given as Record<string, unknown>, _meta: { ..._meta } };
    answer = await client.callTool(params, { timeout, signal });
  } catch (error) {
    const why = reasonOf(error);
    return isRefusal(error)
      ? { did: "failed", why: `The MCP server does not take it: ${why}` }
      : { did: "unknown", why: `The tool was called, but there is no result: ${why}` };
  }
  if (answer.isError !== true) return { did: "executed", result: recordOf(answer) };
  return { did: "failed", why: wordsOf(answer) };
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
