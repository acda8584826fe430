import { setMaxListeners } from "node:events";
import { chmodSync, lstatSync, mkdirSync, unlinkSync } from "node:fs";
import type { Server } from "node:http";
import { dirname } from "node:path";
import { getRequestListener } from "@hono/node-server";
import type { Application } from "../../application/application.ts";
import type { Channels } from "../../core/channel.ts";
import { Fault } from "../../core/codes.ts";
import { type AccessToken, type Door, socketDoor, tokenDoor } from "./access.ts";
import { createLeaving } from "./leaving.ts";
import { type Address, closerOf, type Limits, listening, listenOnPort, patientServer } from "./listening.ts";
import { answererOf } from "./malformed.ts";
import { metricsListener, type ReadMetrics } from "./metrics.ts";
import { createRoutes } from "./routes.ts";

/**
 * How many at a time: enough for every agent of a busy machine, and few enough that a runaway one takes neither the
 * memory nor the file descriptors that the journal and the vault need. Who is one too many is turned away at once.
 */
const CONNECTIONS = { agent: 2_000, reviewer: 200, tcp: 2_000, metrics: 20 };

export interface HttpSurface {
  /** Takes nothing new, answers open waits with the current state, and resolves when every connection is closed. */
  close(): Promise<void>;
  /** The TCP port; null where there is none. */
  readonly port: number | null;
  readonly metricsPort: number | null;
}

/** Served over TCP only where the configuration says so. */
interface TcpSettings extends Address {
  readonly tokens: readonly AccessToken[];
}

export interface HttpOptions {
  readonly sockets: { readonly agent: string; readonly reviewer: string };
  readonly tcp?: TcpSettings | null;
  readonly limits?: Partial<Limits>;
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
    const how = { overrideGlobalObjects: false, errorHandler: answererOf(onBug) };
    const answer = getRequestListener(routes.fetch, how);
    const left = createLeaving();
    const server = patientServer((incoming, outgoing) => {
      void answer(incoming, outgoing).then(() => left(outgoing));
    }, limits);
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
      port = await listenOnPort(server, tcp, hosts, "`http.listen`");
      server.on("error", onBug);
    }
    let metricsPort: number | null = null;
    if (metrics?.listen) {
      const hosts = new Set<string>();
      const server = patientServer(metricsListener(metrics.read, hosts, onBug), limits);
      server.maxConnections = CONNECTIONS.metrics;
      closers.push(closerOf(server));
      metricsPort = await listenOnPort(server, { ...metrics.listen, hosts: [] }, hosts, "`metrics.listen`");
      server.on("error", onBug);
    }
    return { close, port, metricsPort };
  } catch (error) {
    await close();
    throw error;
  }
}

async function listenOnSocket(server: Server, path: string): Promise<void> {
  const mode = prepareDirectory(dirname(path));
  removeStale(path);
  // A socket turns away at once whoever finds the queue full, which is short unless it is told otherwise.
  await listening(server, () => server.listen({ path, backlog: server.maxConnections }));
  chmodSync(path, mode);
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
