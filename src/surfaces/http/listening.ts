import { createServer, type RequestListener, type Server } from "node:http";
import { type AddressInfo, isIPv6, type Socket } from "node:net";
import { Fault } from "../../core/codes.ts";
import { answerMalformed } from "./malformed.ts";

/** What the servers here have in common: what a client may take, their port and names, and how they end. */

/** For slow or silent clients: how long headers, and whole requests, may take to arrive; idle connections stay open. */
export interface Limits {
  readonly headers_ms: number;
  readonly request_ms: number;
  readonly check_every_ms: number;
}

const LIMITS: Limits = { headers_ms: 10_000, request_ms: 30_000, check_every_ms: 5_000 };
const KEEP_ALIVE_MS = 5_000;

/**
 * So many questions are taken on one connection ahead of their answers. Each is read before the one before it is
 * answered, so without a limit one connection could open waits without end.
 */
const AHEAD = 10;

/** How long answers in progress may take once the server closes. */
const CLOSE_GRACE_MS = 2_000;

export interface Address {
  readonly host: string;
  /** 0 for any that is free. */
  readonly port: number;
  /** Further names under which the server may be addressed, with the port where it is not the usual one. */
  readonly hosts: readonly string[];
}

export function patientServer(listener: RequestListener, limits: Partial<Limits> = {}): Server {
  const { headers_ms, request_ms, check_every_ms } = { ...LIMITS, ...limits };
  const options = {
    headersTimeout: headers_ms,
    requestTimeout: request_ms,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionsCheckingInterval: check_every_ms,
    // Answered by the listener, which says what is wrong.
    requireHostHeader: false,
  };
  const server = createServer(options, inTurn(listener));
  answerMalformed(server);
  return server;
}

/** Cuts off whoever asks too far ahead. */
function inTurn(listener: RequestListener): RequestListener {
  const open = new WeakMap<Socket, number>();
  return (incoming, outgoing) => {
    const { socket } = incoming;
    const asked = (open.get(socket) ?? 0) + 1;
    open.set(socket, asked);
    if (asked > AHEAD) {
      socket.destroy();
      return;
    }
    outgoing.once("close", () => open.set(socket, (open.get(socket) ?? 1) - 1));
    listener(incoming, outgoing);
  };
}

/**
 * Resolves with the port once the server listens; `names` gets how it may be addressed, by clients on this machine and
 * as the operator says. Gives config_invalid.
 */
export async function listenOnPort(
  server: Server,
  { host, port, hosts }: Address,
  names: Set<string>,
  key: string,
): Promise<number> {
  try {
    await listening(server, () => server.listen({ host, port }));
  } catch (cause) {
    const because = cause instanceof Error && "code" in cause ? String(cause.code) : "";
    const hint = `Stop what listens there, or name another address in ${key}.`;
    throw new Fault("config_invalid", `${host}:${port} cannot be listened on (${because}).`, hint, { cause });
  }
  const { port: found } = server.address() as AddressInfo;
  const own = [urlHost(host), "localhost", "127.0.0.1", "[::1]"].flatMap((name) => [
    `${name}:${found}`,
    ...(found === 80 ? [name] : []),
  ]);
  for (const name of [...own, ...hosts]) names.add(name.toLowerCase());
  return found;
}

export function urlHost(host: string): string {
  return isIPv6(host) ? `[${host}]` : host;
}

export async function listening(server: Server, listen: () => void): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.once("listening", () => {
      server.off("error", reject);
      resolve();
    });
    listen();
  });
}

/**
 * Closing ends connections that have no request to answer at once; Node's own closing would wait for those on which
 * nothing was ever asked.
 */
export function closerOf(server: Server): () => Promise<void> {
  const quiet = new Set<Socket>();
  server.on("connection", (socket) => {
    quiet.add(socket);
    socket.once("close", () => quiet.delete(socket));
  });
  server.on("request", ({ socket }, response) => {
    quiet.delete(socket);
    response.once("close", () => {
      if (!socket.destroyed) quiet.add(socket);
    });
  });
  return () =>
    new Promise((resolve) => {
      const force = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS);
      server.close(() => {
        clearTimeout(force);
        resolve();
      });
      for (const socket of quiet) socket.destroy();
    });
}
