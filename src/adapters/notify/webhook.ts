import { type Message, plainText } from "../../document/message.ts";
import { signatureHeaders } from "../../outgoing/signature.ts";
import type { Payload } from "./web.ts";

/** A plain webhook, signed. */
export function signedPayload(message: Message, secret: string, now: number): Payload {
  const body = eventText(message);
  return { body, headers: signatureHeaders({ id: message.id, body }, secret, now) };
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
