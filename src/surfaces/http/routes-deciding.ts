import type { Hono } from "hono";
import type { Application } from "../../application/application.ts";
import { type Caller, nameOf } from "./access.ts";
import { NAME_LIMIT, TEXT_LIMIT } from "./body.ts";
import { type Fields, may, take, type Wiring } from "./call.ts";

/** What people do: reviewers, and whoever may halt. */
export function addDecidingRoutes(app: Hono<Wiring>, application: Application): void {
  app.post("/v1/requests/:id/decide", may("decide"), async (c) => {
    const caller = c.get("caller");
    const input = await take(c, (fields) => {
      const digest = fields.optional("digest", NAME_LIMIT);
      const via = fields.has("via") ? fields.oneOf("via", ["cli", "http"]) : "http";
      return {
        verb: fields.oneOf("verb", ["approve", "reject", "request_changes"]),
        ...reviewerOf(caller, fields.optional("reviewer", NAME_LIMIT)),
        reason: fields.optional("reason", TEXT_LIMIT),
        via: caller.principal === null ? via : "http",
        ...(digest !== null && { digest }),
        ...(fields.has("set") && { set: fields.object("set") }),
        ...(fields.has("checked") && { checked: fields.flag("checked") }),
      };
    });
    return c.json(await application.decide(c.req.param("id"), input));
  });

  app.post("/v1/requests/:id/delegate", may("decide"), async (c) => {
    const caller = c.get("caller");
    const input = await take(c, (fields) => {
      const from = ownNameIn(caller, fields, "from");
      const reason = fields.optional("reason", TEXT_LIMIT);
      const via = fields.has("via") ? fields.oneOf("via", ["cli", "http"]) : "http";
      return {
        from,
        to: fields.text("to", NAME_LIMIT),
        reason,
        via: caller.principal === null ? via : "http",
      };
    });
    return c.json(await application.delegate(c.req.param("id"), input));
  });

  app.post("/v1/requests/:id/take-back", may("decide"), async (c) => {
    const caller = c.get("caller");
    const input = await take(c, (fields) => ({
      by: ownNameIn(caller, fields, "by"),
      reason: fields.optional("reason", TEXT_LIMIT),
    }));
    return c.json(await application.takeBack(c.req.param("id"), input));
  });

  app.post("/v1/requests/:id/resolve", may("decide"), async (c) => {
    const caller = c.get("caller");
    const input = await take(c, (fields) => ({
      happened: fields.flag("happened"),
      by: ownNameIn(caller, fields, "by"),
      reason: fields.optional("reason", TEXT_LIMIT),
    }));
    return c.json(await application.resolve(c.req.param("id"), input));
  });

  for (const verb of ["halt", "resume"] as const) {
    app.post(`/v1/${verb}`, may("halt"), async (c) => {
      const caller = c.get("caller");
      await application[verb](await take(c, (fields) => ownNameIn(caller, fields, "by")));
      return c.json({ ...application.health() });
    });
  }

  app.post("/v1/clock/accept", may("halt"), async (c) => {
    const caller = c.get("caller");
    await application.acceptClock(await take(c, (fields) => ownNameIn(caller, fields, "by")));
    return c.json({ ...application.health() });
  });
}

/**
 * Who decides is whom the token names. Another name is kept as what it is: something that the client says. Without a
 * token a name is all that there is.
 */
export function reviewerOf(
  { principal }: Caller,
  named: string | null,
): { reviewer: string | null; claimed?: string } {
  if (principal === null) return { reviewer: named };
  return { reviewer: principal, ...(named !== null && named !== principal && { claimed: named }) };
}

function ownNameIn(caller: Caller, fields: Fields, name: string): string {
  const named = caller.principal === null ? fields.text(name, NAME_LIMIT) : fields.optional(name, NAME_LIMIT);
  return nameOf(caller, named) ?? "";
}
