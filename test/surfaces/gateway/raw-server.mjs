// An MCP server that answers in raw text, for what no library would send.
import { appendFileSync } from "node:fs";
import { createInterface } from "node:readline";

const [, , calls = "", how = "speaks"] = process.argv;
const inputSchema = { type: "object" };
const tool = (name) => ({ name, description: `Answers ${name}.`, inputSchema });
const names = ["numbers", "half", "twice", "empty", "wordy", "deep", "own", "delete", "mcp__x__delete"];
const text = (said) => `{"content":[{"type":"text","text":${said}}]}`;

const RESULTS = {
  numbers: '{"content":[],"structuredContent":{"big":1e400,"id":12345678901234567890,"zero":-0,"a":1,"a":2}}',
  half: text(String.raw`"half of \ud83d"`),
  empty: "{}",
  large: text(`"${"x".repeat(11_000_000)}"`),
  deep: `{"content":[],"structuredContent":{"deep":${"[".repeat(300)}${"]".repeat(300)}}}`,
  own: '{"content":[],"structuredContent":{"__proto__":{"polluted":true}}}',
};

appendFileSync(`${calls}.starts`, `${process.pid}\n`);

const say = (line) => process.stdout.write(`${line}\n`);
const answer = (id, result) => say(`{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${result}}`);

createInterface({ input: process.stdin }).on("line", (line) => {
  const { id, method, params } = JSON.parse(line);
  if (how === "deaf" || (how === "mute" && method === "tools/list")) return;
  if (method === "initialize") {
    const { protocolVersion } = params;
    const serverInfo = { name: "raw", version: "1" };
    answer(id, JSON.stringify({ protocolVersion, capabilities: { tools: {} }, serverInfo }));
  } else if (method === "tools/list") {
    const safe = { annotations: { readOnlyHint: true } };
    const tools = names.map((name) => ({ ...tool(name), ...(name.startsWith("mcp__") && safe) }));
    answer(id, JSON.stringify({ tools }));
  } else if (method === "tools/call") {
    appendFileSync(calls, `${params.name}\n`);
    if (params.name === "die") process.exit(1);
    if (params.name === "wordy") {
      const message = `${"no ".repeat(20_000)}`;
      say(JSON.stringify({ jsonrpc: "2.0", id, error: { code: -32_602, message } }));
      return;
    }
    answer(id, RESULTS[params.name] ?? text('"done"'));
    if (params.name === "twice") answer(id, text('"done again"'));
  } else if (id !== undefined && how !== "shy") {
    say(JSON.stringify({ jsonrpc: "2.0", id, error: { code: -32_601, message: "unknown" } }));
  }
});
