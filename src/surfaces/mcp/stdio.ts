import type { McpServer, Server } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";

interface StdioSurface {
  /** The client is. */
  readonly gone: Promise<"gone">;
  close(): Promise<void>;
}

/** Serves the one client at the other end of standard input and output, in whichever era it speaks. */
export function serveOverStdio(
  create: () => McpServer | Server,
  onError: (error: Error) => void,
): StdioSurface {
  const gone = new Promise<"gone">((resolve) => {
    for (const end of ["end", "close", "error"]) process.stdin.once(end, () => resolve("gone"));
    process.stdout.once("error", () => resolve("gone"));
  });
  const handle = serveStdio(create, { onerror: onError });
  return { gone, close: () => handle.close() };
}
