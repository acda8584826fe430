import { chmodSync, lstatSync, mkdirSync, unlinkSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { Socket } from "node:net";
import { dirname } from "node:path";
import { getRequestListener } from "@hono/node-server";
import type { Application } from "../../application.ts";
import { Fault } from "../../core/codes.ts";
import { createRoutes } from "./routes.ts";

/** For slow or silent clients: how long headers, and whole requests, may take to arrive; idle connections stay open. */
const HEADERS_MS = 10_000;
const REQUEST_MS = 30_000;
const KEEP_ALIVE_MS = 5_000;
const CHECK_EVERY_MS = 5_000;

/** How long answers in progress may take once the server closes. */
const CLOSE_GRACE_MS = 2_000;

export interface HttpSurface {
  /** Takes nothing new, answers open waits with the current state, and resolves when every connection is closed. */
  close(): Promise<void>;
}

export interface HttpOptions {
  readonly sockets: { readonly agent: string; readonly reviewer: string };
  /** Is given whatever is no `Fault`: a bug, to be logged with its stack. */
  readonly onBug: (error: unknown) => void;
}

/**
 * Serves the application on two Unix sockets, resolving once both listen. The caller has proved (by the journal's
 * lock) that no other daemon serves this state, so a socket that is there already is a dead one's. Gives state_unsafe.
 */
export async function serveHttp(
  application: Application,
  { sockets, onBug }: HttpOptions,
): Promise<HttpSurface> {
  const closing = new AbortController();
  const closers: (() => Promise<void>)[] = [];
  const close = async () => {
    closing.abort();
    await Promise.all(closers.map((one) => one()));
  };
  try {
    for (const role of ["agent", "reviewer"] as const) {
      const routes = createRoutes(application, { role, closing: closing.signal, onBug });
      const server = createServer(
        {
          headersTimeout: HEADERS_MS,
          requestTimeout: REQUEST_MS,
          keepAliveTimeout: KEEP_ALIVE_MS,
          connectionsCheckingInterval: CHECK_EVERY_MS,
        },
        getRequestListener(routes.fetch, { overrideGlobalObjects: false }),
      );
      closers.push(closerOf(server));
      await listen(server, sockets[role]);
      server.on("error", onBug);
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { close };
}

async function listen(server: Server, path: string): Promise<void> {
  const mode = prepareDirectory(dirname(path));
  removeStale(path);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, () => {
      server.off("error", reject);
      resolve();
    });
  });
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
