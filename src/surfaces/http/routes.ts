import type { HttpBindings } from "@hono/node-server";
import { type Context, Hono } from "hono";
import type { Application, SubmitInput } from "../../application.ts";
import { Fault } from "../../core/codes.ts";
import type { JsonObject } from "../../core/json.ts";
import { STATUSES } from "../../core/request.ts";
import { fieldsOf, NAME_LIMIT, readBody, TEXT_LIMIT } from "./body.ts";
import { statusOf } from "./status.ts";

/** One long poll at most; a client that waits longer asks again. */
const WAIT_LIMIT_MS = 60_000;

type Bindings = { Bindings: HttpBindings };
type Call = Context<Bindings>;
type Fields = ReturnType<typeof fieldsOf>;

export interface RouteOptions {
  /** The agents' socket submits, waits and executes; the reviewers' decides. Both read. */
  readonly role: "agent" | "reviewer";
  /** Aborts when the server closes: open waits are then answered with the current state. */
  readonly closing: AbortSignal;
  /** Is given whatever is no `Fault`. */
  readonly onBug: (error: unknown) => void;
}

/** The routes of one socket. */
export function createRoutes(
  application: Application,
  { role, closing, onBug }: RouteOptions,
): Hono<Bindings> {
  const app = new Hono<Bindings>();
  app.onError((error, c) => {
    if (!(error instanceof Fault)) onBug(error);
    const { code, message, hint } = error instanceof Fault ? error : new Fault("internal");
    // The rest of such a body is not read, so the connection cannot serve another request.
    if (code === "too_large" || code === "wrong_content_type") c.header("Connection", "close");
    return c.json({ error: { code, message, hint } }, statusOf(code));
  });
  app.notFound(() => {
    throw new Fault("unknown_route");
  });
  app.use(async (c, next) => {
    await next();
    if (closing.aborted) c.header("Connection", "close");
    c.header("Cache-Control", "no-store");
  });
  addReads(app, application, closing);
  if (role === "agent") addAgentRoutes(app, application);
  else addReviewerRoutes(app, application);
  return app;
}

function addReads(app: Hono<Bindings>, application: Application, closing: AbortSignal): void {
  app.get("/v1/health", (c) => c.json({ ...application.health() }));
  app.get("/v1/grant-key", (c) => c.json(application.grantKey()));

  app.get("/v1/requests", async (c) => {
    const word = c.req.query("status");
    const status = STATUSES.find((one) => one === word);
    if (word !== undefined && status === undefined) {
      throw new Fault("invalid_request", `There is no such status; there are ${STATUSES.join(", ")}.`);
    }
    const all = c.req.query("all") === "true";
    return c.json({ requests: await application.list({ all, ...(status && { status }) }) });
  });

  app.get("/v1/requests/:id", async (c) => c.json(await application.show(c.req.param("id"))));

  app.get("/v1/requests/:id/wait", async (c) => {
    const text = c.req.query("timeout_ms") ?? String(WAIT_LIMIT_MS);
    if (!/^\d{1,9}$/.test(text)) {
      throw new Fault("invalid_request", "timeout_ms must be a whole number of milliseconds.");
    }
    const until = c.req.query("until");
    if (until !== undefined && until !== "outcome") {
      throw new Fault("invalid_request", "until can only be outcome.");
    }
    const gone = new AbortController();
    c.env.outgoing.once("close", () => gone.abort());
    const signal = AbortSignal.any([closing, gone.signal]);
    const timeout_ms = Math.min(Number(text), WAIT_LIMIT_MS);
    return c.json(await application.wait(c.req.param("id"), timeout_ms, signal, until));
  });
}

function addAgentRoutes(app: Hono<Bindings>, application: Application): void {
  app.post("/v1/requests", async (c) => {
    const submitted = await application.submit(await take(c, submission));
    return c.json({ ...submitted }, submitted.created ? 201 : 200);
  });

  app.post("/v1/requests/:id/cancel", async (c) => {
    const input = await take(c, (fields) => ({
      by: fields.text("by", NAME_LIMIT),
      reason: fields.optional("reason", TEXT_LIMIT),
    }));
    return c.json(await application.cancel(c.req.param("id"), input));
  });

  app.get("/v1/requests/:id/grant", async (c) =>
    c.json(await application.grant(c.req.param("id"), bearer(c))),
  );

  app.post("/v1/requests/:id/claim", async (c) => {
    const token = bearer(c);
    const input = await take(c, (fields) => ({ token, grant: fields.text("grant", TEXT_LIMIT) }));
    return c.json(await application.claim(c.req.param("id"), input));
  });

  app.post("/v1/requests/:id/complete", async (c) => {
    const token = bearer(c);
    const outcome = await take(c, completion);
    return c.json(await application.complete(c.req.param("id"), { token, outcome }));
  });

  for (const path of ["/v1/requests/:id/decide", "/v1/requests/:id/resolve", "/v1/halt", "/v1/resume"]) {
    app.post(path, () => {
      throw new Fault("not_allowed");
    });
  }
}

function addReviewerRoutes(app: Hono<Bindings>, application: Application): void {
  app.post("/v1/requests/:id/decide", async (c) => {
    const input = await take(c, (fields) => {
      const digest = fields.optional("digest", NAME_LIMIT);
      return {
        verb: fields.oneOf("verb", ["approve", "reject", "request_changes"]),
        reviewer: fields.optional("reviewer", NAME_LIMIT),
        reason: fields.optional("reason", TEXT_LIMIT),
        via: fields.has("via") ? fields.oneOf("via", ["cli", "http"]) : "http",
        ...(digest !== null && { digest }),
        ...(fields.has("set") && { set: fields.object("set") }),
      };
    });
    return c.json(await application.decide(c.req.param("id"), input));
  });

  app.post("/v1/requests/:id/resolve", async (c) => {
    const input = await take(c, (fields) => ({
      happened: fields.flag("happened"),
      by: fields.text("by", NAME_LIMIT),
      reason: fields.optional("reason", TEXT_LIMIT),
    }));
    return c.json(await application.resolve(c.req.param("id"), input));
  });

  for (const verb of ["halt", "resume"] as const) {
    app.post(`/v1/${verb}`, async (c) => {
      await application[verb](await take(c, (fields) => fields.text("by", NAME_LIMIT)));
      return c.json({ ...application.health() });
    });
  }
}

/** Reads a body, refusing fields that nobody asked for. */
async function take<T>(c: Call, read: (fields: Fields) => T): Promise<T> {
  const body: JsonObject = await readBody(c.env.incoming);
  const fields = fieldsOf(body);
  const value = read(fields);
  fields.end();
  return value;
}

function submission(fields: Fields): SubmitInput {
  const title = fields.optional("title", TEXT_LIMIT);
  const requester = fields.optional("requester", NAME_LIMIT);
  const on_behalf_of = fields.optional("on_behalf_of", NAME_LIMIT);
  const key = fields.optional("key", NAME_LIMIT);
  const expires_in_ms = fields.duration("expires_in_ms");
  return {
    kind: fields.text("kind", NAME_LIMIT),
    params: fields.has("params") ? fields.object("params") : {},
    ...(title !== null && { title }),
    ...(requester !== null && { requester }),
    ...(on_behalf_of !== null && { on_behalf_of }),
    ...(key !== null && { key }),
    ...(expires_in_ms !== null && { expires_in_ms }),
  };
}

function completion(fields: Fields): { result: ReturnType<Fields["json"]> } | { failed: string } {
  const failed = fields.optional("failed", TEXT_LIMIT);
  if (fields.has("result") === (failed !== null)) {
    throw new Fault("invalid_request", "Exactly one of result and failed says what came of it.");
  }
  return failed === null ? { result: fields.json("result") } : { failed };
}

function bearer(c: Call): string {
  const token = /^Bearer ([\w.~+/=-]{1,4000})$/i.exec(c.req.header("authorization") ?? "")?.[1];
  if (token !== undefined) return token;
  throw new Fault(
    "token_invalid",
    "The requester's token is missing.",
    "Send it as `Authorization: Bearer TOKEN`.",
  );
}
