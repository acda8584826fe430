// An MCP server of resources, `note://` and a name, in either era. Over its standard input it ends with its client; what is
// written into `changed` is the name of the note that has changed.
import { appendFileSync, readFileSync, watch, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Server } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";

const [, , home = ".", era = "modern"] = process.argv;
const capabilities = { resources: { subscribe: true } };
const resources = ["a", "b", "c"].map((name) => ({ uri: `note://${name}`, name }));

function whenChanged(tell) {
  watch(home, (_event, file) => {
    if (file !== "changed") return;
    for (const name of readFileSync(join(home, "changed"), "utf8").split(" ").filter(Boolean)) {
      tell(`note://${name}`);
    }
  });
}

/** Knows by itself who listens to what. */
function serveModern() {
  serveStdio(() => {
    const server = new Server({ name: "notes", version: "1" }, { capabilities });
    server.setRequestHandler("resources/list", () => ({ resources }));
    whenChanged((uri) => server.sendResourceUpdated({ uri }));
    return server;
  });
}

/** Tells only of what was subscribed to over this very connection. */
function serveLegacy() {
  const subscribed = new Set();
  const say = (message) => process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
  const answers = {
    initialize: ({ protocolVersion }) => ({
      protocolVersion,
      capabilities,
      serverInfo: { name: "notes", version: "1" },
    }),
    "resources/list": () => ({ resources }),
    "resources/subscribe": ({ uri }) => {
      subscribed.add(uri);
      return {};
    },
    "resources/unsubscribe": ({ uri }) => {
      subscribed.delete(uri);
      return {};
    },
  };
  createInterface({ input: process.stdin }).on("line", (line) => {
    const { id, method, params } = JSON.parse(line);
    if (id === undefined) return;
    appendFileSync(join(home, "asked"), `${method} ${params?.uri ?? ""}\n`);
    const answer = answers[method];
    if (answer === undefined) say({ id, error: { code: -32_601, message: "unknown" } });
    else say({ id, result: answer(params) });
  });
  whenChanged((uri) => {
    if (subscribed.has(uri)) say({ method: "notifications/resources/updated", params: { uri } });
  });
}

writeFileSync(join(home, "pid"), String(process.pid));
process.stdin.once("end", () => process.exit(0));
if (era === "legacy") serveLegacy();
else serveModern();
