import { createHmac, createPrivateKey, generateKeyPairSync, sign } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type GrantKeys, openGrantKeys, verifyGrant } from "../../src/handlers/grant.ts";

const NOW = Date.parse("2026-11-21T09:14:03.400Z");
const INPUT = {
  id: "20261121-091403-refactor-7f3k9q",
  digest: "sha256:9b1c",
  action_digest: "sha256:77aa",
  kind: "refactor",
  approved_by: ["alice", "bob"],
  started: false,
  shadow: false,
  expires: "2026-11-21T10:14:03.900Z",
};
const EXPIRES = Date.parse("2026-11-21T10:14:03.000Z");
const { id, digest, action_digest } = INPUT;
const EXPECTED = { id, digest, action_digest, now: NOW };
const GENUINE = { alg: "EdDSA", typ: "countersign-grant+jwt" };
const BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

let directory: string;
let keys: GrantKeys;
let grant: string;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "grant-"));
  keys = await openGrantKeys(directory, () => NOW);
  grant = await keys.issue(INPUT);
});

afterAll(() => rmSync(directory, { recursive: true }));

async function codeOf(candidate: string, expected: Parameters<GrantKeys["verify"]>[1] = EXPECTED) {
  const verdict = await keys.verify(candidate, expected);
  return verdict.ok ? "ok" : verdict.refusal.code;
}

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
const claims = (): Record<string, unknown> =>
  JSON.parse(Buffer.from(grant.split(".")[1] ?? "", "base64url").toString());
const privateKey = () =>
  createPrivateKey({
    key: JSON.parse(readFileSync(join(directory, "grant-key.jwk"), "utf8")),
    format: "jwk",
  });

/** A token with a genuine signature, over whatever one likes. */
function signed(header: object, payload: object, key = privateKey()): string {
  const text = `${part(header)}.${part(payload)}`;
  return `${text}.${sign(null, Buffer.from(text), key).toString("base64url")}`;
}

describe("a grant", () => {
  test("says what was approved, by whom and until when", async () => {
    const verdict = await keys.verify(grant, EXPECTED);
    expect(verdict).toEqual({
      ok: true,
      claims: {
        iss: "countersign",
        sub: id,
        digest,
        action_digest,
        kind: "refactor",
        approved_by: ["alice", "bob"],
        iat: Math.floor(NOW / 1_000),
        exp: EXPIRES / 1_000,
        jti: expect.stringMatching(/^[0-9a-f-]{36}$/),
      },
    });
  });

  test("for which nobody was asked, because its kind is in shadow, is refused unless that is wanted", async () => {
    const shadowed = await keys.issue({ ...INPUT, approved_by: [], shadow: true });
    expect(await codeOf(shadowed)).toBe("grant_shadow");
    expect(await codeOf(shadowed, { ...EXPECTED, shadow: false })).toBe("grant_shadow");
    expect(await codeOf(shadowed, { ...EXPECTED, digest: "sha256:0", shadow: true })).toBe("grant_invalid");
    expect(await codeOf(shadowed, { ...EXPECTED, now: EXPIRES, shadow: true })).toBe("grant_expired");
    const verdict = await keys.verify(shadowed, { ...EXPECTED, shadow: true });
    expect(verdict).toMatchObject({ ok: true, claims: { shadow: true, approved_by: [] } });
    // Whatever else stands there is no word of ours.
    expect(await codeOf(signed(GENUINE, { ...claims(), shadow: false }))).toBe("grant_invalid");
  });

  test("is verified with nothing but the public key's file", async () => {
    const publicKey = JSON.parse(readFileSync(join(directory, "grant-key.public.jwk"), "utf8"));
    expect(publicKey).toEqual(keys.publicKey);
    expect(publicKey).not.toHaveProperty("d");
    expect(await verifyGrant(grant, publicKey, { now: NOW })).toMatchObject({ ok: true });
  });

  test("is another one each time", async () => {
    expect(await keys.issue(INPUT)).not.toBe(await keys.issue(INPUT));
  });

  test("still holds after the key was loaded again", async () => {
    const again = await openGrantKeys(directory);
    expect(await again.verify(grant, EXPECTED)).toMatchObject({ ok: true });
  });

  test.each([
    { id: "20261121-091403-refactor-000000" },
    { digest: "sha256:9b1d" },
    { action_digest: "sha256:77ab" },
    { id: "" },
    { digest: "" },
  ])("is refused where it is held against %j", async (other) => {
    expect(await codeOf(grant, { ...EXPECTED, ...other })).toBe("grant_invalid");
  });

  test("runs out exactly at its end, to the millisecond", async () => {
    expect(await codeOf(grant, { ...EXPECTED, now: EXPIRES - 1 })).toBe("ok");
    expect(await codeOf(grant, { ...EXPECTED, now: EXPIRES })).toBe("grant_expired");
    expect(await codeOf(grant, { ...EXPECTED, now: EXPIRES + 1 })).toBe("grant_expired");
    expect(await codeOf(grant, { ...EXPECTED, now: Number.NaN })).toBe("grant_expired");
  });
});

describe("a grant from behind the claim", () => {
  test("says so, and one from before it does not pass for it", async () => {
    const claimed = await keys.issue({ ...INPUT, started: true });
    expect(await keys.verify(claimed, EXPECTED)).toMatchObject({ ok: true, claims: { started: true } });
    expect(await codeOf(claimed, { ...EXPECTED, started: true })).toBe("ok");
    expect(await codeOf(grant, { ...EXPECTED, started: true })).toBe("grant_invalid");
    const forged = signed(GENUINE, { ...claims(), started: "true" });
    expect(await codeOf(forged, { ...EXPECTED, started: true })).toBe("grant_invalid");
  });
});

describe("a forged grant is refused", () => {
  test("with any character changed, left out or doubled", async () => {
    const survivors: string[] = [];
    for (let at = 0; at < grant.length; at += 1) {
      const [head, was = "", tail] = [grant.slice(0, at), grant[at], grant.slice(at + 1)];
      // The next character of the alphabet differs in the lowest bits, which the last character does not use.
      const near = BASE64URL[(BASE64URL.indexOf(was) + 1) % 64] ?? "";
      for (const put of [near, was === "x" ? "y" : "x", "", was + was, "=", " ", "\n", "é", "\0"]) {
        if ((await codeOf(head + put + tail)) !== "grant_invalid")
          survivors.push(`${at}: ${JSON.stringify(put)}`);
      }
    }
    expect(survivors).toEqual([]);
  });

  test("signed with another key", async () => {
    const other = generateKeyPairSync("ed25519").privateKey;
    expect(await codeOf(signed(GENUINE, claims(), other))).toBe("grant_invalid");
    expect(await codeOf(signed(GENUINE, claims()))).toBe("ok");
  });

  test("that brings its own key", async () => {
    const other = generateKeyPairSync("ed25519");
    const jwk = other.publicKey.export({ format: "jwk" });
    expect(await codeOf(signed({ ...GENUINE, jwk }, claims(), other.privateKey))).toBe("grant_invalid");
  });

  test.each(["none", "None", "HS256", "Ed25519", "ES256", "", null])("with the algorithm %j", async (alg) => {
    expect(await codeOf(signed({ ...GENUINE, alg }, claims()))).toBe("grant_invalid");
    expect(await codeOf(`${part({ ...GENUINE, alg })}.${part(claims())}.`)).toBe("grant_invalid");
  });

  test("with another algorithm of the same key, where the key names none", async () => {
    const publicKey = JSON.parse(JSON.stringify({ ...keys.publicKey, alg: undefined }));
    expect(await verifyGrant(grant, publicKey, EXPECTED)).toMatchObject({ ok: true });
    const other = signed({ ...GENUINE, alg: "Ed25519" }, claims());
    expect(await verifyGrant(other, publicKey, EXPECTED)).toMatchObject({ ok: false });
  });

  test("with the public key taken for a shared secret", async () => {
    const text = `${part({ ...GENUINE, alg: "HS256" })}.${part(claims())}`;
    const publicFile = readFileSync(join(directory, "grant-key.public.jwk"));
    for (const secret of [
      publicFile,
      Buffer.from(keys.publicKey.x, "base64url"),
      Buffer.from(keys.publicKey.x),
    ]) {
      const mac = createHmac("sha256", secret).update(text).digest("base64url");
      expect(await codeOf(`${text}.${mac}`)).toBe("grant_invalid");
    }
  });

  test.each([{ typ: "JWT" }, { typ: undefined }, { crit: ["exp"] }, { b64: false, crit: ["b64"] }])(
    "with %o in its header",
    async (header) => {
      expect(await codeOf(signed({ ...GENUINE, ...header }, claims()))).toBe("grant_invalid");
    },
  );

  test.each([
    { iss: "somebody" },
    { iss: undefined },
    { sub: undefined },
    { exp: undefined },
    { exp: "9999999999" },
    { exp: 1e300 },
    { iat: undefined },
    { jti: undefined },
    { digest: undefined },
    { digest: ["sha256:9b1c"] },
    { action_digest: undefined },
    { kind: 1 },
    { approved_by: "alice" },
    { approved_by: undefined },
  ])("with %o in its claims", async (other) => {
    expect(await codeOf(signed(GENUINE, { ...claims(), ...other }))).toBe("grant_invalid");
  });

  test.each(["", ".", "..", "...", "a.b", "a.b.c.d", "{}", "null"])("that reads %j", async (text) => {
    expect(await codeOf(text)).toBe("grant_invalid");
  });
});

test("a grant is good for exactly what it was issued for, and as long", async () => {
  const text = fc.string({ unit: "grapheme", maxLength: 20 });
  const input = fc.record({
    id: text,
    digest: text,
    action_digest: text,
    kind: text,
    approved_by: fc.array(text),
    shadow: fc.boolean(),
  });
  const lifetime = fc.integer({ min: 1_000, max: 1e9 });
  await fc.assert(
    fc.asyncProperty(
      input,
      input,
      lifetime,
      fc.integer({ min: 0, max: 2e9 }),
      async (mine, other, life, after) => {
        const expires = new Date(NOW + life).toISOString();
        const issued = await keys.issue({ ...mine, started: false, expires });
        const end = Math.floor((NOW + life) / 1_000) * 1_000;
        const now = NOW + after;
        const verdict = await keys.verify(issued, { ...mine, now });
        expect(verdict.ok).toBe(now < end);
        if (verdict.ok) {
          const { sub, shadow = false, ...rest } = verdict.claims;
          expect({ ...rest, shadow, id: sub }).toMatchObject(mine);
        }

        const same =
          mine.id === other.id && mine.digest === other.digest && mine.action_digest === other.action_digest;
        const wanted = other.shadow || !mine.shadow;
        expect((await keys.verify(issued, { ...other, now: NOW })).ok).toBe(same && wanted);
      },
    ),
    { numRuns: 200 },
  );
});

test("no text is taken for a grant, nor makes verifying throw", async () => {
  const text = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.array(fc.base64String(), { maxLength: 5 }).map((parts) => parts.join(".")),
  );
  await fc.assert(
    fc.asyncProperty(text, async (candidate) => {
      expect(await codeOf(candidate)).toBe("grant_invalid");
    }),
    { numRuns: 300 },
  );
});
