import { createHash } from "node:crypto";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type GatewayWanted, loadGateway } from "../../../src/adapters/configuration/gateway.ts";
import { loadConfiguration } from "../../../src/adapters/configuration/load.ts";

const CLAUDE = "c".repeat(64);
const ENV = { PATH: process.env.PATH, HOME: "/home/anna", CRM_TOKEN: "crm-secret", SSH_AUTH_SOCK: "/s" };
const SHA256 = createHash("sha256").update(CLAUDE).digest("hex");

let directory: string;
let file: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "cs-gateway-config-"));
  file = join(directory, "countersign.yaml");
  writeFileSync(join(directory, "claude.token"), `${CLAUDE}\n`, { mode: 0o600 });
  writeFileSync(join(directory, "server.mjs"), "");
});
afterEach(() => rmSync(directory, { recursive: true }));

function write(gateway: string): void {
  const text = `actions: { mcp_tool: { caller: true } }\ngateway:\n${gateway.replace(/^/gm, "  ")}\n`;
  writeFileSync(file, text, { mode: 0o600 });
}

const load = (wanted: Partial<GatewayWanted> = {}, env: Record<string, string | undefined> = ENV) =>
  loadGateway(file, env, { names: [], http: false, ...wanted });

const WHOLE = `listen: "127.0.0.1:8789"
tokens: [{ name: claude, file: ./claude.token }]
upstreams:
  files: { command: [node, ./server.mjs, /srv/files], env: { MODE: read, CRM_TOKEN: null } }
  crm: { url: "https://crm.example.com/mcp", token: { env: CRM_TOKEN } }`;

describe("gateway", () => {
  test("has every upstream with what it needs, and tokens by their hashes", async () => {
    write(WHOLE);
    expect(await load({ http: true })).toEqual({
      upstreams: [
        {
          name: "files",
          by: "command",
          argv: [expect.stringMatching(/^\/.*node$/), join(directory, "server.mjs"), "/srv/files"],
          env: { MODE: "read", CRM_TOKEN: "crm-secret" },
          cwd: directory,
        },
        {
          name: "crm",
          by: "url",
          url: "https://crm.example.com/mcp",
          token: "crm-secret",
          allow_private: false,
        },
      ],
      http: { host: "127.0.0.1", port: 8789, hosts: [], tokens: [{ name: "claude", sha256: SHA256 }] },
      warnings: [],
    });
  });

  test("that is not for all needs the secrets of what it is for alone", async () => {
    write(WHOLE);
    rmSync(join(directory, "claude.token"));
    const { upstreams, http } = await load({ names: ["crm"] }, { CRM_TOKEN: "t" });
    expect([upstreams.map(({ name }) => name), http]).toEqual([["crm"], null]);
  });

  test("is no matter of the daemon's, which has none of its secrets", async () => {
    write(WHOLE);
    rmSync(join(directory, "claude.token"));
    rmSync(join(directory, "server.mjs"));
    expect((await loadConfiguration(file, {})).warnings).toEqual([]);
  });

  test("needs nothing of the daemon's either", async () => {
    write(WHOLE);
    const http = 'http: { listen: "127.0.0.1:1", tokens: [{ role: agent, name: a, env: NOT_HERE }] }';
    writeFileSync(file, `${http}\nactions: {}\ngateway:\n${WHOLE.replace(/^/gm, "  ")}\n`, { mode: 0o600 });
    expect((await load()).upstreams).toHaveLength(2);
  });

  test("that is reached from other machines warns", async () => {
    write(WHOLE.replace("127.0.0.1", "0.0.0.0"));
    expect((await load({ http: true })).warnings).toEqual([
      expect.stringMatching(/^gateway\.listen 0\.0\.0\.0/),
    ]);
    expect((await load()).warnings).toEqual([]);
  });
});

describe("what is missing stops the start", () => {
  test.each([
    [
      "a variable with a token",
      { ...ENV, CRM_TOKEN: undefined },
      /:7: gateway\.upstreams\.crm\.token is in no/,
    ],
    ["an empty one", { ...ENV, CRM_TOKEN: "" }, /no variable CRM_TOKEN/],
    [
      "a program",
      { ...ENV, PATH: "/nowhere" },
      /:6: gateway\.upstreams\.files: the program node is not in PATH/,
    ],
  ])("%s", async (_name, env, expected) => {
    write(WHOLE.replace(", env: { MODE: read, CRM_TOKEN: null }", ""));
    await expect(load({}, env)).rejects.toMatchObject({
      code: "config_invalid",
      message: expect.stringMatching(expected),
    });
  });

  test("a variable that is passed on", async () => {
    write(WHOLE);
    await expect(load({ names: ["files"] }, { PATH: ENV.PATH })).rejects.toThrow(/no CRM_TOKEN to pass on/);
  });

  test.each(["./claude.token", "./gone.token"])(
    "a token in the file %s, which others can read or which is not there",
    async (name) => {
      chmodSync(join(directory, "claude.token"), 0o644);
      write(`upstreams:\n  crm: { url: "https://crm.example.com/mcp", token: { file: ${name} } }`);
      const expected =
        name === "./claude.token" ? /:4: .*others can read.*chmod 600/ : /:4: .*cannot be read/;
      await expect(load()).rejects.toMatchObject({
        code: "config_invalid",
        message: expect.stringMatching(expected),
      });
    },
  );

  test("an agent's token in a file that others can read", async () => {
    write(WHOLE);
    chmodSync(join(directory, "claude.token"), 0o640);
    await expect(load({ http: true })).rejects.toThrow(/:4: the token of claude .*others can read/);
    expect((await load()).http).toBeNull();
  });

  test("an address, where HTTP is wanted", async () => {
    write('upstreams: { crm: { url: "https://crm.example.com/mcp" } }');
    await expect(load({ http: true })).rejects.toThrow(/:2: gateway has no address/);
  });

  test("an upstream that is not there", async () => {
    write(WHOLE);
    await expect(load({ names: ["crm", "mail"] })).rejects.toMatchObject({
      code: "usage",
      hint: "There are files, crm; a command goes after --.",
    });
  });

  test("the whole section", async () => {
    writeFileSync(file, "actions: {}\n", { mode: 0o600 });
    await expect(load()).rejects.toMatchObject({ code: "config_invalid" });
  });

  test("an encrypted way, where the address is a variable's", async () => {
    write("upstreams:\n  crm: { url: { env: CRM_URL } }");
    await expect(load({}, { CRM_URL: "http://crm.example.com/mcp" })).rejects.toThrow(/not encrypted/);
  });
});

describe("what is wrong is wrong for the daemon too, by line", () => {
  test.each([
    ["no upstream", "upstreams: {}", /:3: /],
    [
      "a strange key",
      "upstreams: { a: { command: [x], url: 'https://a' }, }\nport: 1",
      /:4: gateway\.port is not known/,
    ],
    [
      "two ways to one",
      "upstreams:\n  a: { command: [x], url: 'https://a.example' }",
      /:4: gateway\.upstreams\.a has both/,
    ],
    ["no way to one", "upstreams:\n  a: {}", /:4: gateway\.upstreams\.a says not where it is/],
    [
      "a name that could be another's",
      "upstreams: { a__b: { command: [x] } }",
      /the name .*a__b is not taken/,
    ],
    [
      "a name that tools could not be called by",
      "upstreams: { A/b: { command: [x] } }",
      /the name .*A\/b is not taken/,
    ],
    [
      "a secret that stands in the file",
      "upstreams:\n  a: { url: 'https://a.example', token: hunter22 }",
      /:4: .*stands in the file/,
    ],
    ["a plain URL", "upstreams:\n  a: { url: 'http://a.example' }", /:4: .*not encrypted/],
    [
      "an address without tokens",
      'listen: "127.0.0.1:1"\nupstreams: { a: { command: [x] } }',
      /:3: .*listen without tokens/,
    ],
    [
      "tokens without an address",
      "tokens: [{ name: a, env: A }]\nupstreams: { a: { command: [x] } }",
      /:3: .*tokens without listen/,
    ],
    [
      "a token in two places",
      `listen: "127.0.0.1:1"\ntokens: [{ name: a, env: A, file: b }]\nupstreams: { a: { command: [x] } }`,
      /:4: the token of a has not exactly one place/,
    ],
    [
      "a token with a role",
      `listen: "127.0.0.1:1"\ntokens: [{ role: reviewer, name: a, env: A }]\nupstreams: { a: { command: [x] } }`,
      /:4: gateway\.tokens\.0\.role is not known/,
    ],
    [
      "an address that is none",
      `listen: here\ntokens: [{ name: a, env: A }]\nupstreams: { a: { command: [x] } }`,
      /:3: gateway\.listen is "here"/,
    ],
  ])("%s", async (_name, gateway, expected) => {
    write(gateway);
    for (const read of [() => loadConfiguration(file, {}), () => load()])
      await expect(read()).rejects.toMatchObject({
        code: "config_invalid",
        message: expect.stringMatching(expected),
      });
  });
});
