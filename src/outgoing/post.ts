import { type IncomingMessage, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import type { LookupFunction } from "node:net";
import { type Address, checkHost, type Resolve } from "./address.ts";

export interface Post {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** From the first question to DNS to the last byte of the answer. */
  readonly timeout_ms: number;
  /** Whether it may go to this machine and to private networks. */
  readonly allow_private: boolean;
  readonly signal?: AbortSignal;
  readonly resolve?: Resolve;
}

export type Answer =
  | {
      readonly got: "answer";
      readonly status: number;
      /** By lower-case name. */
      readonly header: (name: string) => string | null;
      /** Its beginning; more is not read. */
      readonly body: string;
    }
  /** Nothing was sent, and nothing would be another time. */
  | { readonly got: "refused"; readonly why: string }
  /** It broke off; it may or may not have been received. */
  | { readonly got: "nothing"; readonly why: string };

/** An answer is read for what it says of the delivery; receivers that say more say it to nobody. */
const BODY_LIMIT_BYTES = 4_096;

/**
 * Sends one POST to exactly an address that was checked: no redirect is followed, no connection is shared, no proxy is
 * asked. Never rejects, and never takes longer than its time.
 */
export async function post(order: Post): Promise<Answer> {
  const timeout = AbortSignal.timeout(order.timeout_ms);
  const signal = order.signal === undefined ? timeout : AbortSignal.any([timeout, order.signal]);
  const { promise: ended, resolve: end } = Promise.withResolvers<Answer>();
  const seconds = order.timeout_ms / 1_000;
  // A status is an answer, whatever keeps the rest of it.
  let begun: Answer | null = null;
  const onAbort = () => {
    const why = timeout.aborted ? `there was no answer within ${seconds} s` : "it was called off";
    end(begun ?? { got: "nothing", why });
  };
  if (signal.aborted) onAbort();
  else signal.addEventListener("abort", onAbort, { once: true });
  try {
    const onBegun = (answer: Answer) => {
      begun = answer;
    };
    return await Promise.race([ended, attempt(order, signal, onBegun)]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

async function attempt(order: Post, signal: AbortSignal, onBegun: (answer: Answer) => void): Promise<Answer> {
  const { url, allow_private, resolve } = order;
  if (url.protocol !== "https:" && url.protocol !== "http:") {
    return { got: "refused", why: `${url.protocol} is neither https: nor http:` };
  }
  const checked = await checkHost(url.hostname, { allowPrivate: allow_private, resolve });
  if (!checked.ok) return { got: checked.refused ? "refused" : "nothing", why: checked.why };
  if (signal.aborted) return { got: "nothing", why: "it was called off" };
  try {
    return await send(order, checked.addresses, signal, onBegun);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    return { got: "nothing", why: `the connection broke (${code})` };
  }
}

function send(
  { url, headers, body }: Post,
  addresses: readonly Address[],
  signal: AbortSignal,
  onBegun: (answer: Answer) => void,
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const start = url.protocol === "https:" ? requestHttps : requestHttp;
  const length = String(Buffer.byteLength(body));
  const sent = start(url, {
    method: "POST",
    headers: { ...headers, "content-length": length },
    agent: false,
    lookup: only(addresses),
    signal,
  });
  sent.on("error", reject);
  sent.on("response", (answer) => {
    const told = (text: string): Answer => ({
      got: "answer",
      status: answer.statusCode ?? 0,
      header: (name) => answer.headers[name]?.toString() ?? null,
      body: text,
    });
    onBegun(told(""));
    readStart(answer).then((text) => {
      sent.destroy();
      resolve(told(text));
    }, reject);
  });
  sent.end(body);
  return promise;
}

/** A lookup that knows no other addresses than those that were checked. */
function only(addresses: readonly Address[]): LookupFunction {
  return (_, options, callback) => {
    if (options.all === true) return callback(null, [...addresses]);
    const [first] = addresses;
    if (first === undefined) throw new Error("unreachable: no address was checked");
    callback(null, first.address, first.family);
  };
}

async function readStart(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of answer) {
      chunks.push(chunk as Buffer);
      length += (chunk as Buffer).length;
      if (length >= BODY_LIMIT_BYTES) break;
    }
  } catch {
    // Cut off behind the status, which is what counts.
  }
  return Buffer.concat(chunks).subarray(0, BODY_LIMIT_BYTES).toString("utf8");
}
