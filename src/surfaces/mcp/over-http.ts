import { getRequestListener, type HttpBindings } from "@hono/node-server";
import {
  createMcpHandler,
  type McpRequestContext,
  type McpServer,
  type Server,
  type ServerNotifier,
} from "@modelcontextprotocol/server";
import { Fault } from "../../core/codes.ts";
import { type AccessToken, tokenDoor } from "../http/access.ts";
import { type Address, type Limits, listenOnPort, patientServer, urlHost } from "../http/listening.ts";
import { answererOf } from "../http/malformed.ts";
import { documentOf, statusOf } from "../http/status.ts";
import { clientIn, SESSION_HEADER, sessionFor } from "./session.ts";

const BODY_LIMIT = 1024 * 1024;
const CONNECTIONS = 2_000;

/** What answers one question of whoever the token names; `client` is what they call themselves, where that is known. */
type McpRoute = (name: string, client: string | undefined) => McpServer | Server;

interface McpOverHttp {
  readonly address: Address;
  /** Where the address is from, for whoever has to name another. */
  readonly key: string;
  readonly tokens: readonly AccessToken[];
  /** By path. */
  readonly routes: ReadonlyMap<string, McpRoute>;
  readonly limits?: Partial<Limits>;
  readonly onError: (error: Error) => void;
}

interface McpHttpSurface {
  /** Without a path. */
  readonly url: string;
  /** By path: what has changed, for whoever has subscribed to that there. */
  readonly notifiers: ReadonlyMap<string, ServerNotifier>;
  close(): Promise<void>;
}

/**
 * Serves clients over HTTP, each question by itself: in both eras nothing is kept of one for the next. Only who has a token is heard,
 * under an address of this server's, and never a web page. Gives config_invalid.
 */
export async function serveMcpOverHttp({
  address,
  key,
  tokens,
  routes,
  limits,
  onError,
}: McpOverHttp): Promise<McpHttpSurface> {
  const handlers = new Map(
    [...routes].map(([path, serve]) => {
      const factory = ({ authInfo, requestInfo }: McpRequestContext) =>
        serve(authInfo?.clientId ?? "", requestInfo && clientIn(requestInfo));
      return [path, createMcpHandler(factory, { onerror: onError, maxRequestBodySize: BODY_LIMIT })] as const;
    }),
  );
  const hosts = new Set<string>();
  const door = tokenDoor({ tokens, hosts });
  const listener = getRequestListener(
    async (request, env) => {
      try {
        const { principal } = door((env as HttpBindings).incoming);
        const handler = handlers.get(new URL(request.url).pathname);
        if (handler === undefined || principal === null) {
          const hint = `There is ${[...handlers.keys()].join(", ")}.`;
          throw new Fault("unknown_route", undefined, hint);
        }
        const session = await sessionFor(request);
        const authInfo = { token: "", clientId: principal, scopes: [] };
        const answer = await handler.fetch(request, { authInfo });
        if (session !== null && answer.ok) answer.headers.set(SESSION_HEADER, session);
        return answer;
      } catch (error) {
        return refused(error, onError);
      }
    },
    { overrideGlobalObjects: false, errorHandler: answererOf((error) => onError(error as Error)) },
  );
  const server = patientServer(listener, limits);
  server.maxConnections = CONNECTIONS;
  const port = await listenOnPort(server, address, hosts, key);
  server.on("error", onError);
  return {
    notifiers: new Map([...handlers].map(([path, { notify }]) => [path, notify])),
    url: `http://${urlHost(address.host)}:${port}`,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      await Promise.all([...handlers.values()].map((handler) => handler.close()));
      server.closeAllConnections();
      await closed;
    },
  };
}

function refused(error: unknown, onError: (error: Error) => void): Response {
  const fault = error instanceof Fault ? error : new Fault("internal");
  if (!(error instanceof Fault)) onError(error as Error);
  const headers = {
    connection: "close",
    ...(fault.code === "unauthenticated" && { "www-authenticate": "Bearer" }),
  };
  return Response.json(documentOf(fault), { status: statusOf(fault.code), headers });
}
