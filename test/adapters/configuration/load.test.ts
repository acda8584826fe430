import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Ajv } from "ajv";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Configuration } from "../../../src/adapters/configuration/configuration.ts";
import { loadConfiguration } from "../../../src/adapters/configuration/load.ts";
import { CONFIGURATION_SCHEMA } from "../../../src/adapters/configuration/schema.ts";
import { Fault } from "../../../src/core/codes.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "countersign-configuration-"));
});
afterAll(() => rm(folder, { recursive: true }));

const ENV = { PATH: dirname(process.execPath), SECRET: "s3cret" };
const RUN = "actions:\n  note: { run: [node] }\n";

async function load(text: string | Uint8Array, env: Record<string, string> = ENV): Promise<Configuration> {
  const file = join(folder, "countersign.yaml");
  await writeFile(file, text, { mode: 0o600 });
  return loadConfiguration(file, env);
}

async function fault(text: string | Uint8Array): Promise<Fault> {
  try {
    await load(text);
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
  throw new Error("the configuration was accepted");
}

test("the configuration's own schema is one", () => {
  const ajv = new Ajv({ strict: false });
  ajv.validateSchema(CONFIGURATION_SCHEMA);
  expect(ajv.errors ?? []).toEqual([]);
});

describe("a wrong configuration is answered with file, line and what was expected", () => {
  test.each([
    ["an empty file", "", 1, /the file is empty; expected `actions:`/],
    ["a list", "- a\n", 1, /the file is a list; expected/],
    ["no actions", "settle: 2s\n", 1, /actions is missing; expected `actions:`/],
    [
      "an unknown key",
      `${RUN}setle: 2s\n`,
      3,
      /setle is not known; expected one of actions, expires, execute_by, settle, settle_ticks/,
    ],
    [
      "an unknown key of an action",
      "actions:\n  a:\n    run: [node]\n    tiemout: 2s\n",
      4,
      /a\.tiemout is not known/,
    ],
    ["an mcp without a server", "actions:\n  a:\n    mcp: { tool: x }\n", 3, /server is missing/],
    [
      "an mcp server that is nowhere",
      "actions:\n  a:\n    mcp: { tool: x, server: { env: { A: b } } }\n",
      3,
      /mcp\.server says not where it is/,
    ],
    [
      "an mcp server in two places",
      "actions:\n  a:\n    mcp: { tool: x, server: { command: [node], url: https://a.example/ } }\n",
      3,
      /mcp\.server has both/,
    ],
    [
      "a token for a started mcp server",
      "actions:\n  a:\n    mcp: { tool: x, server: { command: [node], token: { env: T } } }\n",
      3,
      /mcp\.server has what goes with a URL/,
    ],
    [
      "a token in the file",
      "actions:\n  a:\n    mcp: { tool: x, server: { url: https://a.example/, token: s3cret } }\n",
      3,
      /token stands in the file/,
    ],
    ["an http without a secret", "actions:\n  a:\n    http: { url: x }\n", 3, /secret is missing/],
    [
      "an http with a param for a host",
      'actions:\n  a:\n    http: { url: "https://{host}/", secret: { env: S } }\n',
      3,
      /a\.http\.url has a param in the place of the host/,
    ],
    [
      "an http that is not encrypted",
      'actions:\n  a:\n    http: { url: "http://127.0.0.1/", secret: { env: S } }\n',
      3,
      /a\.http\.url is not encrypted/,
    ],
    [
      "an environment for an http",
      "actions:\n  a:\n    http: { url: https://a.example/, secret: { env: S } }\n    env: { A: b }\n",
      4,
      /no program to be for/,
    ],
    [
      "http and module",
      "actions:\n  a:\n    http: { url: https://a.example/, secret: { env: S } }\n    module: ./a.mjs\n",
      4,
      /has both http and module/,
    ],
    [
      "a cool-down that is no duration",
      `${RUN}retry: { cool_down: soon }\n`,
      3,
      /retry\.cool_down is "soon"/,
    ],
    [
      "no attempt at all",
      `${RUN}retry: { max_attempts: 0 }\n`,
      3,
      /retry\.max_attempts is 0; expected a whole/,
    ],
    [
      "a cap of nothing",
      `${RUN}limits:\n  per_requester: { open: 0 }\n`,
      4,
      /limits\.per_requester\.open is 0; expected a whole number from 1/,
    ],
    [
      "a cap per minute",
      `${RUN}limits:\n  per_requester: { per_minute: 5 }\n`,
      4,
      /per_minute is not known; expected one of open, per_hour/,
    ],
    [
      "a kind with capitals",
      "actions:\n  Pay: { run: [node] }\n",
      2,
      /the name actions\.Pay is not taken; expected a kind/,
    ],
    ["an action that is text", "actions:\n  a: run\n", 2, /actions\.a is "run"; expected an action/],
    [
      "a run that is text",
      "actions:\n  a:\n    run: node ./pay.mjs\n",
      3,
      /is "node \.\/pay\.mjs"; expected the program and its arg/,
    ],
    [
      "an editable param that there is none of",
      "actions:\n  a:\n    run: [node]\n    params: { properties: { cents: { type: integer } } }\n    editable:\n      - cents\n      - cent\n",
      7,
      /a\.editable names "cent", which params does not describe; expected names from params\.properties \(cents\)/,
    ],
    [
      "an editable part that there is none of",
      "actions:\n  a:\n    run: [node]\n    params: { properties: { to: { properties: { name: {} } } } }\n    editable: [to.nmae]\n",
      5,
      /a\.editable names "to\.nmae", which params does not describe/,
    ],
    [
      "an item of a list as editable",
      "actions:\n  a:\n    run: [node]\n    editable: ['items[0].price']\n",
      4,
      /expected .*list/,
    ],
    [
      "editable as text",
      "actions:\n  a:\n    run: [node]\n    editable: cents\n",
      4,
      /is "cents"; expected a list/,
    ],
    ["an empty run", "actions:\n  a:\n    run: []\n", 3, /is an empty list/],
    [
      "a number as an argument",
      "actions:\n  a:\n    run:\n      - node\n      - 8080\n",
      5,
      /run\.1 is 8080; expected an argument as a string/,
    ],
    ["an empty program", 'actions:\n  a: { run: [""] }\n', 2, /empty or holds a NUL/],
    [
      "neither run nor caller",
      "actions:\n  a:\n    effect: unsafe\n",
      2,
      /exactly one of `run:`, `http:`, `module:`, `mcp:` and `caller: true`/,
    ],
    ["both", "actions:\n  a:\n    run: [node]\n    caller: true\n", 4, /has both run and caller/],
    ["caller: false", "actions:\n  a:\n    caller: false\n", 3, /expected `true`, or no `caller`/],
    [
      "an environment for a caller",
      "actions:\n  a:\n    caller: true\n    env: { A: b }\n",
      4,
      /no program to be for/,
    ],
    [
      "a number in the environment",
      "actions:\n  a:\n    run: [node]\n    env:\n      PORT: 8080\n",
      5,
      /env\.PORT is 8080; expected a string, or null/,
    ],
    [
      "a wrong effect",
      "actions:\n  a:\n    run: [node]\n    effect: safe\n",
      4,
      /is "safe"; expected one of unsafe, natural, key, lookup/,
    ],
    [
      "a wrong mode",
      "actions:\n  a:\n    caller: true\n    mode: observe\n",
      4,
      /mode is "observe"; expected enforce, or shadow to record/,
    ],
    [
      "a mode that is no word",
      "actions:\n  a: { caller: true, mode: true }\n",
      2,
      /expected enforce, or shadow/,
    ],
    ["a mode for all kinds", `${RUN}mode: shadow\n`, 3, /mode/],
    ["a number for a duration", `${RUN}settle: 2\n`, 3, /settle is 2; expected how long/],
    ["a word for a duration", `${RUN}settle: soon\n`, 3, /settle is "soon"; expected a duration such as/],
    ["a time-out of nothing", "actions:\n  a:\n    run: [node]\n    timeout: 0s\n", 4, /longer than 0s/],
    ["an expiry of nothing", `${RUN}expires: 0s\n`, 3, /longer than 0s/],
    ["a wrong git mode", `${RUN}git: no\n`, 3, /git is "no"; expected one of auto/],
    [
      "a folder with a slash",
      `${RUN}folders:\n  done: a/b\n`,
      4,
      /folders\.done is "a\/b"; expected the name of one folder/,
    ],
    ["a hidden folder", `${RUN}folders: { done: .git }\n`, 3, /expected the name of one folder/],
    ["a folder above", `${RUN}folders: { done: .. }\n`, 3, /expected the name of one folder/],
    ["one folder twice", `${RUN}folders:\n  done: rejected\n`, 4, /four different names/],
    ["a host with spaces", `${RUN}host: my laptop\n`, 3, /host is "my laptop"/],
    ["a duplicate key", `${RUN}settle: 1s\nsettle: 2s\n`, 4, /not plain YAML \(Map keys must be unique/],
    ["broken YAML", "actions:\n  a: { run: [node }\n", 2, /not plain YAML/],
    ["an alias", "actions:\n  a: &x { run: [node] }\n  b: *x\n", 2, /anchors, aliases, tags/],
    ["a tag", "actions:\n  a: !!map { run: [node] }\n", 2, /anchors, aliases, tags/],
    ["a second document", `${RUN}---\nactions: {}\n`, 3, /not plain YAML/],
    [
      "a misspelt schema keyword",
      "actions:\n  a:\n    run: [node]\n    params:\n      type: object\n      propertees: {}\n",
      6,
      /unknown keyword: "propertees"/,
    ],
    [
      "a wrong type in a schema",
      "actions:\n  a:\n    run: [node]\n    params:\n      properties:\n        n: { type: int }\n",
      6,
      /must be equal to one of|must be/,
    ],
    [
      "a schema for text",
      "actions:\n  a:\n    run: [node]\n    params:\n      type: string\n",
      5,
      /params are always an object/,
    ],
    [
      "a schema elsewhere",
      'actions:\n  a:\n    run: [node]\n    params:\n      $ref: "http://x/y"\n',
      4,
      /can't resolve reference/,
    ],
  ])("%s", async (_, text, line, message) => {
    const found = await fault(text);
    expect(found.code).toBe("config_invalid");
    expect(found.message).toContain(`${join(folder, "countersign.yaml")}:${line}: `);
    expect(found.message).toMatch(message);
    expect(found.hint.length).toBeGreaterThan(10);
  });

  test("the first wrong line is the one that is named", async () => {
    const found = await fault("actions:\n  a: { run: [node], effect: odd }\nsettle: 5\nodd: 1\n");
    expect(found.message).toContain("countersign.yaml:2: ");
  });

  test("an example comes with it", async () => {
    expect((await fault(`${RUN}settle: 2\n`)).hint).toBe("For example: settle: 2s");
  });

  test("bytes that are not UTF-8", async () => {
    expect((await fault(Uint8Array.of(0x61, 0xff))).message).toContain("is not UTF-8 text");
  });
});

test("a configuration that is not there is missing, one that is a folder is invalid", async () => {
  await expect(loadConfiguration(join(folder, "none.yaml"), {})).rejects.toMatchObject({
    code: "config_missing",
  });
  await mkdir(join(folder, "folder.yaml"));
  await expect(loadConfiguration(join(folder, "folder.yaml"), {})).rejects.toMatchObject({
    code: "config_invalid",
  });
});

test("what is left out has its default", async () => {
  const found = await load("actions:\n  a: { run: [node] }\n  b: { caller: true }\n");
  expect(found).toMatchObject({
    directory: folder,
    settle_ms: 2_000,
    settle_ticks_ms: 0,
    git: "auto",
    policy: null,
    people: null,
    log: null,
    folders: { pending: "Pending_Approval", done: "Done", approved: "Approved", rejected: "Rejected" },
    warnings: [],
  });
  expect(found.host).toMatch(/^[a-z0-9][a-z0-9.-]*$/);
  expect(found.actions.get("a")).toEqual({
    kind: "a",
    executor: { by: "daemon", argv: [process.execPath], env: {} },
    effect: "unsafe",
    shadow: false,
    tags: [],
    editable: [],
    title: null,
    next_effect: null,
    timeout_ms: 60_000,
    expires_ms: 86_400_000,
    execute_by_ms: 86_400_000,
  });
  expect(found.actions.get("b")).toMatchObject({ executor: { by: "caller" }, timeout_ms: 900_000 });
});

test.each([
  ["shadow", true],
  ["enforce", false],
])("an action with mode: %s", async (mode, shadow) => {
  const found = await load(`actions:\n  a: { caller: true, mode: ${mode} }\n  b: { caller: true }\n`);
  expect(found.actions.get("a")?.shadow).toBe(shadow);
  expect(found.actions.get("b")?.shadow).toBe(false);
});

test("what is written is taken, and paths start at the file", async () => {
  const found = await load(`
actions:
  pay:
    run: [node, ./pay.mjs, ../x, plain, -v]
    env: { SECRET: null, MODE: live }
    timeout: 5m
    expires: 30m
    effect: key
    tags: [payment]
    title: "Pay {payee}"
  slow: { caller: true, timeout: 2h, execute_by: 3h }
expires: 7d
execute_by: 3d
settle: 0s
git: off
folders: { pending: Inbox }
policy: ./rules/policy.yaml
people: ./people.yaml
log: ./daemon.log
host: office.example
`);
  expect(found.actions.get("pay")).toMatchObject({
    executor: {
      argv: [process.execPath, join(folder, "pay.mjs"), join(dirname(folder), "x"), "plain", "-v"],
      env: { SECRET: "s3cret", MODE: "live" },
    },
    timeout_ms: 300_000,
    expires_ms: 1_800_000,
    execute_by_ms: 259_200_000,
    effect: "key",
    tags: ["payment"],
    title: "Pay {payee}",
  });
  expect(found.actions.get("slow")).toMatchObject({
    timeout_ms: 7_200_000,
    expires_ms: 604_800_000,
    execute_by_ms: 10_800_000,
  });
  expect(found).toMatchObject({
    settle_ms: 0,
    git: "off",
    folders: { pending: "Inbox", done: "Done" },
    policy: join(folder, "rules/policy.yaml"),
    people: join(folder, "people.yaml"),
    log: join(folder, "daemon.log"),
    host: "office.example",
  });
});

describe("what is allowed and probably not meant is a warning", () => {
  test.each([
    [
      "a program that is nowhere",
      "actions: { a: { run: [no-such-program] } }",
      "no-such-program is not in PATH",
    ],
    [
      "a program file that is missing",
      "actions: { a: { run: [./gone] } }",
      "gone is not there or not executable",
    ],
    ["a script that is missing", "actions: { a: { run: [node, ./gone.mjs] } }", "gone.mjs is not there"],
    [
      "a variable that is missing",
      "actions: { a: { run: [node], env: { NOPE: null } } }",
      "no NOPE to pass on",
    ],
    [
      "a required name that is not described",
      "actions: { a: { run: [node], params: { required: [amuont], properties: { amount: {} } } } }",
      "requires amuont",
    ],
    [
      "a template's unknown field",
      'actions: { a: { run: [node], title: "{payer}", params: { properties: { payee: {} } } } }',
      "{payer} is not among",
    ],
  ])("%s", async (_, text, warning) => {
    expect((await load(text)).warnings.join("\n")).toContain(warning);
  });

  test("a file that others can write", async () => {
    const file = join(folder, "open.yaml");
    await writeFile(file, RUN);
    await chmod(file, 0o666);
    expect((await loadConfiguration(file, ENV)).warnings.join("\n")).toContain(
      "can be written by other users",
    );
  });
});

describe("params are held against the schema", () => {
  const PAYMENT = `
actions:
  pay:
    run: [node]
    params:
      type: object
      required: [amount_cents, payee]
      additionalProperties: false
      properties:
        amount_cents: { type: integer, minimum: 1, default: 5 }
        payee: { type: string, pattern: "^[A-Z]" }
        speed: { enum: [slow, fast] }
        lines: { type: array, items: { type: object, required: [text] } }
  free: { run: [node] }
`;
  test.each([
    [{ amount_cents: 1, payee: "ACME" }, []],
    [{ payee: "ACME" }, ["params.amount_cents is missing"]],
    [{ amount_cents: "1", payee: "ACME" }, ["params.amount_cents must be integer"]],
    [{ amount_cents: 0, payee: "ACME" }, ["params.amount_cents must be >= 1"]],
    [{ amount_cents: 1, payee: "ACME", note: "x" }, ["params.note is not known to this action"]],
    [{ amount_cents: 1, payee: "ACME", speed: "odd" }, ['params.speed must be one of "slow", "fast"']],
    [{ amount_cents: 1, payee: "ACME", lines: [{}] }, ["params.lines.0.text is missing"]],
    [{ amount_cents: 1, payee: "acme" }, ['params.payee must match pattern "^[A-Z]"']],
  ])("%j", async (params, messages) => {
    const before = JSON.stringify(params);
    expect((await load(PAYMENT)).checkParams("pay", params)).toEqual(messages);
    expect(JSON.stringify(params)).toBe(before);
  });

  test("an action without a schema takes any params", async () => {
    expect((await load(PAYMENT)).checkParams("free", { anything: [1] })).toEqual([]);
  });

  test("draft 7 is spoken where the schema names it", async () => {
    const found = await load(
      'actions: { a: { run: [node], params: { $schema: "http://json-schema.org/draft-07/schema#", properties: { t: { type: array, items: [{ type: string }] } } } } }',
    );
    expect(found.checkParams("a", { t: [1] })).toEqual(["params.t.0 must be string"]);
  });

  test("each action's schema is by itself: a name that two of them use means its own thing in each", async () => {
    const named = (type: string) =>
      `{ run: [node], params: { $id: "http://a.example/it", properties: { t: { $ref: "#/$defs/t" } }, $defs: { t: { type: ${type} } } } }`;
    const found = await load(`actions: { a: ${named("string")}, b: ${named("integer")} }`);
    expect(found.checkParams("a", { t: 1 })).toEqual(["params.t must be string"]);
    expect(found.checkParams("b", { t: 1 })).toEqual([]);
    const borrowed =
      '{ run: [node], params: { properties: { t: { $ref: "http://a.example/it#/$defs/t" } } } }';
    expect((await fault(`actions: { a: ${named("string")}, b: ${borrowed} }`)).code).toBe("config_invalid");
  });

  test("a wrong schema behind right ones is still found, in either draft", async () => {
    const right = "{ run: [node], params: { type: object } }";
    const wrong = (draft: string) =>
      `{ run: [node], params: { ${draft} properties: { t: { type: text } } } }`;
    for (const draft of ["", '$schema: "http://json-schema.org/draft-07/schema#",']) {
      const found = await fault(`actions:\n  a: ${right}\n  b: ${right}\n  c: ${wrong(draft)}\n`);
      expect(found.message).toMatch(/:4: actions\.c\.params\.properties\.t\.type/);
    }
  });
});

test("caps and retries are what the file says, and as it says nothing: five attempts, ten minutes, no caps", async () => {
  expect(await load(RUN)).toMatchObject({
    retry: { cool_down_ms: 600_000, max_attempts: 5 },
    caps: { open: null, per_hour: null },
  });
  const text =
    "retry: { cool_down: 1h, max_attempts: 2 }\nlimits: { per_requester: { open: 20, per_hour: 60 } }\n";
  expect(await load(RUN + text)).toMatchObject({
    retry: { cool_down_ms: 3_600_000, max_attempts: 2 },
    caps: { open: 20, per_hour: 60 },
  });
});

test("what carries an action out is settled: defaults filled in, secrets only named, paths absolute", async () => {
  const found = await load(`
actions:
  deploy: { http: { url: "https://a.example/{n}", secret: { file: ./s } } }
  refund: { module: ./gone.mjs, env: { SECRET: null } }
  ticket: { mcp: { server: { url: https://a.example/mcp, token: { env: T } }, tool: create } }
  local: { mcp: { server: { command: [node, ./s.mjs], env: { A: b } }, tool: create, arguments: { t: "{t}" } } }
`);
  const executor = (kind: string) => found.actions.get(kind)?.executor;
  expect(executor("deploy")).toEqual({
    by: "http",
    url: { plain: "https://a.example/{n}" },
    secret: { file: join(folder, "s") },
    method: "POST",
    allow_private: false,
  });
  expect(executor("refund")).toEqual({
    by: "module",
    file: join(folder, "gone.mjs"),
    env: { SECRET: "s3cret" },
  });
  const url = { plain: "https://a.example/mcp" };
  const server = { by: "url", url, token: { env: "T" }, allow_private: false };
  expect(executor("ticket")).toEqual({ by: "mcp", server, tool: "create", arguments: null });
  expect(executor("local")).toEqual({
    by: "mcp",
    server: { by: "daemon", argv: [process.execPath, join(folder, "s.mjs")], env: { A: "b" } },
    tool: "create",
    arguments: { t: "{t}" },
  });
  expect(found.actions.get("deploy")?.timeout_ms).toBe(60_000);
  expect(found.warnings).toEqual(
    expect.arrayContaining([`refund: ${join(folder, "gone.mjs")} is not there.`]),
  );
});

test("figures are served without a token only where nobody else's machine reaches them", async () => {
  expect((await load(RUN)).metrics).toBeNull();
  const listen = (address: string) =>
    load(`${RUN}metrics: { listen: "${address}" }\n`).then(({ metrics }) => metrics);
  expect(await listen("127.0.0.1:9464")).toEqual({ host: "127.0.0.1", port: 9464 });
  expect(await listen("[::1]:9464")).toEqual({ host: "::1", port: 9464 });
  for (const address of ["0.0.0.0:9464", "10.0.0.1:9464", "localhost:9464", "9464"]) {
    await expect(listen(address)).rejects.toMatchObject({
      code: "config_invalid",
      message: expect.stringContaining("countersign.yaml:3: metrics.listen"),
    });
  }
});
