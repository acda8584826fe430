import { createMcpHandler } from "@modelcontextprotocol/server";
import { expect, test } from "vitest";
import type { Gateway } from "../../../src/surfaces/gateway/gateway.ts";
import { createGatewayServer } from "../../../src/surfaces/gateway/server.ts";

/** How long a call over HTTP may wait, in the earlier era, in which a call does not say who makes it. */
async function limitOf(client: string | undefined): Promise<number> {
  let left = 0;
  const gateway = {
    options: { version: "1", limit_ms: null },
    places: [{ upstream: { name: "fs", known: null } }],
    requester: (name: string) => ({ name }),
    calls: {
      async call(_find: unknown, { end }: { end: number }) {
        left = end - performance.now();
        return { content: [] };
      },
    },
  } as unknown as Gateway;
  const front = { name: "agent", client, lasting: false };
  const handler = createMcpHandler(() => createGatewayServer(gateway, front));
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "write" } });
  const accept = "application/json, text/event-stream";
  const headers = { "content-type": "application/json", accept };
  const answer = await handler.fetch(new Request("http://127.0.0.1/mcp", { method: "POST", headers, body }));
  await answer.text();
  return left / 1_000;
}

test("a call waits as long as its client lets it, where the client has said its name", async () => {
  expect(await limitOf("gemini-cli-mcp-client")).toBeCloseTo(570, -1);
  expect(await limitOf(undefined)).toBeCloseTo(50, -1);
});
