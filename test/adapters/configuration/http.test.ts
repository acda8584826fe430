import { createHash } from "node:crypto";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { loadConfiguration } from "../../../src/adapters/configuration/load.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "cs-http-config-"));
  writeFileSync(join(directory, "anna.token"), `${ANNA}\n`, { mode: 0o600 });
});
afterEach(() => rmSync(directory, { recursive: true }));

const ANNA = "a".repeat(64);
const BILLING = "b".repeat(64);
const hashOf = (token: string) => createHash("sha256").update(token).digest("hex");

async function load(http: string, env: Record<string, string> = {}) {
  const file = join(directory, "countersign.yaml");
  writeFileSync(file, `actions: { refactor: { caller: true } }\nhttp:\n${http.replace(/^/gm, "  ")}\n`, {
    mode: 0o600,
  });
  return loadConfiguration(file, env);
}

const TOKEN = "tokens: [{ role: reviewer, name: anna, file: ./anna.token }]";

describe("http", () => {
  test("left out is no TCP at all", async () => {
    writeFileSync(join(directory, "plain.yaml"), "actions: { refactor: { caller: true } }\n", {
      mode: 0o600,
    });
    expect((await loadConfiguration(join(directory, "plain.yaml"), {})).http).toBeNull();
  });

  test("has tokens by file, by variable and by hash, and keeps none of them", async () => {
    const { http, warnings } = await load(
      `listen: "127.0.0.1:8787"
hosts: [approvals.example.com]
tokens:
  - { role: reviewer, name: anna, file: ./anna.token }
  - { role: agent, name: billing-agent, env: BILLING_TOKEN }
  - { role: reader, name: wallboard, sha256: "${"0".repeat(64)}" }`,
      { BILLING_TOKEN: BILLING },
    );
    expect(http).toEqual({
      host: "127.0.0.1",
      port: 8787,
      hosts: ["approvals.example.com"],
      tokens: [
        { role: "reviewer", name: "anna", sha256: hashOf(ANNA) },
        { role: "agent", name: "billing-agent", sha256: hashOf(BILLING) },
        { role: "reader", name: "wallboard", sha256: "0".repeat(64) },
      ],
    });
    expect(warnings).toEqual([]);
  });

  test("takes an address of the newer kind", async () => {
    expect((await load(`listen: "[::1]:8787"\n${TOKEN}`)).http).toMatchObject({ host: "::1", port: 8787 });
  });

  test("open to other machines is warned of", async () => {
    const { warnings } = await load(`listen: "0.0.0.0:8787"\n${TOKEN}`);
    expect(warnings).toEqual([expect.stringContaining("unencrypted")]);
  });

  test.each([
    ["no tokens", 'listen: "127.0.0.1:8787"'],
    ["an empty list of them", 'listen: "127.0.0.1:8787"\ntokens: []'],
    ["a name to listen on", `listen: "localhost:8787"\n${TOKEN}`],
    ["no port", `listen: "127.0.0.1"\n${TOKEN}`],
    ["a port that there is not", `listen: "127.0.0.1:99999"\n${TOKEN}`],
    ["an unknown role", TOKEN.replace("reviewer", "admin")],
    ["a token without a place", 'listen: "127.0.0.1:8787"\ntokens: [{ role: agent, name: a }]'],
    [
      "a token in two places",
      'listen: "127.0.0.1:8787"\ntokens: [{ role: agent, name: a, env: A, file: ./anna.token }]',
    ],
    ["a variable that is not set", 'listen: "127.0.0.1:8787"\ntokens: [{ role: agent, name: a, env: A }]'],
    ["a short token", 'listen: "127.0.0.1:8787"\ntokens: [{ role: agent, name: a, env: SHORT }]'],
    [
      "a file that is not there",
      'listen: "127.0.0.1:8787"\ntokens: [{ role: agent, name: a, file: ./b.token }]',
    ],
    [
      "one token for two",
      'listen: "127.0.0.1:8787"\ntokens: [{ role: reviewer, name: anna, file: ./anna.token }, { role: agent, name: a, file: ./anna.token }]',
    ],
  ])("with %s stops the start", async (_, http) => {
    await expect(load(http, { SHORT: "secret" })).rejects.toMatchObject({
      code: "config_invalid",
      message: expect.stringMatching(/countersign\.yaml:\d+: /),
    });
  });

  test("with a token that others can read stops the start", async () => {
    chmodSync(join(directory, "anna.token"), 0o644);
    await expect(load(`listen: "127.0.0.1:8787"\n${TOKEN}`)).rejects.toMatchObject({
      code: "config_invalid",
      message: expect.stringContaining("others can read"),
    });
  });
});
