import type { IncomingMessage } from "node:http";
import type { LookupFunction } from "node:net";
import { type Address, checkHost, type Resolve } from "./address.ts";
import { requestBy } from "./request-by.ts";

export interface Post {
  /** POST where nothing else is said. */
  readonly method?: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** From the first question to DNS to the last byte of the answer. */
  readonly timeout_ms: number;
  /** Whether it may go to this machine and to private networks. */
  readonly allow_private: boolean;
  /** How much of the answer is read; enough for what it says of a delivery when left out. */
  readonly body_limit_bytes?: number;
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
      /** Whether that is all of it; `cut` where there was more than is read, `broken` where the rest never came. */
      readonly extent: "whole" | "cut" | "broken";
    }
  /** Nothing was sent, and nothing would be another time. */
  | { readonly got: "refused"; readonly why: string }
  /** It broke off. Where it was `sent`, or begun to be, it may or may not have been received. */
  | { readonly got: "nothing"; readonly sent: boolean; readonly why: string };

/** An answer is read for what it says of the delivery; receivers that say more say it to nobody. */
const BODY_LIMIT_BYTES = 4_096;

/** Timers cannot wait longer: 24.8 days, in ms. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * Sends one request to exactly an address that was checked: no redirect is followed, no connection is shared, no proxy is
 * asked. Never rejects, and never takes longer than its time.
 */
export async function post(order: Post): Promise<Answer> {
  const timeout = AbortSignal.timeout(Math.min(Math.ceil(order.timeout_ms), LONGEST_TIMER_MS));
  const signal = order.signal === undefined ? timeout : AbortSignal.any([timeout, order.signal]);
  const { promise: ended, resolve: end } = Promise.withResolvers<Answer>();
  const seconds = Math.round(order.timeout_ms) / 1_000;
  const course: Course = { connected: false, begun: null };
  const onAbort = () => {
    const why = timeout.aborted ? `there was no answer within ${seconds} s` : "it was called off";
    // A status is an answer, whatever keeps the rest of it.
    end(course.begun ?? { got: "nothing", sent: course.connected, why });
  };
  if (signal.aborted) onAbort();
  else signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([ended, attempt(order, signal, course)]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** How far it has come. */
interface Course {
  /** Whether there is a connection that takes what is sent; behind it nothing is known until there is an answer. */
  connected: boolean;
  begun: Answer | null;
}

async function attempt(order: Post, signal: AbortSignal, course: Course): Promise<Answer> {
  const { url, allow_private, resolve } = order;
  if (url.protocol !== "https:" && url.protocol !== "http:") {
    return { got: "refused", why: `${url.protocol} is neither https: nor http:` };
  }
  const checked = await checkHost(url.hostname, { allowPrivate: allow_private, resolve });
  if (!checked.ok) {
    const { refused, why } = checked;
    return refused ? { got: "refused", why } : { got: "nothing", sent: false, why };
  }
  if (signal.aborted) return { got: "nothing", sent: false, why: "it was called off" };
  try {
    return await send(order, checked.addresses, signal, course);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    const what = course.connected ? "the connection broke" : "there was no connection";
    return { got: "nothing", sent: course.connected, why: `${what} (${code})` };
  }
}

function send(
  { method = "POST", url, headers, body, body_limit_bytes = BODY_LIMIT_BYTES }: Post,
  addresses: readonly Address[],
  signal: AbortSignal,
  course: Course,
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const isEncrypted = url.protocol === "https:";
  const length = String(Buffer.byteLength(body));
  const sent = requestBy(url)(url, {
    method,
    headers: { ...headers, "content-length": length },
    agent: false,
    lookup: only(addresses),
    signal,
  });
  sent.on("error", reject);
  // Before that, what was written has not left this machine.
  sent.on("socket", (socket) =>
    socket.once(isEncrypted ? "secureConnect" : "connect", () => {
      course.connected = true;
    }),
  );
  sent.on("response", (answer) => {
    const told = (body: Start): Answer => ({
      got: "answer",
      status: answer.statusCode ?? 0,
      header: (name) => answer.headers[name]?.toString() ?? null,
      ...body,
    });
    course.begun = told({ body: "", extent: "broken" });
    readStart(answer, body_limit_bytes).then((start) => {
      sent.destroy();
      resolve(told(start));
    }, reject);
  });
  sent.end(body);
  return promise;
}

/** A lookup that knows no other addresses than those that were checked. */
export function only(addresses: readonly Address[]): LookupFunction {
  return (_, options, callback) => {
    if (options.all === true) return callback(null, [...addresses]);
    const [first] = addresses;
    if (first === undefined) throw new Error("unreachable: no address was checked");
    callback(null, first.address, first.family);
  };
}

type Start = Pick<Extract<Answer, { got: "answer" }>, "body" | "extent">;

async function readStart(answer: IncomingMessage, limit: number): Promise<Start> {
  const chunks: Buffer[] = [];
  let length = 0;
  let extent: Start["extent"] = "whole";
  try {
    for await (const chunk of answer) {
      chunks.push(chunk as Buffer);
      length += (chunk as Buffer).length;
      if (length > limit) break;
    }
  } catch {
    // Cut off behind the status, which is what counts.
    extent = "broken";
  }
  if (length > limit) extent = "cut";
  return { body: Buffer.concat(chunks).subarray(0, limit).toString("utf8"), extent };
}
