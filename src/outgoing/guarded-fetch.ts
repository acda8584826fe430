import { Readable } from "node:stream";
import { checkHost } from "./address.ts";
import { only } from "./post.ts";
import { requestBy } from "./request-by.ts";

/** Answers that have no body by their status. */
const WITHOUT_BODY = new Set([204, 205, 304]);

/** What a client library is given for `fetch`: the same guard as for every other sending, and no redirect is followed. */
export function guardedFetch(allowPrivate: boolean) {
  return async (address: string | URL, init: RequestInit = {}): Promise<Response> => {
    const url = new URL(address);
    const checked = await checkHost(url.hostname, { allowPrivate });
    if (!checked.ok) throw new Error(checked.why);
    const { promise, resolve, reject } = Promise.withResolvers<Response>();
    const sent = requestBy(url)(url, {
      method: init.method ?? "GET",
      headers: Object.fromEntries(new Headers(init.headers)),
      agent: false,
      lookup: only(checked.addresses),
      ...(init.signal && { signal: init.signal }),
    });
    sent.on("error", reject);
    sent.on("response", (answer) => {
      const status = answer.statusCode ?? 0;
      const headers = new Headers();
      for (const [name, value] of Object.entries(answer.headers)) headers.set(name, String(value));
      const body = WITHOUT_BODY.has(status) ? null : (Readable.toWeb(answer) as ReadableStream);
      if (body === null) answer.resume();
      resolve(new Response(body, { status, headers }));
    });
    sent.end(typeof init.body === "string" ? init.body : undefined);
    return promise;
  };
}
