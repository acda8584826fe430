import type { Hono } from "hono";
import type { Application, SubmitInput } from "../../application/application.ts";
import { Fault } from "../../core/codes.ts";
import type { Reported } from "../../core/request.ts";
import { bearer, nameOf } from "./access.ts";
import { NAME_LIMIT, TEXT_LIMIT } from "./body.ts";
import { answer, type Call, type Fields, may, take, type Wiring } from "./call.ts";

/** What requesters do. */
export function addAskingRoutes(app: Hono<Wiring>, application: Application): void {
  app.post("/v1/requests", may("ask"), async (c) => {
    const key = idempotencyKey(c);
    const asked = await take(c, (fields) => submission(fields, key));
    const requester = nameOf(c.get("caller"), asked.requester ?? null);
    const submitted = await application.submit({ ...asked, ...(requester !== null && { requester }) });
    return answer(c, JSON.stringify(submitted), submitted.created ? 201 : 200);
  });

  app.post("/v1/requests/:id/cancel", may("ask"), async (c) => {
    const caller = c.get("caller");
    const id = c.req.param("id");
    const input = await take(c, (fields) => ({
      by: nameOf(
        caller,
        caller.principal === null ? fields.text("by", NAME_LIMIT) : fields.optional("by", NAME_LIMIT),
      ),
      reason: fields.optional("reason", TEXT_LIMIT),
    }));
    // With a token of its own the requester has proved itself already; on the socket anybody could say this.
    if (caller.principal === null) await application.checkToken(id, requesterToken(c));
    return c.json(await application.cancel(id, { by: input.by ?? "", reason: input.reason }));
  });

  app.get("/v1/requests/:id/grant", may("ask"), async (c) =>
    c.json(await application.grant(c.req.param("id"), neededToken(c))),
  );

  app.post("/v1/requests/:id/claim", may("ask"), async (c) => {
    const token = neededToken(c);
    const input = await take(c, (fields) => ({ token, grant: fields.text("grant", TEXT_LIMIT) }));
    return c.json(await application.claim(c.req.param("id"), input));
  });

  app.post("/v1/requests/:id/complete", may("ask"), async (c) => {
    const token = neededToken(c);
    const outcome = await take(c, completion);
    return c.json(await application.complete(c.req.param("id"), { token, outcome }));
  });
}

function submission(fields: Fields, header: string | null): SubmitInput {
  const title = fields.optional("title", TEXT_LIMIT);
  const requester = fields.optional("requester", NAME_LIMIT);
  const on_behalf_of = fields.optional("on_behalf_of", NAME_LIMIT);
  const body = fields.optional("key", NAME_LIMIT);
  if (header !== null && body !== null && header !== body) {
    throw new Fault("invalid_request", "The field key and the header Idempotency-Key differ.");
  }
  const key = header ?? body;
  const expires_in_ms = fields.duration("expires_in_ms");
  const previous = fields.optional("previous", NAME_LIMIT);
  const not_before = fields.time("not_before");
  const token_sha256 = fields.optional("token_sha256", NAME_LIMIT);
  return {
    kind: fields.text("kind", NAME_LIMIT),
    params: fields.has("params") ? fields.object("params") : {},
    ...(title !== null && { title }),
    ...(requester !== null && { requester }),
    ...(on_behalf_of !== null && { on_behalf_of }),
    ...(key !== null && { key }),
    ...(expires_in_ms !== null && { expires_in_ms }),
    ...(previous !== null && { previous }),
    ...(not_before !== null && { not_before }),
    ...(token_sha256 !== null && { token_sha256 }),
  };
}

/** Taken in quotes, as the header's draft has it, and without, as most send it. */
function idempotencyKey(c: Call): string | null {
  const text = c.req.header("idempotency-key");
  if (text === undefined) return null;
  const key = /^"(.*)"$/.exec(text)?.[1] ?? text;
  if (/^[\x20-\x7e]+$/.test(key) && key.length <= NAME_LIMIT) return key;
  throw new Fault("invalid_request", `Idempotency-Key must have 1 to ${NAME_LIMIT} characters of ASCII.`);
}

function completion(fields: Fields): Reported {
  const failed = fields.optional("failed", TEXT_LIMIT);
  const unknown = fields.optional("unknown", TEXT_LIMIT);
  const said: Reported[] = [
    ...(fields.has("result") ? [{ result: fields.json("result") }] : []),
    ...(failed === null ? [] : [{ failed }]),
    ...(unknown === null ? [] : [{ unknown }]),
  ];
  const [outcome, ...more] = said;
  if (outcome !== undefined && more.length === 0) return outcome;
  throw new Fault("invalid_request", "Exactly one of result, failed and unknown says what came of it.");
}

/** What only the requester has. Over TCP the other header carries the token that lets the caller in. */
function requesterToken(c: Call): string | null {
  const own = c.req.header("requester-token");
  if (own !== undefined) return own;
  return c.get("caller").principal === null ? bearer(c.req.header("authorization")) : null;
}

function neededToken(c: Call): string {
  const token = requesterToken(c);
  if (token !== null) return token;
  const hint = "Send the token that the request was answered with as `Requester-Token: TOKEN`.";
  throw new Fault("token_invalid", "The requester's token is missing.", hint);
}
