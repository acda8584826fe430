import { setMaxListeners } from "node:events";
import { chmodSync, lstatSync, mkdirSync, unlinkSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { type AddressInfo, isIPv6, type Socket } from "node:net";
import { dirname } from "node:path";
import { getRequestListener } from "@hono/node-server";
import type { Application } from "../../application.ts";
import type { Channels } from "../../core/channel.ts";
import { Fault } from "../../core/codes.ts";
import { type AccessToken, type Door, socketDoor, tokenDoor } from "./access.ts";
import { metricsListener, type ReadMetrics } from "./metrics.ts";
import { createRoutes } from "./routes.ts";

/** For slow or silent clients: how long headers, and whole requests, may take to arrive; idle connections stay open. */
const LIMITS = { headers_ms: 10_000, request_ms: 30_000, check_every_ms: 5_000 };
const KEEP_ALIVE_MS = 5_000;

/**
 * How many at a time: enough for every agent of a busy machine, and few enough that a runaway one takes neither the
 * memory nor the file descriptors that the journal and the vault need. Who is one too many is turned away at once.
 */
const CONNECTIONS = { agent: 2_000, reviewer: 200, tcp: 2_000, metrics: 20 };

/** How long answers in progress may take once the server closes. */
const CLOSE_GRACE_MS = 2_000;

export interface HttpSurface {
  /** Takes nothing new, answers open waits with the current state, and resolves when every connection is closed. */
  close(): Promise<void>;
  /** The TCP port; null where there is none. */
  readonly port: number | null;
  readonly metricsPort: number | null;
}

/** Served over TCP only where the configuration says so. */
interface TcpSettings {
  readonly host: string;
  readonly port: number;
  /** Further names under which the server may be addressed, with the port where it is not the usual one. */
  readonly hosts: readonly string[];
  readonly tokens: readonly AccessToken[];
}

export interface HttpOptions {
  readonly sockets: { readonly agent: string; readonly reviewer: string };
  readonly tcp?: TcpSettings | null;
  readonly limits?: Partial<typeof LIMITS>;
  /** How people are told; nobody is, where there is none. */
  readonly channels?: Channels;
  /** For whoever collects figures; served without a token only on an address of this machine, where one is named. */
  readonly metrics?: { readonly read: ReadMetrics; readonly listen: { host: string; port: number } | null };
  /** Is given whatever is no `Fault`: a bug, to be logged with its stack. */
  readonly onBug: (error: unknown) => void;
}

/**
 * Serves the application on two Unix sockets, and over TCP where that is configured, resolving once all of them listen.
 * The caller has proved (by the journal's lock) that no other daemon serves this state, so a socket that is there
 * already is a dead one's. Gives state_unsafe, config_invalid.
 */
export async function serveHttp(
  application: Application,
  { sockets, tcp = null, limits = {}, channels, metrics, onBug }: HttpOptions,
): Promise<HttpSurface> {
  const closing = new AbortController();
  // One for every open wait and stream.
  setMaxListeners(0, closing.signal);
  const closers: (() => Promise<void>)[] = [];
  const close = async () => {
    closing.abort();
    await Promise.all(closers.map((one) => one()));
  };
  function serverFor(door: Door, connections: number): Server {
    const options = {
      door,
      closing: closing.signal,
      onBug,
      ...(channels && { channels }),
      ...(metrics && { metrics: metrics.read }),
    };
    const routes = createRoutes(application, options);
    const { headers_ms, request_ms, check_every_ms } = { ...LIMITS, ...limits };
    const server = createServer(
      {
        headersTimeout: headers_ms,
        requestTimeout: request_ms,
        keepAliveTimeout: KEEP_ALIVE_MS,
        connectionsCheckingInterval: check_every_ms,
      },
      getRequestListener(routes.fetch, { overrideGlobalObjects: false }),
    );
    server.maxConnections = connections;
    closers.push(closerOf(server));
    return server;
  }
  try {
    for (const role of ["agent", "reviewer"] as const) {
      const server = serverFor(socketDoor(role), CONNECTIONS[role]);
      await listenOnSocket(server, sockets[role]);
      server.on("error", onBug);
    }
    let port: number | null = null;
    if (tcp !== null) {
      const hosts = new Set<string>();
      const server = serverFor(tokenDoor({ tokens: tcp.tokens, hosts }), CONNECTIONS.tcp);
      port = await listenOnPort(server, tcp);
      for (const name of namesOf(tcp, port)) hosts.add(name);
      server.on("error", onBug);
    }
    let metricsPort: number | null = null;
    if (metrics?.listen) {
      const hosts = new Set<string>();
      const server = createServer(metricsListener(metrics.read, hosts, onBug));
      server.maxConnections = CONNECTIONS.metrics;
      closers.push(closerOf(server));
      metricsPort = await listenOnPort(server, metrics.listen, "metrics.listen");
      for (const name of namesOf({ ...metrics.listen, hosts: [] }, metricsPort)) hosts.add(name);
      server.on("error", onBug);
    }
    return { close, port, metricsPort };
  } catch (error) {
    await close();
    throw error;
  }
}

/** How a client on this machine may call the server, and the names that the operator gave it. */
function namesOf({ host, hosts }: Pick<TcpSettings, "host" | "hosts">, port: number): string[] {
  const address = isIPv6(host) ? `[${host}]` : host;
  const own = [address, "localhost", "127.0.0.1", "[::1]"].flatMap((name) => [
    `${name}:${port}`,
    ...(port === 80 ? [name] : []),
  ]);
  return [...own, ...hosts].map((name) => name.toLowerCase());
}

async function listenOnPort(
  server: Server,
  { host, port }: Pick<TcpSettings, "host" | "port">,
  key = "http.listen",
): Promise<number> {
  try {
    await listening(server, () => server.listen({ host, port }));
  } catch (cause) {
    const because = cause instanceof Error && "code" in cause ? String(cause.code) : "";
    const hint = `Stop what listens there, or name another address in \`${key}\`.`;
    throw new Fault("config_invalid", `${host}:${port} cannot be listened on (${because}).`, hint, { cause });
  }
  return (server.address() as AddressInfo).port;
}

async function listenOnSocket(server: Server, path: string): Promise<void> {
  const mode = prepareDirectory(dirname(path));
  removeStale(path);
  await listening(server, () => server.listen(path));
  chmodSync(path, mode);
}

async function listening(server: Server, listen: () => void): Promise<void> {
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
 * Makes the directory, for this user alone. One that is there keeps its mode, so that an operator can open it to a
 * group; the socket's mode follows. Gives the socket's mode.
 */
function prepareDirectory(directory: string): number {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const found = lstatSync(directory);
  const ours = found.isDirectory() && found.uid === process.getuid?.();
  if (!ours || (found.mode & 0o007) !== 0) {
    throw new Fault(
      "state_unsafe",
      `${directory} ${ours ? "is open to every user" : "does not belong to this user"}, so it cannot hold a socket.`,
      `chmod 700 ${directory}, or 750 with a group that may use the socket.`,
    );
  }
  return (found.mode & 0o010) === 0 ? 0o600 : 0o660;
}

function removeStale(path: string): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) throw new Fault("state_unsafe", `${path} is in the socket's place.`, "Remove it.");
  unlinkSync(path);
}

/**
 * Closing ends connections that have no request to answer at once; Node's own closing would wait for those on which
 * nothing was ever asked.
 */
function closerOf(server: Server): () => Promise<void> {
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
