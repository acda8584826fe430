import { createHmac } from "node:crypto";

/** A message as it is signed: the id stays the same when it is sent again. */
export interface Signed {
  readonly id: string;
  readonly body: string;
}

/**
 * The headers of the Standard Webhooks specification. Receivers know a repeated message by its id, and what was not sent
 * lately or by nobody they know by time and signature, which are of this sending (`now` in ms).
 */
export function signatureHeaders({ id, body }: Signed, secret: string, now: number): Record<string, string> {
  const timestamp = String(Math.floor(now / 1_000));
  const signature = createHmac("sha256", keyOf(secret)).update(`${id}.${timestamp}.${body}`).digest("base64");
  return { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": `v1,${signature}` };
}

/** The specification's form is Base64 behind `whsec_`; anything else is the key itself. */
function keyOf(secret: string): Buffer {
  return secret.startsWith("whsec_") ? Buffer.from(secret.slice(6), "base64") : Buffer.from(secret);
}
