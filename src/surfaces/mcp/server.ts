import {
  CLIENT_INFO_META_KEY,
  McpServer,
  ResourceTemplate,
  type ServerContext,
} from "@modelcontextprotocol/server";
import { Fault } from "../../core/codes.ts";
import type { RequestView } from "../../core/view.ts";
import { HEARTBEAT_MS, waitLimit, withHeartbeats } from "../agent/client-limits.ts";
import type { Held, HeldCalls, Holding } from "../agent/held-calls.ts";
import { type Requester, requesterName } from "../agent/requester.ts";
import { describeRequest } from "./resource.ts";
import { addTools } from "./tools.ts";

export interface McpServerOptions {
  readonly version: string;
  readonly held: HeldCalls;
  /** An agent at the daemon's socket, by its name. */
  readonly requester: (name: string) => Requester;
  /** Who asks, whatever the client calls itself; null: the client's own name. */
  readonly name: string | null;
  /** What the client has called itself before; undefined where it says so itself. */
  readonly client?: string | undefined;
  /** How long a call waits at most; null: what the client is known to allow. */
  readonly limit_ms: number | null;
  readonly heartbeat_ms?: number;
}

const INSTRUCTIONS =
  "Some actions need a person's approval. Ask with request_approval before you do anything of the configured kinds; a call may take long, and that is normal. Act only on an answer with `proceed: true`, exactly as its params say. A no is final: do not try again or go around it. There is no tool that approves.";

/** The tools and resources of one connection, or of one HTTP request. */
export function createMcpServer(options: McpServerOptions): McpServer {
  const { version, held, limit_ms, heartbeat_ms = HEARTBEAT_MS } = options;
  const server = new McpServer(
    { name: "countersign", title: "Countersign", version },
    { instructions: INSTRUCTIONS, capabilities: { tools: {}, resources: {} } },
  );

  /** What the client calls itself: said with every question in the later era, once in the earlier. */
  const clientOf = (ctx: ServerContext): string | undefined => {
    const envelope = ctx.mcpReq.envelope as { [name: string]: { name?: unknown } | undefined } | undefined;
    const { name } = envelope?.[CLIENT_INFO_META_KEY] ?? server.server.getClientVersion() ?? {};
    return typeof name === "string" ? name : options.client;
  };
  const who = (ctx: ServerContext) => options.requester(options.name ?? requesterName(clientOf(ctx)));

  /** Waits as long as the client lets a call last, and keeps it awake meanwhile. */
  async function waiting(
    ctx: ServerContext,
    asked_s: number | undefined,
    work: (holding: Holding) => Promise<Held>,
  ): Promise<Held> {
    const token = ctx.mcpReq._meta?.progressToken;
    const most = limit_ms ?? waitLimit(clientOf(ctx), token !== undefined);
    const holding = {
      limit_ms: Math.min(most, (asked_s ?? Number.POSITIVE_INFINITY) * 1_000),
      signal: ctx.mcpReq.signal,
    };
    if (token === undefined) return work(holding);
    let waitsFor = "The request is being recorded.";
    const beat = (progress: number) => {
      const params = { progressToken: token, progress, message: waitsFor };
      // Who is gone is told so by the signal.
      void ctx.mcpReq.notify({ method: "notifications/progress", params }).catch(() => {});
    };
    return withHeartbeats(beat, heartbeat_ms, (now) => {
      const onHeld = ({ id, title }: RequestView) => {
        waitsFor = `${id} waits for a person: ${title}`;
        now();
      };
      return work({ ...holding, onHeld });
    });
  }

  addTools(server, { held, who, own, waiting });

  server.registerResource(
    "requests",
    new ResourceTemplate("countersign://requests/{id}", {
      list: async (ctx) => ({
        resources: (await who(ctx).open()).map(({ id, title, status }) => ({
          uri: `countersign://requests/${id}`,
          name: id,
          title,
          description: status,
          mimeType: "text/markdown",
        })),
      }),
    }),
    { title: "Open requests", description: "What waits for a person, and how it stands." },
    async (uri, { id }, ctx) => ({
      contents: [
        { uri: uri.href, mimeType: "text/markdown", text: describeRequest(await own(ctx, String(id))) },
      ],
    }),
  );

  return server;

  /** Another agent's request is not this one's business. */
  async function own(ctx: ServerContext, id: string): Promise<RequestView> {
    const requester = who(ctx);
    const request = await requester.show(id);
    if (request.requester === requester.name) return request;
    throw new Fault("not_found", `There is no request ${id} of ${requester.name}.`);
  }
}
