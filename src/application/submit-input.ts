import { Fault } from "../core/codes.ts";
import type { JsonObject } from "../core/json.ts";
import { NAME, UNNAMED } from "../core/people.ts";
import type { RequestId } from "../core/request.ts";

/** What is asked for, as a surface gives it. */
export interface SubmitInput {
  readonly kind: string;
  readonly params: JsonObject;
  readonly title?: string;
  readonly requester?: string;
  readonly on_behalf_of?: string;
  readonly key?: string;
  /** How long the request may wait for a decision, in milliseconds from now. */
  readonly expires_in_ms?: number;
  /** The requester's own finished request that this one tries again. */
  readonly previous?: RequestId;
  /**
   * SHA-256 (hex) of the token that the requester will claim a `caller` action with; without it, one is made. Who brings
   * its own can ask again when the answer is lost, and is known again.
   */
  readonly token_sha256?: string;
  /** When the action may start at the earliest, in ms since the epoch. */
  readonly not_before?: number;
  /** The foreign note that this was made from; surfaces have none. */
  readonly adopted?: { readonly name: string; readonly bytes: Uint8Array };
}

const KEY_LIMIT = 200;
const TITLE_LIMIT = 500;
const MIN_EXPIRES_MS = 1_000;
const MAX_EXPIRES_MS = 366 * 86_400_000;

/** Gives invalid_request; whether the kind and its params are known is not looked at. */
export function checkInput(
  { requester, on_behalf_of, key, title, expires_in_ms, not_before, token_sha256 }: SubmitInput,
  now: number,
): void {
  for (const [field, name] of [
    ["requester", requester],
    ["on_behalf_of", on_behalf_of],
  ] as const) {
    // What nobody's answer is recorded under cannot be told from who asks.
    const isNobody = name?.toLowerCase() === UNNAMED;
    if (name !== undefined && (!NAME.test(name) || isNobody)) {
      const hint = "Names have up to 64 letters, digits and . _ @ + -, such as billing-agent.";
      throw new Fault("invalid_request", `${field} is not a name.`, hint);
    }
  }
  if (key !== undefined && (key === "" || key.length > KEY_LIMIT)) {
    throw new Fault("invalid_request", `key must have 1 to ${KEY_LIMIT} characters.`);
  }
  if (token_sha256 !== undefined && !/^[0-9a-f]{64}$/.test(token_sha256)) {
    throw new Fault("invalid_request", "token_sha256 must be the SHA-256 of a token, in 64 hex digits.");
  }
  if (title !== undefined && (title.trim() === "" || title.length > TITLE_LIMIT)) {
    throw new Fault("invalid_request", `title must have 1 to ${TITLE_LIMIT} characters.`);
  }
  if (expires_in_ms !== undefined && !(expires_in_ms >= MIN_EXPIRES_MS && expires_in_ms <= MAX_EXPIRES_MS)) {
    throw new Fault("invalid_request", "expires must be between 1 second and 366 days from now.");
  }
  if (not_before !== undefined && !(not_before <= now + MAX_EXPIRES_MS)) {
    throw new Fault("invalid_request", "not_before must be a time within 366 days from now.");
  }
}
