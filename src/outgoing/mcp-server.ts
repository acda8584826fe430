import { StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { guardedFetch } from "./guarded-fetch.ts";

/** An MCP server, by how it is reached. */
export type McpServer =
  | {
      readonly by: "command";
      readonly argv: readonly [string, ...string[]];
      readonly cwd: string;
      readonly env: Readonly<Record<string, string>>;
    }
  | {
      readonly by: "url";
      readonly url: string;
      readonly token: string | null;
      readonly allow_private: boolean;
    };

/** What a tool gives may be large, and the connection ends, and with it the outcome, with a message beyond this. */
const MESSAGE_BYTES = 64 * 1024 * 1024;

/** A way to the server that never sends anything twice by itself. */
export function transportTo(server: McpServer) {
  if (server.by === "command") {
    const [command, ...args] = server.argv;
    return new StdioClientTransport({
      command,
      args,
      cwd: server.cwd,
      env: { ...server.env },
      stderr: "inherit",
      maxBufferSize: MESSAGE_BYTES,
    });
  }
  const headers: Record<string, string> =
    server.token === null ? {} : { authorization: `Bearer ${server.token}` };
  return new StreamableHTTPClientTransport(new URL(server.url), {
    fetch: guardedFetch(server.allow_private),
    requestInit: { headers },
    reconnectionOptions: {
      maxRetries: 0,
      initialReconnectionDelay: 1_000,
      maxReconnectionDelay: 1_000,
      reconnectionDelayGrowFactor: 1,
    },
  });
}
