import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { Fault } from "../../core/codes.ts";

/** Who may do what: agents ask, reviewers decide, operators halt and resume, and all of them read. */
const RIGHTS = {
  agent: ["read", "ask"],
  reviewer: ["read", "decide", "halt", "figures"],
  operator: ["read", "halt", "figures"],
  reader: ["read", "figures"],
} as const satisfies Record<string, readonly Right[]>;

export type Role = keyof typeof RIGHTS;
export type Right = "read" | "ask" | "decide" | "halt" | "figures";

/** Who asks, as far as the way in proves it. */
export interface Caller {
  readonly role: Role;
  /** Whom the token names; null on a socket, where a name is what its user says. */
  readonly principal: string | null;
}

/** A bearer token, by its SHA-256 in hex: the token itself is not kept. */
export interface AccessToken {
  readonly role: Role;
  readonly name: string;
  readonly sha256: string;
}

/** Lets a question in, or throws why not. */
export type Door = (incoming: IncomingMessage) => Caller;

/** Whoever can open a socket has its role: the file's permissions are the check. */
export function socketDoor(role: "agent" | "reviewer"): Door {
  const caller = { role, principal: null };
  return () => caller;
}

/**
 * For TCP, where everybody on the machine, and every page in a browser, can knock. `hosts` are the names under which
 * this server may be addressed (a page whose name was pointed here after it was loaded sends its own). Gives
 * host_refused, origin_refused, unauthenticated.
 */
export function tokenDoor({
  tokens,
  hosts,
}: {
  readonly tokens: readonly AccessToken[];
  readonly hosts: ReadonlySet<string>;
}): Door {
  const known = tokens.map(({ role, name, sha256 }) => ({
    caller: { role, principal: name },
    hash: Buffer.from(sha256, "hex"),
  }));
  return (incoming) => {
    keepPagesOut(incoming, hosts);
    const token = bearer(incoming.headers.authorization);
    if (token === null) throw new Fault("unauthenticated");
    const hash = createHash("sha256").update(token, "utf8").digest();
    // Every one is compared, and each in the same time, so that nothing can be learnt from how long it takes.
    let found: Caller | null = null;
    for (const one of known) if (timingSafeEqual(one.hash, hash)) found = one.caller;
    if (found === null) throw new Fault("unauthenticated");
    return found;
  };
}

/**
 * A page in a browser reaches every port of its machine. Its name gives it away, also where that was pointed here after
 * it was loaded, or what the browser says of where it comes from. Gives host_refused, origin_refused.
 */
export function keepPagesOut(incoming: IncomingMessage, hosts: ReadonlySet<string>): void {
  if (!hosts.has(hostOf(incoming))) throw new Fault("host_refused");
  const { origin, "sec-fetch-site": site } = incoming.headers;
  if (origin !== undefined || (site !== undefined && site !== "none")) throw new Fault("origin_refused");
}

/** Under which name the server is addressed; empty where that is said twice, or in the request's target as well. */
function hostOf({ headersDistinct, url }: IncomingMessage): string {
  const [host = "", ...more] = headersDistinct.host ?? [];
  return more.length === 0 && url?.startsWith("/") ? host.toLowerCase() : "";
}

export function bearer(header: string | undefined): string | null {
  return /^Bearer ([\w.~+/=-]{1,4000})$/i.exec(header ?? "")?.[1] ?? null;
}

/** Gives not_allowed. */
export function demand({ role, principal }: Caller, right: Right): void {
  const rights: readonly Right[] = RIGHTS[role];
  if (rights.includes(right)) return;
  if (role === "agent") throw new Fault("not_allowed");
  const who = Object.entries(RIGHTS).flatMap(([one, has]) =>
    (has as readonly Right[]).includes(right) ? [one] : [],
  );
  const way = principal === null ? "This is the reviewers' socket" : `This token's role is ${role}`;
  const hint = `Use ${principal === null ? "the agents' socket" : `a token with the role ${who.join(" or ")}`}.`;
  throw new Fault("not_allowed", `${way}, and only ${who.join(" and ")} may do this.`, hint);
}

/** The name under which something is recorded: what the token proves, or where nothing is proved what is said. */
export function nameOf({ principal }: Caller, given: string | null): string | null {
  if (principal === null || given === null || given === principal) return principal ?? given;
  throw new Fault(
    "not_allowed",
    `The token names ${principal}, so nothing can be asked here in another name.`,
    "Leave the name out, or use the token of the one who is named.",
  );
}
