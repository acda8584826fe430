import { lookup } from "node:dns/promises";
import ipaddr from "ipaddr.js";

/** An address of a host, and whether it may be connected to. */
export interface Address {
  readonly address: string;
  readonly family: 4 | 6;
}

/** Gives a host's addresses; what DNS says where nothing else is asked for. */
export type Resolve = (host: string) => Promise<readonly Address[]>;

/** Where a connection may go: addresses that were checked, or why there are none. */
export type Checked =
  | { readonly ok: true; readonly addresses: readonly Address[] }
  /** `refused` will be refused again; otherwise the name could not be resolved now. */
  | { readonly ok: false; readonly refused: boolean; readonly why: string };

/**
 * The addresses of a URL's host that a connection may be made to. The connection must then be made to one of exactly
 * these: a name that is resolved again may have another answer by then. One address of this machine, of a private network
 * or of nobody among them refuses the whole host, unless `allowPrivate`.
 */
export async function checkHost(
  hostname: string,
  { allowPrivate, resolve = resolveByDns }: { allowPrivate: boolean; resolve?: Resolve | undefined },
): Promise<Checked> {
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  let addresses: readonly Address[];
  if (ipaddr.isValid(host)) addresses = [{ address: host, family: host.includes(":") ? 6 : 4 }];
  else {
    try {
      addresses = await resolve(host);
    } catch (error) {
      const code = error instanceof Error && "code" in error ? ` (${String(error.code)})` : "";
      return { ok: false, refused: false, why: `the name ${host} could not be resolved${code}` };
    }
  }
  if (addresses.length === 0) return { ok: false, refused: false, why: `the name ${host} has no address` };
  const inner = addresses.find(({ address }) => !allowPrivate && !isPublic(address));
  if (inner === undefined) return { ok: true, addresses };
  const where = inner.address === host ? host : `${host} is ${inner.address}, which`;
  return { ok: false, refused: true, why: `${where} is not a public address` };
}

/**
 * Whether an address is one of the public internet. Everything else is told apart by what it is for: loopback, private,
 * link-local (where clouds keep their metadata), shared, multicast, reserved; and IPv4 addresses inside IPv6 ones count as
 * what they lead to, or not at all.
 */
export function isPublic(address: string): boolean {
  return ipaddr.isValid(address) && ipaddr.process(address).range() === "unicast";
}

/** Why a configured URL cannot be used; null when it can. Never quotes it. */
export function whyNotUrl(text: string, allowPrivate: boolean): string | null {
  const url = URL.parse(text);
  if (url === null) return "is not a URL";
  if (url.username !== "" || url.password !== "") return "has a name or password in it";
  if (url.protocol === "https:" || (allowPrivate && url.protocol === "http:")) return null;
  return url.protocol === "http:"
    ? "is not encrypted, which is only for `allow_private: true`"
    : "is no web address";
}

async function resolveByDns(host: string): Promise<readonly Address[]> {
  const found = await lookup(host, { all: true, verbatim: true });
  return found.map(({ address, family }) => ({ address, family: family === 6 ? 6 : 4 }));
}
