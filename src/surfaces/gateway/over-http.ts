import { serveMcpOverHttp } from "../mcp/over-http.ts";
import type { Gateway, Place } from "./gateway.ts";
import { createGatewayServer } from "./server.ts";

/** Where agents are served, and by which tokens. */
export interface GatewayDoor {
  readonly host: string;
  readonly port: number;
  readonly hosts: readonly string[];
  /** By SHA-256 (hex); the name is who asks, whatever a client calls itself. */
  readonly tokens: readonly { readonly name: string; readonly sha256: string }[];
}

/** At `/mcp` all servers, at `/mcp/NAME` that one as if it stood alone. Gives config_invalid. */
export async function serveGatewayOverHttp(gateway: Gateway, door: GatewayDoor) {
  const { onError } = gateway.options;
  const routeTo = (places: readonly Place[]) => (name: string, client?: string) =>
    createGatewayServer({ ...gateway, places }, { name, client, lasting: false });
  const own = gateway.places.map((place) => [`/mcp/${place.upstream.name}`, routeTo([place])] as const);
  const surface = await serveMcpOverHttp({
    address: door,
    key: "`gateway.listen`",
    tokens: door.tokens.map((token) => ({ role: "agent", ...token })),
    routes: new Map([["/mcp", routeTo(gateway.places)], ...own]),
    onError,
  });
  const unfollow = gateway.follow((notice, from) => {
    for (const path of ["/mcp", `/mcp/${from.name}`]) {
      const notify = surface.notifiers.get(path);
      if (notice.type === "tools") notify?.toolsChanged();
      if (notice.type === "prompts") notify?.promptsChanged();
      if (notice.type === "resources") notify?.resourcesChanged();
      if (notice.type === "updated") notify?.resourceUpdated(notice.uri);
    }
  });
  return {
    url: surface.url,
    paths: ["/mcp", ...own.map(([path]) => path)],
    async close() {
      unfollow();
      await surface.close();
    },
  };
}
