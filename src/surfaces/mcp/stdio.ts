import type { McpServer, Server } from "@modelcontextprotocol/server";
import { StdioServerTransport, serveStdio } from "@modelcontextprotocol/server/stdio";

interface StdioSurface {
  /** The client is, or cannot be understood any more. */
  readonly gone: Promise<"gone">;
  close(): Promise<void>;
}

/** Serves the one client at the other end of standard input and output, in whichever era it speaks. */
export function serveOverStdio(
  create: () => McpServer | Server,
  onError: (error: Error) => void,
): StdioSurface {
  const { stdin, stdout } = process;
  const transport = new StdioServerTransport(stdin, stdout);
  const gone = new Promise<"gone">((resolve) => {
    for (const end of ["end", "close", "error"]) stdin.once(end, () => resolve("gone"));
    stdout.once("error", () => resolve("gone"));
    // It closes itself over a message that is too long to be read.
    const close = transport.close.bind(transport);
    transport.close = () => {
      resolve("gone");
      return close();
    };
  });
  // Each message that waits for a slow client listens.
  stdout.setMaxListeners(0);
  const handle = serveStdio(create, { transport, onerror: onError });
  return { gone, close: () => handle.close() };
}
