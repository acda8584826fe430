import { readFile } from "node:fs/promises";
import { Socket } from "node:net";
import type { Delivery } from "../../core/channel.ts";
import { type Message, plainText } from "../../document/message.ts";
import type { Mail } from "../configuration/channels.ts";
import type { Environment } from "../environment.ts";
import { codeOf } from "../files.ts";
import { lookUp } from "../secret.ts";

/** How long a mail server may stay silent; nodemailer's own patience is minutes. */
const SILENT_MS = 20_000;

/** Mail by SMTP: plain text, one connection per message. */
export function mailChannel(settings: Mail, env: Environment) {
  return async (message: Message, signal: AbortSignal): Promise<Delivery> => {
    const { password } = settings;
    const to = settings.to.length > 0 ? settings.to : message.to;
    if (to.length === 0) {
      const why = "people.yaml has no e-mail address of anybody whom it is for";
      return { ok: false, why, fault: "message", after_ms: null };
    }
    const found = password === null ? null : lookUp(password, env);
    if (found?.ok === false) return wrong(found.why);
    let ca: string | null = null;
    try {
      ca = settings.ca === null ? null : await readFile(settings.ca, "utf8");
    } catch (error) {
      return wrong(`${settings.ca} cannot be read (${codeOf(error) ?? "unknown error"})`);
    }
    const { createTransport } = await import("nodemailer");
    const { host, port, tls, user, from } = settings;
    // Ours, because a transport that is closed leaves the connection that it is using.
    const socket = new Socket().on("error", () => {});
    const transport = createTransport({
      socket,
      host,
      port,
      secure: tls === "implicit",
      requireTLS: tls === "starttls",
      ignoreTLS: tls === "none",
      ...(ca !== null && { tls: { ca } }),
      ...(user !== null && found !== null && { auth: { user, pass: found.text } }),
      connectionTimeout: SILENT_MS,
      greetingTimeout: SILENT_MS,
      socketTimeout: SILENT_MS,
      dnsTimeout: SILENT_MS,
      disableFileAccess: true,
      disableUrlAccess: true,
    });
    const onAbort = () => void socket.destroy(new Error("it was called off"));
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      const sent = await transport.sendMail({
        from: { name: "Countersign", address: from },
        to: to.map((address) => ({ name: "", address })),
        subject: message.title,
        text: plainText(message),
        date: new Date(message.at),
        messageId: `<${message.id}@${from.slice(from.lastIndexOf("@") + 1)}>`,
        headers: {
          "Countersign-Message-Id": message.id,
          // RFC 3834: nobody's absence note answers it.
          "Auto-Submitted": "auto-generated",
          ...(message.urgent && { Importance: "high" }),
        },
      });
      const refused = sent.rejected.length;
      return {
        ok: true,
        what: `${sent.response}${refused === 0 ? "" : ` (${refused} of ${to.length} recipients were refused)`}`,
      };
    } catch (error) {
      return meaningOf(error);
    } finally {
      signal.removeEventListener("abort", onAbort);
      socket.destroy();
    }
  };
}

/** A final no (5xx) to who we are or whom it is for concerns every message; to the message itself, only this one. */
function meaningOf(error: unknown): Delivery {
  const { responseCode = 0, command = "" } = error as { responseCode?: number; command?: string };
  const why = error instanceof Error ? error.message : String(error);
  if (responseCode >= 500) {
    return { ok: false, why, fault: command === "DATA" ? "message" : "channel", after_ms: null };
  }
  const lacksTls = codeOf(error) === "ETLS";
  return { ok: false, why, fault: lacksTls ? "channel" : "passing", after_ms: null };
}

function wrong(why: string): Delivery {
  return { ok: false, why, fault: "channel", after_ms: null };
}
