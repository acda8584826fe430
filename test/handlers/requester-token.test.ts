import fc from "fast-check";
import { expect, test } from "vitest";
import { createToken, tokenMatches } from "../../src/handlers/requester-token.ts";

test("a token is 32 random bytes, and only its hash need be kept", () => {
  const { token, sha256 } = createToken();
  expect(Buffer.from(token, "base64url")).toHaveLength(32);
  expect(token).toMatch(/^[A-Za-z0-9_-]{43}$/);
  expect(sha256).toMatch(/^[0-9a-f]{64}$/);
  expect(tokenMatches(token, sha256)).toBe(true);
  expect(createToken().token).not.toBe(token);
});

test("no other text matches", () => {
  const { token, sha256 } = createToken();
  for (let at = 0; at < token.length; at += 1) {
    const changed = token.slice(0, at) + (token[at] === "A" ? "B" : "A") + token.slice(at + 1);
    expect(tokenMatches(changed, sha256)).toBe(false);
  }
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => !tokenMatches(text, sha256)));
  for (const near of ["", `${token}=`, ` ${token}`, token.slice(1), sha256])
    expect(tokenMatches(near, sha256)).toBe(false);
});

test("a hash that is none matches nothing", () => {
  const { token, sha256 } = createToken();
  for (const none of ["", "null", sha256.slice(2), `${sha256}00`, "z".repeat(64)]) {
    expect(tokenMatches(token, none)).toBe(false);
  }
});
