import { createHmac } from "node:crypto";
import { type Message, plainText } from "../../document/message.ts";
import type { Payload } from "./web.ts";

/**
 * A plain webhook after the Standard Webhooks specification: the id stays the same when the message is sent again, the
 * time and the signature are of this sending.
 */
export function signedPayload(message: Message, secret: string, now: number): Payload {
  const body = eventText(message);
  const timestamp = String(Math.floor(now / 1_000));
  const signature = createHmac("sha256", keyOf(secret))
    .update(`${message.id}.${timestamp}.${body}`)
    .digest("base64");
  const headers = {
    "webhook-id": message.id,
    "webhook-timestamp": timestamp,
    "webhook-signature": `v1,${signature}`,
  };
  return { body, headers };
}

/**
 * The same JSON document for webhooks and commands, in one line. Params are in it as they are, so whatever a terminal
 * would obey, or hide, is written as an escape.
 */
export function eventText(message: Message): string {
  const { id, about, at, title, link, data } = message;
  const text = plainText(message);
  const event = { id, type: `countersign.${about}`, timestamp: at, data: { title, text, link, ...data } };
  return JSON.stringify(event).replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) =>
    Array.from(
      { length: character.length },
      (_, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, "0")}`,
    ).join(""),
  );
}

/** The specification's form is Base64 behind `whsec_`; anything else is the key itself. */
function keyOf(secret: string): Buffer {
  return secret.startsWith("whsec_") ? Buffer.from(secret.slice(6), "base64") : Buffer.from(secret);
}
