import { createHash } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { isIPv6 } from "node:net";
import { getRequestListener, type HttpBindings } from "@hono/node-server";
import { createMcpHandler } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { Fault } from "../../core/codes.ts";
import { tokenDoor } from "../http/access.ts";
import { statusOf } from "../http/status.ts";
import { createMcpServer, type McpServerOptions } from "./server.ts";

/** For slow or silent clients: how long headers, and whole requests, may take to arrive. */
const HEADERS_MS = 10_000;
const REQUEST_MS = 30_000;
const BODY_LIMIT = 1024 * 1024;

export interface McpSurface {
  close(): Promise<void>;
}

/** The word says which of the ends it was. */
export interface StdioSurface extends McpSurface {
  readonly gone: Promise<"gone">;
}

/** Serves the one client at the other end of standard input and output, in whichever era it speaks. */
export function serveOverStdio(options: McpServerOptions, onError: (error: Error) => void): StdioSurface {
  const gone = new Promise<"gone">((resolve) => {
    for (const end of ["end", "close", "error"]) process.stdin.once(end, () => resolve("gone"));
    process.stdout.once("error", () => resolve("gone"));
  });
  const handle = serveStdio(() => createMcpServer(options), { onerror: onError });
  return { gone, close: () => handle.close() };
}

export interface Listening {
  readonly host: string;
  readonly port: number;
  /** What every client must send. */
  readonly token: string;
}

/**
 * Serves clients over HTTP, each question by itself: in both eras there are no sessions. Only who has the token is
 * heard, under an address of this server's, and never a web page. Gives config_invalid.
 */
export async function serveOverHttp(
  options: McpServerOptions,
  { host, port, token }: Listening,
  onError: (error: Error) => void,
): Promise<McpSurface & { readonly url: string }> {
  const handler = createMcpHandler(() => createMcpServer(options), {
    onerror: onError,
    maxRequestBodySize: BODY_LIMIT,
  });
  const hosts = new Set<string>();
  const sha256 = createHash("sha256").update(token, "utf8").digest("hex");
  const door = tokenDoor({ tokens: [{ role: "agent", name: "mcp", sha256 }], hosts });
  const listener = getRequestListener(
    async (request, env) => {
      try {
        door((env as HttpBindings).incoming);
        if (new URL(request.url).pathname !== "/mcp") throw new Fault("unknown_route");
      } catch (error) {
        return refused(error, onError);
      }
      return handler.fetch(request);
    },
    { overrideGlobalObjects: false },
  );
  const server = createServer({ headersTimeout: HEADERS_MS, requestTimeout: REQUEST_MS }, listener);
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) =>
      reject(
        new Fault(
          "config_invalid",
          `${host}:${port} cannot be listened on (${cause.code}).`,
          "Name another address with --listen.",
          { cause },
        ),
      ),
    );
    server.listen({ host, port }, resolve);
  });
  const { port: found } = server.address() as AddressInfo;
  const address = isIPv6(host) ? `[${host}]` : host;
  for (const name of [address, "localhost", "127.0.0.1", "[::1]"]) hosts.add(`${name}:${found}`);
  return {
    url: `http://${address}:${found}/mcp`,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      await handler.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function refused(error: unknown, onError: (error: Error) => void): Response {
  const fault = error instanceof Fault ? error : new Fault("internal");
  if (!(error instanceof Fault)) onError(error as Error);
  const { code, message, hint } = fault;
  const headers = {
    connection: "close",
    ...(code === "unauthenticated" && { "www-authenticate": "Bearer" }),
  };
  return Response.json({ error: { code, message, hint } }, { status: statusOf(code), headers });
}
