/**
 * What `import … from "countersign"` gives: everything that an agent, a script or a tool needs to ask for approval. It
 * runs on Node.js 20 and newer, and loads nothing of the daemon's.
 */
import { userInfo } from "node:os";
import { Fault } from "./core/codes.ts";
import type { JsonObject, JsonShape } from "./core/json.ts";
import { type Place, sendable } from "./surfaces/client/connection.ts";
import { type Countersign, createCountersign } from "./surfaces/sdk/countersign.ts";
import { createLink } from "./surfaces/sdk/link.ts";
import {
  calledAction,
  grantIn,
  type ToolCallExpected,
  type ToolCallGiven,
  takeOnce,
} from "./surfaces/sdk/tool-call-grant.ts";

/** Whatever cannot be asked or done: `code` says what, `message` in a sentence, `hint` what to do about it. */
export { Fault as CountersignError } from "./core/codes.ts";
export type { EventType } from "./core/event.ts";
export type { EventView as AuditEvent } from "./core/event-view.ts";
export type { Json, JsonObject } from "./core/json.ts";
export type { Status } from "./core/request.ts";
export type { SwitchRecord as AuditSwitch } from "./core/switch.ts";
export type { RequestView as Request } from "./core/view.ts";
export type { Act, Approved } from "./surfaces/sdk/carrying-out.ts";
export type { Action, Asked, AuditFilter, Countersign, WaitingOptions } from "./surfaces/sdk/countersign.ts";
export type { GuardOptions } from "./surfaces/sdk/guard.ts";
export {
  CancelledError,
  ChangesRequestedError,
  DeniedError,
  DoubtfulError,
  ExpiredError,
  FailedError,
  NotDoneError,
  OutcomeUnknownError,
  RejectedError,
} from "./surfaces/sdk/outcomes.ts";
export type { ToolCallExpected, ToolCallGiven } from "./surfaces/sdk/tool-call-grant.ts";
export { NotApprovedError } from "./surfaces/sdk/tool-calls.ts";
export type { Feedback, WorkflowOptions, WorkflowResult } from "./surfaces/sdk/workflow.ts";

export interface ConnectOptions {
  /** The vault whose daemon is asked, on its agents' socket (default: $COUNTERSIGN_VAULT, or the one around here). */
  readonly vault?: string;
  /** The state directory, where the daemon was started with another one than the vault's own. */
  readonly state?: string;
  /** The agents' socket itself. */
  readonly socket?: string;
  /** The daemon's address, where it serves TCP; with `token`. */
  readonly url?: string;
  readonly token?: string;
  /** Who asks (default: this user; over TCP whom the token names). */
  readonly requester?: string;
  /**
   * How long the daemon may be away, while it restarts, before a question is given up (default: 30,000). Waits wait for as
   * long as they say.
   */
  readonly patience_ms?: number;
}

const PATIENCE_MS = 30_000;

/** Finds the daemon and makes sure that it answers. Rejects with unreachable, vault_missing, unauthenticated, usage. */
export async function connect(options: ConnectOptions = {}): Promise<Countersign> {
  const place = await placeOf(options);
  const link = createLink(place, options.patience_ms ?? PATIENCE_MS);
  await link.ask({ method: "GET", path: "/v1/health" });
  return createCountersign(link, options.requester ?? ("url" in place ? null : userInfo().username));
}

async function placeOf({ url, token, socket, vault, state }: ConnectOptions): Promise<Place> {
  if (url !== undefined) {
    if (token === undefined || !URL.canParse(url)) {
      throw new Fault(
        "usage",
        "An address needs to be a URL, with a token.",
        'For example: "http://127.0.0.1:8787".',
      );
    }
    // As files have it, with the line's end.
    return { url: new URL(url), token: sendable(token.trim()) };
  }
  if (socket !== undefined) return { socket };
  const { locate } = await import("./adapters/locations.ts");
  const named = { ...(vault !== undefined && { vault }), ...(state !== undefined && { state }) };
  return { socket: locate(named, process.env, process.cwd()).sockets.agent };
}

/** What a grant must be for. It must have been claimed. */
export type GrantFor<Params extends JsonShape<Params> = JsonObject> = (
  | { readonly digest: string }
  | { readonly action: { readonly kind: string; readonly params: Params } }
) & {
  readonly id?: string;
  /**
   * Also takes grants for which nobody was asked only because the operator has put the kind of action in shadow, to try
   * the rules.
   */
  readonly shadow?: boolean;
};

export interface GrantClaims {
  /** The request's id. */
  readonly sub: string;
  readonly kind: string;
  /** The request's digest: `sha256:` and hex. */
  readonly digest: string;
  /** The same of its kind and params alone. */
  readonly action_digest: string;
  /** Empty where the policy allowed it. */
  readonly approved_by: readonly string[];
  /** Set where nobody was asked only because the kind of action is in shadow. */
  readonly shadow?: true;
  /** Seconds since 1970. */
  readonly iat: number;
  readonly exp: number;
  /** Of this grant alone. */
  readonly jti: string;
}

/**
 * For the tool that acts: whether this very action was approved and its one execution begun, by the daemon's public key
 * (`grantKey()`) alone. Rejects with grant_invalid, grant_expired or grant_shadow, and then the tool must not act. Who
 * claimed it can have several grants of the one request: to act on it once, remember the request's id (`sub`) until `exp`.
 */
export async function verifyGrant<Params extends JsonShape<Params> = JsonObject>(
  grant: string,
  key: JsonObject,
  expected: GrantFor<Params>,
): Promise<GrantClaims> {
  // What comes from outside may be anything, types or not.
  if (typeof grant !== "string") throw new Fault("grant_invalid", "There is no grant.");
  const { verifyGrant: verify } = await import("./handlers/grant.ts");
  const { actionDigest } = await import("./document/digest.ts");
  const bound: { digest?: string; action_digest?: string } =
    "action" in expected
      ? {
          action_digest: digestOrRefuse(() =>
            actionDigest(expected.action.kind, expected.action.params as JsonObject),
          ),
        }
      : { digest: expected.digest };
  // A grant for anything at all would be a grant for everything.
  if (typeof (bound.digest ?? bound.action_digest) !== "string") {
    throw new Fault("usage", "A grant is checked against a digest or an action.");
  }
  const { id, shadow = false } = expected;
  const verdict = await verify(grant, key as Parameters<typeof verify>[1], {
    ...bound,
    ...(id !== undefined && { id }),
    started: true,
    shadow,
    now: Date.now(),
  });
  if (verdict.ok) return { ...verdict.claims };
  const { code, message, hint } = verdict.refusal;
  throw new Fault(code, message, hint);
}

/** What has no one form, such as a number beyond all limits, nobody can have approved. */
function digestOrRefuse(digest: () => string): string {
  try {
    return digest();
  } catch (cause) {
    throw new Fault("grant_invalid", "No grant can be for params like these.", undefined, { cause });
  }
}

/**
 * For the author of an MCP server, or of a proxy in front of one: whether this very call came through a gateway after it was
 * approved, by the daemon's public key alone. `call` is what `tools/call` was given, as it was sent. Each grant is taken once:
 * by this process, or as far as `seen` remembers. Rejects with grant_invalid, grant_expired, grant_shadow or grant_used, and
 * then the tool must not act.
 */
export async function verifyToolCall(
  call: ToolCallGiven,
  key: JsonObject,
  expected: ToolCallExpected,
): Promise<GrantClaims> {
  const { shadow = false } = expected;
  const claims = await verifyGrant(grantIn(call), key, { action: calledAction(call, expected), shadow });
  await takeOnce(claims, expected.seen);
  return claims;
}
