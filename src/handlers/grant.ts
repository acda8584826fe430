import { randomUUID } from "node:crypto";
import { SignJWT } from "jose/jwt/sign";
import { jwtVerify } from "jose/jwt/verify";
import { type Refusal, refusal } from "../core/codes.ts";
import type { RequestId } from "../core/request.ts";
import { openGrantKey, type PublicGrantKey } from "./grant-key.ts";

/**
 * A grant is a signed JWT (RFC 7519) that says: this digest was approved, by these, until then. It is worth one
 * execution, which the ledger's start record ensures; the signature alone would let it be shown twice.
 */
interface GrantClaims {
  readonly iss: "countersign";
  /** The request's id. */
  readonly sub: RequestId;
  readonly digest: string;
  readonly action_digest: string;
  readonly kind: string;
  readonly approved_by: readonly string[];
  /** Set where nobody was asked only because the kind of action is in shadow. */
  readonly shadow?: true;
  /** Seconds since 1970, like `exp`. The grant is void at `exp`, not after it. */
  readonly iat: number;
  readonly exp: number;
  readonly jti: string;
  /**
   * Set once the approval is consumed. A grant from before may have been taken back, superseded or never used since, and
   * then nothing says so; this one stands for the one execution that is on the record.
   */
  readonly started?: true;
}

interface GrantInput {
  readonly id: RequestId;
  readonly digest: string;
  readonly action_digest: string;
  readonly kind: string;
  readonly approved_by: readonly string[];
  readonly started: boolean;
  /** Whether nobody was asked only because the kind of action is in shadow. */
  readonly shadow: boolean;
  /** ISO 8601. The grant counts whole seconds and never outlives this, so it may run out up to a second sooner. */
  readonly expires: string;
}

/** What the grant has to be for; what is left out may be anything. */
export interface GrantExpectation {
  readonly id?: RequestId;
  readonly digest?: string;
  readonly action_digest?: string;
  /** Whether it must be from behind the claim. */
  readonly started?: true;
  /** Whether one will do for which nobody was asked because the kind is in shadow; otherwise it is refused. */
  readonly shadow?: boolean;
  /** Milliseconds since 1970. */
  readonly now: number;
}

export type GrantVerdict =
  | { readonly ok: true; readonly claims: GrantClaims }
  /** Gives grant_invalid, grant_expired, grant_shadow. */
  | { readonly ok: false; readonly refusal: Refusal };

export interface GrantKeys {
  /** All that is needed to verify grants, here and elsewhere. */
  readonly publicKey: PublicGrantKey;
  issue(input: GrantInput): Promise<string>;
  verify(grant: string, expected: GrantExpectation): Promise<GrantVerdict>;
}

const ISSUER = "countersign";
/** A type of its own, so that no other JWT signed with the same key could pass for a grant (RFC 8725, 3.11). */
const TYPE = "countersign-grant+jwt";
const ALGORITHM = "EdDSA";

/**
 * Loads the key from the state directory, or makes it. `now` is in milliseconds since 1970.
 * Rejects with `state_unsafe` when the key is open to others, belongs to somebody else or is damaged.
 */
export async function openGrantKeys(directory: string, now: () => number = Date.now): Promise<GrantKeys> {
  const { privateKey, publicKey } = await openGrantKey(directory);

  async function issue(input: GrantInput): Promise<string> {
    const { id, digest, action_digest, kind, approved_by, shadow, started, expires } = input;
    const claims = { digest, action_digest, kind, approved_by: [...approved_by] };
    return new SignJWT({ ...claims, ...(shadow && { shadow }), ...(started && { started: true }) })
      .setProtectedHeader({ alg: ALGORITHM, typ: TYPE })
      .setIssuer(ISSUER)
      .setSubject(id)
      .setIssuedAt(seconds(now()))
      .setExpirationTime(seconds(Date.parse(expires)))
      .setJti(randomUUID())
      .sign(privateKey);
  }

  return { publicKey, issue, verify: (grant, expected) => verifyGrant(grant, publicKey, expected) };
}

/** Whether a grant is genuine, about what is expected, and not run out. Needs the public key only. Never rejects. */
export async function verifyGrant(
  grant: string,
  publicKey: PublicGrantKey,
  expected: GrantExpectation,
): Promise<GrantVerdict> {
  if (!isCanonical(grant)) return refused("The grant is not a complete, unaltered one.");
  const claims = await signedClaims(grant, publicKey);
  if (claims === null) return refused("The grant was not signed here, or has been altered.");
  const { id, digest, action_digest, started, shadow = false, now } = expected;
  if (id !== undefined && id !== claims.sub) return refused("The grant is for another request.");
  if (digest !== undefined && digest !== claims.digest) return refused("The grant is for another digest.");
  if (action_digest !== undefined && action_digest !== claims.action_digest) {
    return refused("The grant is for another action.");
  }
  if (started && claims.started !== true) return refused("The grant was not claimed.");
  // Said this way round, a clock that is no number refuses too.
  if (!(now < claims.exp * 1_000)) return { ok: false, refusal: refusal("grant_expired") };
  // A tool that wants an approval must not be fooled by a switch that its operator has forgotten.
  if (claims.shadow !== undefined && !shadow) return { ok: false, refusal: refusal("grant_shadow") };
  return { ok: true, claims };
}

function refused(message: string): GrantVerdict {
  return { ok: false, refusal: refusal("grant_invalid", message) };
}

/**
 * Whether each part is the one spelling that base64url has for its bytes. The signature covers the spelling of the
 * other parts, but not its own: without this, bits of its last character could be changed unnoticed.
 */
function isCanonical(grant: string): boolean {
  const parts = grant.split(".");
  return parts.length === 3 && parts.every((part) => part === recoded(part));
}

function recoded(part: string): string {
  return Buffer.from(part, "base64url").toString("base64url");
}

/** What is signed; null unless our key, algorithm, type and issuer are on it. Expiry is judged by the caller. */
async function signedClaims(grant: string, publicKey: PublicGrantKey): Promise<GrantClaims | null> {
  try {
    const { payload } = await jwtVerify(grant, publicKey, {
      algorithms: [ALGORITHM],
      typ: TYPE,
      issuer: ISSUER,
      requiredClaims: ["sub", "iat", "exp", "jti"],
      currentDate: new Date(0),
    });
    return isGrantClaims(payload) ? payload : null;
  } catch {
    return null; // every way of not verifying is the same refusal, a malformed text included
  }
}

function isGrantClaims(payload: object): payload is GrantClaims {
  const claims: { readonly [name in keyof GrantClaims]?: unknown } = payload;
  const { sub, digest, action_digest, kind, jti, iat, exp, approved_by, shadow } = claims;
  return (
    [sub, digest, action_digest, kind, jti].every((claim) => typeof claim === "string") &&
    [iat, exp].every((claim) => Number.isSafeInteger(claim)) &&
    Array.isArray(approved_by) &&
    approved_by.every((name) => typeof name === "string") &&
    (shadow === undefined || shadow === true)
  );
}

function seconds(milliseconds: number): number {
  return Math.floor(milliseconds / 1_000);
}
