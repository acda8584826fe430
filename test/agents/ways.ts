import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { ToolUse } from "./fake-model.ts";
import type { Party } from "./parties.ts";

/** What every agent sends over HTTP; Codex takes it from $GATEWAY_TOKEN. */
export const TOKEN = "g".repeat(40);
const headers = { Authorization: `Bearer ${TOKEN}` };

export type Gateway =
  | { readonly url: string }
  | { readonly command: string; readonly args: readonly string[] };

/** How an agent is told of its one MCP server, `fs`, and how its model calls `write_file` of it. */
export interface Way {
  readonly use: (input: object, offered: readonly string[]) => ToolUse | null;
  /** Gives the words that it is run with. */
  readonly prepare: (gateway: Gateway, home: string, party: Party) => readonly string[];
}

export const WAYS: Readonly<Record<Party["name"], Way>> = {
  "claude-code": {
    use: (input) => ({ name: "mcp__fs__write_file", input }),
    prepare(gateway, _home, { words }) {
      const fs = "url" in gateway ? { type: "http", url: gateway.url, headers } : gateway;
      return [...words, "--strict-mcp-config", "--mcp-config", JSON.stringify({ mcpServers: { fs } })];
    },
  },
  codex: {
    use: (input) => ({ name: "write_file", namespace: "mcp__fs", input }),
    prepare(gateway, home, { words }) {
      const server =
        "url" in gateway
          ? `url = ${JSON.stringify(gateway.url)}\nbearer_token_env_var = "GATEWAY_TOKEN"`
          : `command = ${JSON.stringify(gateway.command)}\nargs = ${JSON.stringify(gateway.args)}`;
      const rest = 'required = true\ntool_timeout_sec = 86400\ndefault_tools_approval_mode = "approve"';
      appendFileSync(join(home, ".codex/config.toml"), `[mcp_servers.fs]\n${server}\n${rest}\n`);
      return words;
    },
  },
  gemini: bySettings(".gemini/settings.json", (gateway) => {
    const server = "url" in gateway ? { httpUrl: gateway.url, headers } : gateway;
    return { mcpServers: { fs: { ...server, timeout: 86_400_000, trust: true } } };
  }),
  copilot: bySettings(".copilot/mcp-config.json", (gateway) => {
    const server =
      "url" in gateway ? { type: "http", url: gateway.url, headers } : { type: "local", ...gateway };
    return { mcpServers: { fs: { ...server, tools: ["*"] } } };
  }),
  opencode: bySettings(".config/opencode/opencode.json", (gateway) => {
    const server =
      "url" in gateway
        ? { type: "remote", url: gateway.url, headers, oauth: false }
        : { type: "local", command: [gateway.command, ...gateway.args] };
    return { mcp: { fs: { ...server, timeout: 86_400_000 } } };
  }),
};

/** By a file in its home; each such agent puts the server's name before the tool's in its own way. */
function bySettings(file: string, settings: (gateway: Gateway) => object): Way {
  return {
    use(input, offered) {
      const name = offered.find((one) => /fs.*write_file$/.test(one));
      return name === undefined ? null : { name, input };
    },
    prepare(gateway, home, { words }) {
      const path = join(home, file);
      const known = existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as object) : {};
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, JSON.stringify({ ...known, ...settings(gateway) }));
      return words;
    },
  };
}
