import { hash } from "node:crypto";
import canonicalize from "canonicalize";
import type { JsonObject } from "../core/json.ts";
import type { RequestFields } from "../core/request.ts";

/**
 * The request's digest: `sha256:` and the hex SHA-256 over the RFC 8785 canonical JSON of exactly the immutable fields.
 * The value must already have passed the strict JSON reader, which refuses what has no one canonical form.
 */
export function digestOf(fields: RequestFields): string {
  const {
    version,
    id,
    host,
    requester,
    on_behalf_of,
    kind,
    params,
    effect,
    key,
    policy,
    rule,
    created,
    expires,
  } = fields;
  return digest({
    version,
    id,
    host,
    requester,
    on_behalf_of,
    kind,
    params,
    effect,
    key,
    policy,
    rule,
    created,
    expires,
  });
}

/** The action's digest: the same over `{kind, params}` alone, for idempotency keys. */
export function actionDigest(kind: string, params: JsonObject): string {
  return digest({ kind, params });
}

/** The hex SHA-256 of text or bytes. */
export function sha256(content: string | Uint8Array): string {
  return hash("sha256", content, "hex");
}

/** The digest of a JSON value of which there is nothing else to say. */
export function jsonDigest(value: JsonObject): string {
  return digest(value);
}

function digest(value: object): string {
  const canonical = canonicalize(value);
  if (canonical === undefined) throw new Error("unreachable: an object always has a canonical form");
  return `sha256:${sha256(canonical)}`;
}
