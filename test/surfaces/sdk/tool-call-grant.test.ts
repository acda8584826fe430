import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { JsonObject } from "../../../src/core/json.ts";
import { actionDigest } from "../../../src/document/digest.ts";
import { type GrantKeys, openGrantKeys } from "../../../src/handlers/grant.ts";
import { type ToolCallExpected, verifyToolCall } from "../../../src/sdk.ts";

const INPUT = { payee: "ACME", cents: 150_000 };
const PLAIN = { read_only: false, destructive: true, idempotent: false, open_world: true };
const EXPECTED: ToolCallExpected = { server: "bank" };

let directory: string;
let keys: GrantKeys;
let count = 0;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "tool-call-grant-"));
  keys = await openGrantKeys(directory);
});
afterAll(() => rmSync(directory, { recursive: true }));

interface Asked {
  readonly kind?: string;
  readonly params?: JsonObject;
  readonly started?: boolean;
  readonly shadow?: boolean;
  readonly life_ms?: number;
  readonly id?: string;
}

/** As the daemon gives it for a call that a person approved. */
function grantFor({
  kind = "mcp_tool",
  params = {},
  started = true,
  shadow = false,
  life_ms = 60_000,
  id,
}: Asked = {}) {
  count += 1;
  const asked = { server: "bank", tool: "pay", input: INPUT, hints: PLAIN, ...params };
  return keys.issue({
    id: id ?? `20261121-091403-mcp-tool-${count}`,
    digest: "sha256:00",
    action_digest: actionDigest(kind, asked),
    kind,
    approved_by: ["anna"],
    started,
    shadow,
    expires: new Date(Date.now() + life_ms).toISOString(),
  });
}

const call = (grant: unknown, more: object = {}) => ({
  name: "pay",
  arguments: INPUT as Record<string, unknown>,
  _meta: { progressToken: 1, "countersign/grant": grant },
  ...more,
});

async function codeOf(given: Parameters<typeof verifyToolCall>[0], expected = EXPECTED): Promise<string> {
  try {
    await verifyToolCall(given, keys.publicKey, expected);
    return "ok";
  } catch (error) {
    return (error as { code?: string }).code ?? "no code";
  }
}

describe("a call with its grant", () => {
  test("is taken, and says who approved it", async () => {
    const claims = await verifyToolCall(call(await grantFor()), keys.publicKey, EXPECTED);
    expect(claims).toMatchObject({ kind: "mcp_tool", approved_by: ["anna"] });
  });

  test("may have its arguments in any order", async () => {
    const turned = { cents: 150_000, payee: "ACME" };
    expect(await codeOf(call(await grantFor(), { arguments: turned }))).toBe("ok");
  });

  test("without arguments is one with none", async () => {
    const grant = await grantFor({ params: { input: {} } });
    expect(await codeOf(call(grant, { arguments: undefined }))).toBe("ok");
  });

  test("is held to what the server says of the tool", async () => {
    const hints = { read_only: true, destructive: false, idempotent: true, open_world: false };
    const annotations = {
      readOnlyHint: true,
      destructiveHint: false,
      idempotentHint: true,
      openWorldHint: false,
    };
    const grant = await grantFor({ params: { hints } });
    expect(await codeOf(call(grant), { ...EXPECTED, annotations })).toBe("ok");
    for (const name of Object.keys(annotations) as (keyof typeof annotations)[]) {
      const other = { ...annotations, [name]: !annotations[name] };
      expect(await codeOf(call(grant), { ...EXPECTED, annotations: other })).toBe("grant_invalid");
    }
  });
});

describe("a call is refused", () => {
  test("for which nobody was asked, because its kind is in shadow, unless the server takes such", async () => {
    const grant = await grantFor({ shadow: true });
    expect(await codeOf(call(grant))).toBe("grant_shadow");
    expect(await codeOf(call(grant), { ...EXPECTED, shadow: true } as typeof EXPECTED)).toBe("ok");
  });

  test.each<[string, Asked]>([
    ["for other arguments", { params: { input: { ...INPUT, cents: 150_001 } } }],
    ["for more arguments", { params: { input: { ...INPUT, now: true } } }],
    ["for another tool", { params: { tool: "pay_all" } }],
    ["for another server", { params: { server: "bank-test" } }],
    ["for another kind of action", { kind: "tool" }],
    ["for a tool that would only read", { params: { hints: { ...PLAIN, read_only: true } } }],
    ["for a tool that would destroy nothing", { params: { hints: { ...PLAIN, destructive: false } } }],
    ["for something beside it", { params: { cwd: "/srv" } }],
    ["that was not claimed", { started: false }],
  ])("with a grant %s", async (_name, asked) => {
    expect(await codeOf(call(await grantFor(asked)))).toBe("grant_invalid");
  });

  test("by a server of another name", async () => {
    expect(await codeOf(call(await grantFor()), { server: "bank-test" })).toBe("grant_invalid");
  });

  test("with one that has run out", async () => {
    expect(await codeOf(call(await grantFor({ life_ms: -1_000 })))).toBe("grant_expired");
  });

  test.each([undefined, null, 1, {}, ["a"], "", "a.b.c", "eyJhbGciOiJub25lIn0.e30."])(
    "with %j for a grant",
    async (grant) => {
      expect(await codeOf(call(grant))).toBe("grant_invalid");
    },
  );

  test("without what goes with a call", async () => {
    expect(await codeOf({ name: "pay", arguments: INPUT })).toBe("grant_invalid");
  });

  test("with one that another daemon signed", async () => {
    const elsewhere = mkdtempSync(join(tmpdir(), "tool-call-grant-"));
    const other = await openGrantKeys(elsewhere);
    rmSync(elsewhere, { recursive: true });
    const given = verifyToolCall(call(await grantFor()), other.publicKey, EXPECTED);
    await expect(given).rejects.toMatchObject({ code: "grant_invalid" });
  });

  test("with arguments that have no one form", async () => {
    for (const odd of [{ cents: Number.POSITIVE_INFINITY }, { payee: "\ud800" }]) {
      expect(await codeOf(call(await grantFor(), { arguments: odd }))).toBe("grant_invalid");
    }
  });
});

test("only the arguments that were approved are taken", async () => {
  const argument = fc.dictionary(fc.string(), fc.jsonValue() as fc.Arbitrary<JsonObject>, { maxKeys: 4 });
  await fc.assert(
    fc.asyncProperty(argument, argument, async (approved, given) => {
      const digest = (input: object) => actionDigest("x", input as JsonObject);
      const sent = JSON.parse(JSON.stringify(given)) as JsonObject;
      const grant = await grantFor({ params: { input: approved as JsonObject } });
      const same = digest(approved) === digest(sent);
      expect(await codeOf(call(grant, { arguments: sent }))).toBe(same ? "ok" : "grant_invalid");
      expect(await codeOf(call(grant, { arguments: approved }))).toBe(same ? "grant_used" : "ok");
    }),
    { numRuns: 200 },
  );
});

describe("a request is used once", () => {
  test("also by two at the same moment", async () => {
    const grant = await grantFor();
    const codes = await Promise.all([1, 2, 3].map(() => codeOf(call(grant))));
    expect(codes.sort()).toEqual(["grant_used", "grant_used", "ok"]);
  });

  test("however many grants of it there are", async () => {
    const id = "20261121-091403-mcp-tool-many";
    expect(await codeOf(call(await grantFor({ id })))).toBe("ok");
    expect(await codeOf(call(await grantFor({ id })))).toBe("grant_used");
  });

  test("and a call that was refused has not used it", async () => {
    const grant = await grantFor();
    expect(await codeOf(call(grant, { name: "pay_all" }))).toBe("grant_invalid");
    expect(await codeOf(call(grant))).toBe("ok");
  });

  test("as a store of one's own says", async () => {
    const told: string[] = [];
    const store = new Set<string>();
    const seen = async (id: string, until: Date) => {
      told.push(`${id} ${until.getTime() > Date.now()}`);
      return store.size === store.add(id).size;
    };
    const id = "20261121-091403-mcp-tool-store";
    const grant = await grantFor({ id });
    expect(await codeOf(call(grant), { ...EXPECTED, seen })).toBe("ok");
    expect(await codeOf(call(grant), { ...EXPECTED, seen })).toBe("grant_used");
    expect(told).toEqual([`${id} true`, `${id} true`]);
  });

  test("and a store that is broken, or says nothing, lets nobody in", async () => {
    const grant = await grantFor();
    const broken = () => Promise.reject(new Error("no connection"));
    await expect(
      verifyToolCall(call(grant), keys.publicKey, { ...EXPECTED, seen: broken }),
    ).rejects.toThrow();
    const silent = (() => undefined) as unknown as () => boolean;
    expect(await codeOf(call(grant), { ...EXPECTED, seen: silent })).toBe("grant_used");
  });
});
