import { type Server, type ServerResponse, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { RequestError } from "@hono/node-server";
import { Fault } from "../../core/codes.ts";
import { documentOf, statusOf } from "./status.ts";

/** What can be wrong below HTTP's own rules, by Node's names; everything else is just no HTTP. */
const WRONG: Readonly<Record<string, readonly [status: number, fault: Fault]>> = {
  HPE_HEADER_OVERFLOW: [
    431,
    tooLarge("The request's head is larger than 16 KiB.", "Send fewer and shorter headers."),
  ],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [
    413,
    tooLarge("The body's pieces say too much of themselves.", "Send it as a whole, with a Content-Length."),
  ],
  ERR_HTTP_REQUEST_TIMEOUT: [408, malformed("The request did not arrive as a whole in time.")],
};
const NO_HTTP = [400, malformed("This is not HTTP/1.1.")] as const;
const NO_EXPECTATION = malformed("Nothing can be expected but 100-continue.");

/** Has the server answer what never becomes a question to it like everything else, with the same document. */
export function answerMalformed(server: Server): void {
  const owed = new WeakMap<Socket, Set<ServerResponse>>();
  server.on("request", ({ socket }, outgoing) => {
    const mine = owed.get(socket) ?? new Set();
    owed.set(socket, mine.add(outgoing));
    outgoing.once("close", () => mine.delete(outgoing));
  });

  server.on("clientError", (error: Error & { code?: string }, socket: Socket) => {
    if (error.code !== "ECONNRESET" && isFree(socket, [...(owed.get(socket) ?? [])])) {
      const [status, fault] = WRONG[error.code ?? ""] ?? NO_HTTP;
      socket.write(written(status, fault));
    }
    socket.destroy(error);
  });

  server.on("checkExpectation", (_, outgoing: ServerResponse) => {
    outgoing.shouldKeepAlive = false;
    outgoing.writeHead(417, { "Content-Type": "application/json", "Cache-Control": "no-store" });
    outgoing.end(JSON.stringify(documentOf(NO_EXPECTATION)));
  });
}

/**
 * Whether what is said next on a connection is the answer to what is wrong. While one is owed to a question before it,
 * it would be taken for that one.
 */
function isFree(socket: Socket, [first, ...more]: readonly ServerResponse[]): boolean {
  if (!socket.writable || more.length > 0) return false;
  return first === undefined || !(first.req.complete || first.headersSent);
}

function written(status: number, fault: Fault): string {
  const body = JSON.stringify(documentOf(fault));
  return [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    "Content-Type: application/json",
    `Content-Length: ${Buffer.byteLength(body)}`,
    "Cache-Control: no-store",
    "Connection: close",
    "",
    body,
  ].join("\r\n");
}

/** For the framework, which is told of no question that has no address, or one that is none. */
export function answererOf(onBug: (error: unknown) => void): (error: unknown) => Response {
  return (error) => {
    const hasNoAddress = error instanceof RequestError;
    if (!hasNoAddress) onBug(error);
    const fault = hasNoAddress ? malformed("The request's path or Host is none.") : new Fault("internal");
    const headers = { Connection: "close", "Cache-Control": "no-store" };
    return Response.json(documentOf(fault), { status: statusOf(fault.code), headers });
  };
}

function malformed(message: string): Fault {
  return new Fault(
    "invalid_request",
    message,
    "Ask as `/openapi.json` says, with a library that speaks HTTP.",
  );
}

function tooLarge(message: string, hint: string): Fault {
  return new Fault("too_large", message, hint);
}
