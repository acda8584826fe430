import { Hono } from "hono";
import { createMiddleware } from "hono/factory";
import type { Application } from "../../application/application.ts";
import type { Channels } from "../../core/channel.ts";
import { Fault } from "../../core/codes.ts";
import type { Door } from "./access.ts";
import { createArriving } from "./arriving.ts";
import { faultOf, isHidden, ownNameOf, type Wiring } from "./call.ts";
import { addCordumRoutes } from "./dialect-cordum.ts";
import { addToolWeaverRoutes } from "./dialect-toolweaver.ts";
import { addMetricsRoute, type ReadMetrics } from "./metrics.ts";
import { addAskingRoutes } from "./routes-asking.ts";
import { addChannelRoutes, NO_CHANNELS } from "./routes-channels.ts";
import { addDecidingRoutes } from "./routes-deciding.ts";
import { addReadingRoutes } from "./routes-reading.ts";
import { documentOf, statusOf } from "./status.ts";

export interface RouteOptions {
  readonly door: Door;
  /** Aborts when the server closes: open waits are then answered with the current state, and streams end. */
  readonly closing: AbortSignal;
  /** How people are told; nobody is, where there is none. */
  readonly channels?: Channels;
  /** There is no `/metrics` without it. */
  readonly metrics?: ReadMetrics;
  /** Is given whatever is no `Fault`. */
  readonly onBug: (error: unknown) => void;
}

/** All routes; who may use which is a matter of rights, so that every way in answers alike. */
export function createRoutes(
  application: Application,
  { door, closing, onBug, channels = NO_CHANNELS, metrics }: RouteOptions,
): Hono<Wiring> {
  const app = new Hono<Wiring>();
  // However much agents send, they take nothing from those who decide.
  const ofAgents = createArriving();
  const ofOthers = createArriving();
  app.onError((error, c) => {
    const fault = faultOf(c, error, onBug);
    return c.json(documentOf(fault), statusOf(fault.code));
  });
  app.notFound(() => {
    throw new Fault("unknown_route");
  });
  app.use(async (c, next) => {
    c.header("Cache-Control", "no-store");
    const caller = door(c.env.incoming);
    c.set("caller", caller);
    c.set("closing", closing);
    c.set("arriving", caller.role === "agent" ? ofAgents : ofOthers);
    // What nobody reads would wait in memory for as long as its question does.
    if (c.req.method === "GET") c.env.incoming.resume();
    await next();
    // Only here, because an answer that is there already costs several times as much to change as to make.
    if (closing.aborted) c.header("Connection", "close");
  });
  const own = ownOnly(application);
  app.use("/v1/requests/:id", own);
  app.use("/v1/requests/:id/*", own);
  addReadingRoutes(app, application, closing);
  addAskingRoutes(app, application);
  addDecidingRoutes(app, application);
  addChannelRoutes(app, channels);
  if (metrics !== undefined) addMetricsRoute(app, metrics);
  addToolWeaverRoutes(app, application, onBug);
  addCordumRoutes(app, application, onBug);
  return app;
}

function ownOnly(application: Application) {
  return createMiddleware<Wiring>(async (c, next) => {
    const caller = c.get("caller");
    const id = c.req.param("id") ?? "";
    if (ownNameOf(caller) !== null) {
      const { requester } = await application.show(id);
      if (isHidden(caller, requester)) throw new Fault("not_found", `There is no request ${id}.`);
    }
    await next();
  });
}
