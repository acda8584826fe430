import type { HttpBindings } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import type { Context } from "hono";
import { createMiddleware } from "hono/factory";
import { Fault } from "../../core/codes.ts";
import { type Caller, demand, type Right } from "./access.ts";
import type { Arriving } from "./arriving.ts";
import { fieldsOf, readBody } from "./body.ts";

/** What every route works with: the question, who asks, what takes its body in, and whether the server closes. */
export type Wiring = {
  Bindings: HttpBindings;
  Variables: { caller: Caller; arriving: Arriving; closing: AbortSignal };
};
export type Call = Context<Wiring>;
export type Fields = ReturnType<typeof fieldsOf>;

/** The rest of such a question is not read, so its connection cannot serve another one. */
const CUTS_OFF: ReadonlySet<Fault["code"]> = new Set([
  "too_large",
  "busy",
  "wrong_content_type",
  "unauthenticated",
  "host_refused",
  "origin_refused",
]);

/** What is told of an error; what is no fault is a bug, and not told. */
export function faultOf(c: Call, error: Error, onBug: (error: unknown) => void): Fault {
  if (!(error instanceof Fault)) onBug(error);
  const fault = error instanceof Fault ? error : new Fault("internal");
  if (CUTS_OFF.has(fault.code)) c.header("Connection", "close");
  if (fault.code === "unauthenticated") c.header("WWW-Authenticate", "Bearer");
  if (fault.code === "busy") c.header("Retry-After", "1");
  return fault;
}

/** Lets only those through who have the right. */
export function may(right: Right) {
  return createMiddleware<Wiring>(async (c, next) => {
    demand(c.get("caller"), right);
    await next();
  });
}

/** An agent with a token of its own sees its own requests, and of others not even that they are there. */
export function isHidden(caller: Caller, requester: string): boolean {
  return ownNameOf(caller) !== null && caller.principal !== requester;
}

/** Whose requests alone it may see; null for whoever may see all. */
export function ownNameOf({ role, principal }: Caller): string | null {
  return role === "agent" ? principal : null;
}

/** The fields of its body; which others there may be is the dialect's to say. */
export async function fieldsIn(c: Call): Promise<Fields> {
  return fieldsOf(await readBody(c.env.incoming, c.get("arriving")));
}

/** Reads a body, refusing fields that nobody asked for. */
export async function take<T>(c: Call, read: (fields: Fields) => T): Promise<T> {
  const fields = await fieldsIn(c);
  const value = read(fields);
  fields.end();
  return value;
}

/** Answers with this JSON past the framework, whose part would be most of the work: for what is asked often. */
export function answer(c: Call, json: string, status: 200 | 201 = 200): Response {
  c.env.outgoing.writeHead(status, {
    "Content-Type": "application/json",
    "Content-Length": Buffer.byteLength(json),
    "Cache-Control": "no-store",
    ...(c.get("closing").aborted && { Connection: "close" }),
  });
  c.env.outgoing.end(json);
  return RESPONSE_ALREADY_SENT;
}
