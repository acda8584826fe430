import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

/** What only the requester of a `caller` action has; the daemon keeps its hash alone. */
export interface RequesterToken {
  /** 32 random bytes in base64url. */
  readonly token: string;
  /** SHA-256 of the token's text, in hex. */
  readonly sha256: string;
}

export function createToken(): RequesterToken {
  const token = randomBytes(32).toString("base64url");
  return { token, sha256: digestOf(token).toString("hex") };
}

/** Takes as long for a token that is nearly right as for one that is not. */
export function tokenMatches(token: string, sha256: string): boolean {
  const expected = Buffer.from(sha256, "hex");
  return expected.length === 32 && timingSafeEqual(digestOf(token), expected);
}

function digestOf(token: string): Buffer {
  return createHash("sha256").update(token, "utf8").digest();
}
