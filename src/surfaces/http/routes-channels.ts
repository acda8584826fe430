import type { Hono } from "hono";
import type { Channels } from "../../core/channel.ts";
import { Fault } from "../../core/codes.ts";
import { may, type Wiring } from "./call.ts";

/** Where nobody is told anything. */
export const NO_CHANNELS: Channels = {
  list: () => [],
  test: (name) => Promise.reject(unknown(name)),
  enable: (name) => Promise.reject(unknown(name)),
};

/** How people are told. Not for agents: they have no say in it, and no business with where it goes. */
export function addChannelRoutes(app: Hono<Wiring>, channels: Channels): void {
  app.get("/v1/channels", may("halt"), (c) => c.json({ channels: channels.list() }));

  app.post("/v1/channels/:name/test", may("halt"), async (c) =>
    c.json({ ...(await channels.test(c.req.param("name"))) }),
  );

  app.post("/v1/channels/:name/enable", may("halt"), async (c) =>
    c.json({ ...(await channels.enable(c.req.param("name"))) }),
  );
}

function unknown(name: string): Fault {
  const message = `There is no channel ${JSON.stringify(name.slice(0, 60))}.`;
  return new Fault("unknown_channel", message, "`notify:` in countersign.yaml has none.");
}
