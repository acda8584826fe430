import { type Resolve, whyNotUrl } from "./address.ts";
import { type Answer, post } from "./post.ts";
import { type Signed, signatureHeaders } from "./signature.ts";

/** A value where it is, or why it is not there: without the value in it. */
export type Found =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly why: string };

/** Who is sent signed JSON. URL and secret are looked up for every sending. */
export interface Receiver {
  readonly url: () => Found;
  readonly secret: () => Found;
  /** Whether it may be this machine, or in a private network. */
  readonly allow_private: boolean;
  readonly resolve?: Resolve;
}

export interface SigningOrder extends Signed {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeout_ms: number;
  readonly body_limit_bytes: number;
  /** In ms since the epoch. */
  readonly now: number;
  readonly signal?: AbortSignal;
}

/** Sends a signed JSON document; what cannot be addressed or signed is not sent. Never rejects. */
export async function postSigned(receiver: Receiver, order: SigningOrder): Promise<Answer> {
  const { id, body, headers = {}, now, ...limits } = order;
  const address = receiver.url();
  if (!address.ok) return { got: "refused", why: address.why };
  const secret = receiver.secret();
  if (!secret.ok) return { got: "refused", why: secret.why };
  const wrong = whyNotUrl(address.text, receiver.allow_private);
  if (wrong !== null) return { got: "refused", why: `its URL ${wrong}` };
  return post({
    url: new URL(address.text),
    headers: {
      "content-type": "application/json; charset=utf-8",
      "user-agent": "Countersign",
      accept: "application/json",
      ...headers,
      ...signatureHeaders({ id, body }, secret.text, now),
    },
    body,
    ...limits,
    allow_private: receiver.allow_private,
    ...(receiver.resolve && { resolve: receiver.resolve }),
  });
}
