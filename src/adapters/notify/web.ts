import type { Delivery } from "../../core/channel.ts";
import type { Message } from "../../document/message.ts";
import { type Resolve, whyNotUrl } from "../../outgoing/address.ts";
import { type Answer, post } from "../../outgoing/post.ts";
import type { Value } from "../configuration/reference.ts";
import type { Environment } from "../environment.ts";
import { lookUp } from "../secret.ts";

/** What a channel of the web posts: the body, as it is signed, and what stands beside it. */
export interface Payload {
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface WebPorts {
  readonly env: Environment;
  /** In ms since the epoch. */
  readonly now: () => number;
  readonly resolve?: Resolve;
  /** How long one try may take. */
  readonly timeout_ms?: number;
}

const TIMEOUT_MS = 10_000;

/** The address, or a header's secret, is not there. */
class Missing extends Error {}

/** A channel that posts to a URL, and what its answers mean. */
export function webChannel(
  { url, allow_private }: { readonly url: Value; readonly allow_private: boolean },
  ports: WebPorts,
  payloadOf: (message: Message, read: (value: Value) => string) => Payload,
) {
  const { env, now, resolve, timeout_ms = TIMEOUT_MS } = ports;
  const read = (value: Value) => {
    const found = lookUp(value, env);
    if (!found.ok) throw new Missing(found.why);
    return found.text;
  };
  return async (message: Message, signal: AbortSignal): Promise<Delivery> => {
    let order: Parameters<typeof post>[0];
    try {
      const address = read(url);
      const wrong = whyNotUrl(address, allow_private);
      if (wrong !== null) throw new Missing(`its URL ${wrong}`);
      const { body, headers = {} } = payloadOf(message, read);
      order = {
        url: new URL(address),
        headers: {
          "content-type": "application/json; charset=utf-8",
          "user-agent": "Countersign",
          "countersign-message-id": message.id,
          ...headers,
        },
        body,
        timeout_ms,
        allow_private,
        signal,
        ...(resolve && { resolve }),
      };
    } catch (error) {
      if (!(error instanceof Missing)) throw error;
      return { ok: false, why: error.message, fault: "channel", after_ms: null };
    }
    return meaningOf(await post(order), order.url, now());
  };
}

/** Wrong addresses, revoked webhooks, wrong tokens: no other message would fare better. */
const OF_THE_CHANNEL = new Set([401, 402, 403, 404, 405, 407, 410, 421]);
const OF_THE_MOMENT = new Set([408, 425, 429]);

function meaningOf(answer: Answer, url: URL, now: number): Delivery {
  if (answer.got === "refused") return { ok: false, why: answer.why, fault: "channel", after_ms: null };
  if (answer.got === "nothing") return { ok: false, why: answer.why, fault: "passing", after_ms: null };
  const { status } = answer;
  if (status >= 200 && status < 300) return { ok: true, what: `HTTP ${status}` };
  const said = quoted(answer.body, url);
  const why = `HTTP ${status}${said === "" ? "" : `: ${said}`}`;
  if (status >= 300 && status < 400) {
    return {
      ok: false,
      why: `HTTP ${status}: redirects are not followed`,
      fault: "channel",
      after_ms: null,
    };
  }
  if (OF_THE_CHANNEL.has(status)) return { ok: false, why, fault: "channel", after_ms: null };
  if (status >= 500 || OF_THE_MOMENT.has(status)) {
    const after_ms = retryAfter(answer.header("retry-after"), now);
    return { ok: false, why, fault: "passing", after_ms };
  }
  return { ok: false, why, fault: "message", after_ms: null };
}

/** The receiver's words, without the address, which for some channels is the secret. */
function quoted(body: string, url: URL): string {
  const secrets = [url.href, url.pathname, url.search].filter((text) => text.length > 1);
  return secrets.reduce((text, secret) => text.replaceAll(secret, "…"), body.slice(0, 200)).trim();
}

/** RFC 9110: seconds, or a date; null for anything else. */
export function retryAfter(header: string | null, now: number): number | null {
  if (header === null) return null;
  // Discord gives fractions of seconds.
  if (/^\d{1,9}(\.\d+)?$/.test(header.trim())) return Math.ceil(Number(header) * 1_000);
  const at = Date.parse(header);
  return Number.isNaN(at) ? null : Math.max(0, at - now);
}
