import {
  CLIENT_INFO_META_KEY,
  type ListToolsResult,
  ProtocolError,
  ProtocolErrorCode,
  Server,
  type ServerCapabilities,
  type ServerContext,
  type Tool,
} from "@modelcontextprotocol/server";
import type { JsonObject } from "../../core/json.ts";
import { HEARTBEAT_MS, waitLimit } from "../agent/client-limits.ts";
import { requesterName } from "../agent/requester.ts";
import type { OfferedTool } from "./catalogue.ts";
import type { Gateway, Place } from "./gateway.ts";
import { fromAll, passCompletion, passPrompts, passResources } from "./passing.ts";
import { progressLine } from "./progress.ts";
import type { Notice } from "./upstream.ts";

/** Of log messages that a client does not read no more are kept for it. */
const UNREAD = 1_000;

/** Whoever is served. */
export interface Front {
  /** Who asks, whatever the client calls itself; null: the client's own name. */
  readonly name: string | null;
  /** What the client has called itself before; undefined where it says so itself. */
  readonly client?: string | undefined;
  /** Whether the connection lasts, so that what the servers tell by themselves can be passed on. */
  readonly lasting: boolean;
}

/** One connection of an agent, or one HTTP request: what the servers behind have, with every call put to the policy. */
export function createGatewayServer(gateway: Gateway, front: Front): Server {
  const { options, places } = gateway;
  const instructions = instructionsOf(places);
  const server = new Server(
    { name: "countersign-gateway", title: "Countersign gateway", version: options.version },
    { capabilities: capabilitiesOf(places), ...(instructions !== "" && { instructions }) },
  );
  const offers = server.getCapabilities();
  const several = places.length > 1;

  /** What the client calls itself: said with every question in the later era, once in the earlier. */
  const clientOf = (ctx: ServerContext): string | undefined => {
    const envelope = ctx.mcpReq.envelope as { [name: string]: { name?: unknown } | undefined } | undefined;
    const { name } = envelope?.[CLIENT_INFO_META_KEY] ?? server.getClientVersion() ?? {};
    return typeof name === "string" ? name : front.client;
  };
  const nameOf = (place: Place, name: string) => (several ? `${place.upstream.name}__${name}` : name);

  if (offers.tools !== undefined) passTools();
  if (offers.resources !== undefined) passResources(server, gateway, front.lasting);
  if (offers.prompts !== undefined) passPrompts(server, gateway, nameOf);
  if (offers.completions !== undefined) passCompletion(server, gateway, nameOf);
  if (offers.logging !== undefined) {
    server.setRequestHandler("logging/setLevel", async ({ params: { level } }) => {
      for (const { upstream } of places) {
        if (upstream.known?.capabilities.logging === undefined) continue;
        await upstream.use((client) => client.setLoggingLevel(level)).catch(options.onError);
      }
      return {};
    });
  }
  if (front.lasting) {
    let unread = 0;
    server.onclose = gateway.follow(async (notice) => {
      if (notice.type === "log" && unread >= UNREAD) return;
      unread += 1;
      await pass(server, notice);
      unread -= 1;
    });
  }
  return server;

  function passTools(): void {
    server.setRequestHandler("tools/list", async () => {
      const lists = await fromAll(gateway, (place) => place.catalogue.list());
      const tools = lists.flatMap(({ place, answer }) =>
        answer.tools.map(({ shown }) => ({ ...shown, name: nameOf(place, shown.name) }) as Tool),
      );
      return { ...(several ? {} : lists[0]?.answer.rest), tools } as ListToolsResult;
    });

    server.setRequestHandler("tools/call", async ({ params }, ctx) => {
      const progress = progressLine(ctx);
      const client = clientOf(ctx);
      const limit = options.limit_ms ?? waitLimit(client, progress !== null);
      let message = "The call is being recorded.";
      const heart = setInterval(() => progress?.beat(message), options.heartbeat_ms ?? HEARTBEAT_MS);
      let found: OfferedTool | undefined;
      try {
        const result = await gateway.calls.call(
          async () => {
            found = await tool(params.name);
            return found;
          },
          {
            requester: gateway.requester(front.name ?? requesterName(client)),
            input: (params.arguments ?? {}) as JsonObject,
            end: performance.now() + limit,
            signal: ctx.mcpReq.signal,
            progress,
            waitsFor(text, now) {
              message = text;
              if (now) progress?.beat(text);
            },
          },
        );
        return server.projectCallToolResult(result, found?.shown.outputSchema as Record<string, unknown>);
      } finally {
        clearInterval(heart);
        progress?.end();
      }
    });
  }

  async function tool(name: string): Promise<OfferedTool> {
    for (const place of places) {
      const prefix = nameOf(place, "");
      const found = name.startsWith(prefix) ? await place.catalogue.find(name.slice(prefix.length)) : null;
      if (found !== null) return found;
    }
    throw new ProtocolError(ProtocolErrorCode.InvalidParams, `Tool ${name} not found`);
  }
}

/** Whoever does not take such notices, or is gone, is not told. */
async function pass(server: Server, notice: Notice): Promise<void> {
  const told = noticeFor(notice);
  const offers = server.getCapabilities();
  const isOffered = {
    tools: offers.tools?.listChanged,
    prompts: offers.prompts?.listChanged,
    resources: offers.resources?.listChanged,
    updated: offers.resources?.subscribe,
    log: offers.logging !== undefined,
  };
  if (isOffered[notice.type]) await server.notification(told).catch(() => {});
}

function noticeFor(notice: Notice) {
  switch (notice.type) {
    case "updated":
      return { method: "notifications/resources/updated", params: { uri: notice.uri } } as const;
    case "log":
      return { method: "notifications/message", params: notice.params } as const;
    default:
      return { method: `notifications/${notice.type}/list_changed` } as const;
  }
}

/** What any of the servers has, of what can be passed on. Tools change when a changed description is accepted. */
function capabilitiesOf(places: readonly Place[]): ServerCapabilities {
  const known = places.flatMap(({ upstream }) => upstream.known?.capabilities ?? []);
  const some = (has: (one: ServerCapabilities) => unknown) => known.some((one) => Boolean(has(one)));
  return {
    ...((known.length === 0 || some(({ tools }) => tools)) && { tools: { listChanged: true } }),
    ...(some(({ resources }) => resources) && {
      resources: {
        ...(some(({ resources }) => resources?.subscribe) && { subscribe: true }),
        ...(some(({ resources }) => resources?.listChanged) && { listChanged: true }),
      },
    }),
    ...(some(({ prompts }) => prompts) && {
      prompts: { ...(some(({ prompts }) => prompts?.listChanged) && { listChanged: true }) },
    }),
    ...(some(({ completions }) => completions) && { completions: {} }),
    ...(some(({ logging }) => logging) && { logging: {} }),
  };
}

function instructionsOf(places: readonly Place[]): string {
  const said = places.flatMap(({ upstream }) => {
    const instructions = upstream.known?.instructions ?? "";
    return instructions === "" ? [] : [{ name: upstream.name, instructions }];
  });
  if (places.length === 1) return said[0]?.instructions ?? "";
  return said.map(({ name, instructions }) => `${name}:\n${instructions}`).join("\n\n");
}
