// An MCP server that does what tests need and public ones do not: it writes down what it is asked, waits until it is told
// to go on, dies in the middle, and describes its tools as `said.json` has it.
import { appendFileSync, existsSync, readFileSync, watch, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Server } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";

const home = process.argv[2] ?? ".";
const at = (name) => join(home, name);
const said = () => (existsSync(at("said.json")) ? JSON.parse(readFileSync(at("said.json"), "utf8")) : {});

function tools() {
  const { slow = {}, plain = {}, tools: more = [] } = said();
  const inputSchema = { type: "object", properties: { text: { type: "string" } } };
  return [
    { name: "free", description: "Is free.", inputSchema },
    { name: "free-slow", description: "Is free, and waits for a file called go.", inputSchema },
    { name: "plain", description: "Is asked about.", inputSchema, ...plain },
    { name: "slow", description: "Writes, and then waits for a file called go.", inputSchema, ...slow },
    { name: "crash", description: "Writes, and dies.", inputSchema },
    {
      name: "shaped",
      description: "Promises a shape.",
      inputSchema,
      outputSchema: { type: "object", properties: { text: { type: "string" } }, required: ["text"] },
    },
    ...more,
  ];
}

async function exists(name) {
  if (existsSync(at(name))) return;
  await new Promise((resolve) => {
    const watcher = watch(home, () => {
      if (!existsSync(at(name))) return;
      watcher.close();
      resolve();
    });
    if (existsSync(at(name))) watcher.emit("change");
  });
}

writeFileSync(at("pid"), String(process.pid));
// What is watched would keep it alive behind its client.
if (process.argv[3] !== "stubborn") process.stdin.once("end", () => process.exit(0));
else process.once("SIGTERM", () => process.exit(writeFileSync(at(`terminated-${process.pid}`), "")));

serveStdio(() => {
  const server = new Server(
    { name: "odd", version: "1" },
    { capabilities: { tools: { listChanged: true } } },
  );
  server.setRequestHandler("tools/list", () => ({ tools: tools() }));
  server.setRequestHandler("tools/call", async ({ params }, ctx) => {
    const { name, arguments: given = {}, _meta } = params;
    appendFileSync(at("calls"), `${JSON.stringify({ name, given, _meta })}\n`);
    if (name === "crash") process.exit(1);
    if (name.endsWith("slow")) {
      ctx.mcpReq.signal.addEventListener("abort", () => appendFileSync(at("calls"), '{"cancelled":true}\n'));
      await exists("go");
    }
    const content = [{ type: "text", text: `did ${name}` }];
    return name === "shaped" ? { content, structuredContent: { text: given.text ?? "" } } : { content };
  });
  // Told apart from a client's question: whoever keeps the list is told that it has changed.
  watch(home, (_event, file) => {
    if (file === "said.json") server.sendToolListChanged().catch(() => {});
  });
  return server;
});
