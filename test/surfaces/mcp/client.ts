import { Client, type VersionNegotiationMode } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import type { AgentStage } from "../agents/stage.ts";

export type Era = "legacy" | "2026-07-28";

interface Told {
  readonly id: string;
  readonly status: string;
  readonly proceed: boolean;
  readonly message: string;
  readonly params: Record<string, unknown>;
  readonly amended: boolean;
  readonly reason: string | null;
  readonly result: unknown;
  readonly retry_after_s: number | null;
}

export interface Called {
  readonly told: Told;
  readonly text: string;
  readonly failed: boolean;
}

/** The official client, in one of the two eras. */
export function newClient(era: Era, name = "test-agent"): Client {
  const mode: VersionNegotiationMode = era === "legacy" ? "legacy" : { pin: era };
  return new Client({ name, version: "1.0.0" }, { versionNegotiation: { mode } });
}

export async function connectOverStdio(
  { program, env, vault }: AgentStage,
  era: Era,
  words: readonly string[] = [],
  name?: string,
): Promise<Client> {
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [program.main, "mcp", "--vault", vault, ...words],
    env: env as Record<string, string>,
    stderr: "pipe",
  });
  const client = newClient(era, name);
  await client.connect(transport);
  return client;
}

export async function callTool(
  client: Client,
  name: string,
  args: Record<string, unknown> = {},
  options: Parameters<Client["callTool"]>[1] = {},
): Promise<Called> {
  const answer = await client.callTool({ name, arguments: args }, options);
  const [first] = answer.content as { type: string; text?: string }[];
  return {
    told: answer.structuredContent as unknown as Told,
    text: first?.text ?? "",
    failed: answer.isError === true,
  };
}
