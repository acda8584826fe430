import type { RequestListener } from "node:http";
import type { Hono } from "hono";
import { Fault } from "../../core/codes.ts";
import { may, type Wiring } from "./call.ts";
import { statusOf } from "./status.ts";

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
    const fault = refusalOf(incoming.method, incoming.url, incoming.headers, hosts);
    const answer = (status: number, type: string, text: string) => {
      outgoing.writeHead(status, { "Content-Type": type, "Cache-Control": "no-store" });
      outgoing.end(text);
    };
    const refuse = ({ code, message, hint }: Fault) =>
      answer(statusOf(code), "application/json", JSON.stringify({ error: { code, message, hint } }));
    if (fault !== null) return refuse(fault);
    read().then(
      ({ type, text }) => answer(200, type, text),
      (error) => {
        onBug(error);
        refuse(new Fault("internal"));
      },
    );
  };
}

function refusalOf(
  method: string | undefined,
  url: string | undefined,
  headers: { readonly host?: string | undefined; readonly origin?: string | undefined },
  hosts: ReadonlySet<string>,
): Fault | null {
  if (!hosts.has((headers.host ?? "").toLowerCase())) return new Fault("host_refused");
  if (headers.origin !== undefined) return new Fault("origin_refused");
  return method === "GET" && url === "/metrics" ? null : new Fault("unknown_route");
}
