// An MCP server over HTTP that writes down what its tools do. It demands a bearer token, or of every call a grant.
import { appendFileSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { createMcpHandler, Server } from "@modelcontextprotocol/server";

const { DONE, BEARER, GRANT_KEY, SDK, SERVER = "", AHEAD_MS = "0" } = process.env;
const now = Date.now;
Date.now = () => now() + Number(AHEAD_MS);

const inputSchema = { type: "object", properties: { to: { type: "string" }, cents: { type: "integer" } } };
const TOOLS = [
  { name: "pay", inputSchema },
  { name: "pay_all", inputSchema },
  { name: "look", inputSchema, annotations: { readOnlyHint: true } },
];

async function check(params) {
  if (GRANT_KEY === undefined) return;
  const { verifyToolCall } = await import(SDK);
  const { annotations } = TOOLS.find(({ name }) => name === params.name) ?? {};
  const key = JSON.parse(readFileSync(GRANT_KEY, "utf8"));
  await verifyToolCall(params, key, { server: SERVER, ...(annotations && { annotations }) });
}

function create() {
  const server = new Server({ name: "tool-server", version: "1" }, { capabilities: { tools: {} } });
  server.setRequestHandler("tools/list", () => ({ tools: TOOLS }));
  server.setRequestHandler("tools/call", async ({ params }) => {
    const { name, arguments: given, _meta: meta } = params;
    try {
      await check(params);
    } catch ({ code, message }) {
      return { isError: true, content: [{ type: "text", text: `${code ?? "broken"}: ${message}` }] };
    }
    if (name !== "look") appendFileSync(DONE, `${JSON.stringify({ server: SERVER, name, given, meta })}\n`);
    return { content: [{ type: "text", text: `${name} is done` }] };
  });
  return server;
}

const handler = createMcpHandler(create);
const listener = getRequestListener(
  (request) =>
    BEARER === undefined || request.headers.get("authorization") === `Bearer ${BEARER}`
      ? handler.fetch(request)
      : new Response("who are you?", { status: 401 }),
  { overrideGlobalObjects: false },
);
const server = createServer(listener).listen(0, "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${server.address().port}/mcp`);
});
