import type { IncomingMessage, RequestListener } from "node:http";
import type { Hono } from "hono";
import { Fault } from "../../core/codes.ts";
import { keepPagesOut } from "./access.ts";
import { may, type Wiring } from "./call.ts";
import { documentOf, statusOf } from "./status.ts";

/** The figures as Prometheus reads them. */
export type ReadMetrics = () => Promise<{ readonly type: string; readonly text: string }>;

/** Not for agents: how reviewers decide is none of their business. */
export function addMetricsRoute(app: Hono<Wiring>, read: ReadMetrics): void {
  app.get("/metrics", may("figures"), async (c) => {
    const { type, text } = await read();
    return c.body(text, 200, { "Content-Type": type });
  });
}

/**
 * Answers `/metrics` and nothing else, without a token: for a port of this machine alone. Pages in a browser of this
 * machine are turned away by the names that they address it by, and by their origin.
 */
export function metricsListener(
  read: ReadMetrics,
  hosts: ReadonlySet<string>,
  onBug: (error: unknown) => void,
): RequestListener {
  return (incoming, outgoing) => {
    const answer = (status: number, type: string, text: string) => {
      outgoing.writeHead(status, { "Content-Type": type, "Cache-Control": "no-store" });
      outgoing.end(text);
    };
    figures(incoming).then(
      ({ type, text }) => answer(200, type, text),
      (error: unknown) => {
        if (!(error instanceof Fault)) onBug(error);
        const fault = error instanceof Fault ? error : new Fault("internal");
        answer(statusOf(fault.code), "application/json", JSON.stringify(documentOf(fault)));
      },
    );
  };

  async function figures(incoming: IncomingMessage) {
    keepPagesOut(incoming, hosts);
    if (incoming.method !== "GET" || incoming.url !== "/metrics") throw new Fault("unknown_route");
    return read();
  }
}
