import { generateKeyPairSync, sign } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { TOOL_ACTIONS } from "../../../src/adapters/tool-actions.ts";
import type { RequestView } from "../../../src/core/view.ts";
import { countersign } from "../../crash/daemon-process.ts";
import { type AgentStage, openAgentStage } from "../agents/stage.ts";
import { newClient } from "../mcp/client.ts";
import { createProcesses } from "./processes.ts";
import { textOf } from "./stage.ts";

/**
 * An agent that wants to act and not to ask. It has the gateway's configuration, its own token for the gateway and one for the
 * daemon, the agents' socket, every address and this program; it has no secret of the gateway's. The tools write down
 * what they do.
 */
const CRM_TOKEN = "crm-".repeat(10);
const CLAUDE = "c".repeat(40);
const DAEMON_TOKEN = "d".repeat(40);

/** What only reads needs nobody. */
const POLICY = `
default: require_approval
rules:
  - { id: reading, match: { kind: mcp_tool }, when: "params.hints.read_only", decision: allow }
`;

const SECTIONS = `http:
  listen: "127.0.0.1:0"
  tokens: [{ role: agent, name: claude, env: DAEMON_TOKEN }]
gateway:
  listen: "127.0.0.1:0"
  tokens: [{ name: claude, env: CLAUDE_TOKEN }]
  upstreams:
    crm: { url: { env: CRM_URL }, token: { env: CRM_TOKEN }, allow_private: true }
    bank: { url: { env: BANK_URL }, allow_private: true }
`;

let stage: AgentStage;
let place: string;
let done: string;
const processes = createProcesses();
/** Where the servers and the gateway are. */
const at = { crm: "", bank: "", later: "", gateway: "" };

beforeAll(async () => {
  place = mkdtempSync(join(tmpdir(), "cs-bypass-"));
  done = join(place, "done");
  stage = await openAgentStage(POLICY, `${TOOL_ACTIONS}${SECTIONS}`);
  stage.env.DAEMON_TOKEN = DAEMON_TOKEN;
  await stage.start();
  const guarded = {
    SERVER: "bank",
    DONE: done,
    GRANT_KEY: join(stage.state(), "grant-key.public.jwk"),
    SDK: join(stage.program.main, "../sdk.js"),
  };
  at.crm = await processes.server({ SERVER: "crm", DONE: done, BEARER: CRM_TOKEN });
  at.bank = await processes.server(guarded);
  at.later = await processes.server({ ...guarded, AHEAD_MS: String(2 * 3_600_000) });
  const secrets = { CRM_TOKEN, CLAUDE_TOKEN: CLAUDE };
  at.gateway = await processes.gateway(stage, [], { CRM_URL: at.crm, BANK_URL: at.bank, ...secrets });
}, 120_000);

afterAll(async () => {
  await processes.end();
  await stage.remove();
  rmSync(place, { recursive: true });
});

/** What the tools have done, all told. */
function deeds(): { server: string; name: string; given: object; meta: Record<string, unknown> }[] {
  if (!existsSync(done)) return [];
  const lines = readFileSync(done, "utf8").split("\n").filter(Boolean);
  return lines.map((line) => JSON.parse(line));
}

async function clientAt(url: string, token?: string): Promise<Client> {
  const client = newClient("2026-07-28", "root");
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }));
  return client;
}

const PAY = { to: "mallory", cents: 5 };

/** Calls a tool as the agent would, and gives what it is told. */
async function attempt(
  url: string,
  token?: string,
  more: { name?: string; args?: object; _meta?: object } = {},
) {
  let client: Client | null = null;
  try {
    client = await clientAt(url, token);
    const { name = "pay", args = PAY, _meta } = more;
    const answer = await client.callTool({
      name,
      arguments: { ...args },
      ...(_meta && { _meta: { ..._meta } }),
    });
    return `${answer.isError ? "error" : "result"}: ${textOf(answer)}`;
  } catch (error) {
    return `thrown: ${error}`;
  } finally {
    await client?.close();
  }
}

const withGrant = (grant: unknown, more: object = {}) =>
  attempt(at.bank, undefined, { _meta: { "countersign/grant": grant }, ...more });

interface Spoken {
  readonly status: number;
  readonly body: { readonly [name: string]: unknown };
}

/** Says something to the daemon: on the agents' socket, or over TCP. */
async function say(
  method: string,
  path: string,
  body?: object,
  headers: Record<string, string> = {},
  where: object = { socketPath: join(stage.state(), "agent/socket") },
): Promise<Spoken> {
  const type = body === undefined ? {} : { "content-type": "application/json" };
  const asked = httpRequest({ method, path, headers: { ...type, ...headers }, agent: false, ...where });
  asked.end(body === undefined ? undefined : JSON.stringify(body));
  const [answer] = (await once(asked, "response")) as [IncomingMessage];
  let text = "";
  for await (const part of answer) text += part;
  return { status: answer.statusCode ?? 0, body: JSON.parse(text || "{}") };
}

const PLAIN = { read_only: false, destructive: true, idempotent: false, open_world: true };
const HARMLESS = { read_only: true, destructive: false, idempotent: true, open_world: false };

/** Asks for a call by itself, as no gateway would, and has what only who asked has. */
async function ask(params: object = {}, cents = 5): Promise<{ request: RequestView; token: string }> {
  const call = { server: "bank", tool: "pay", input: { to: "mallory", cents }, hints: PLAIN, ...params };
  const { body } = await say("POST", "/v1/requests", { kind: "mcp_tool", params: call, requester: "claude" });
  return body as unknown as { request: RequestView; token: string };
}

/** What a gateway has asked a person for. */
async function asked(server: string, cents: number): Promise<RequestView> {
  for (;;) {
    const found = (await stage.open()).find(
      ({ params }) => params.server === server && (params.input as { cents?: number }).cents === cents,
    );
    if (found !== undefined) return found;
    await stage.next("submitted");
  }
}

/** The grants from before and from behind the claim. */
async function claim(id: string, token: string): Promise<{ early: string; grant: string }> {
  const mine = { "requester-token": token };
  const early = (await say("GET", `/v1/requests/${id}/grant`, undefined, mine)).body.grant;
  await say("POST", `/v1/requests/${id}/claim`, { grant: early }, mine);
  const { grant } = (await say("GET", `/v1/requests/${id}/grant`, undefined, mine)).body;
  return { early: String(early), grant: String(grant) };
}

describe("nothing is done", () => {
  afterEach(() => expect(deeds()).toEqual([]));

  test("at the server itself, which knows who may call", async () => {
    for (const token of [undefined, "wrong", CLAUDE, DAEMON_TOKEN]) {
      expect(await attempt(at.crm, token)).toMatch(/^thrown/);
    }
    expect(await attempt(at.bank)).toMatch(/^error: grant_invalid/);
  });

  describe("by a gateway of its own from the same configuration", () => {
    test("that lacks the secrets", async () => {
      const { program, vault, env } = stage;
      const words = ["gateway", "--vault", vault, "--json", "crm"];
      const { out } = await countersign(program, words, { ...env, CRM_URL: at.crm });
      expect(JSON.parse(out)).toMatchObject({ error: { code: "config_invalid" } });
      expect(out).toContain("CRM_TOKEN");
    });

    test("that has made them up, or needs none: the server, or a person, still says no", async () => {
      const { program, vault, env } = stage;
      const client = newClient("2026-07-28", "claude");
      await client.connect(
        new StdioClientTransport({
          command: process.execPath,
          args: [program.main, "gateway", "--vault", vault, "--wait", "1ms", "crm", "bank"],
          env: { ...env, CRM_URL: at.crm, BANK_URL: at.bank, CRM_TOKEN: "made-up" } as Record<string, string>,
          stderr: "ignore",
        }),
      );
      const tools = (await client.listTools()).tools.map(({ name }) => name);
      expect(tools).toContain("bank__pay");
      expect(tools).not.toContain("crm__pay");
      const answer = await client.callTool({ name: "bank__pay", arguments: PAY });
      expect(answer._meta).toHaveProperty("countersign/pending");
      await client.close();
    });
  });

  describe("with a grant", () => {
    const header = { alg: "EdDSA", typ: "countersign-grant+jwt" };
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const claimsOf = (grant: string) =>
      JSON.parse(Buffer.from(grant.split(".")[1] ?? "", "base64url").toString());

    /** A genuine one: for a call that only reads, which the policy allows. */
    async function harmless(cents: number) {
      const { request, token } = await ask({ tool: "look", hints: HARMLESS }, cents);
      expect(request.status).toBe("approved");
      return { id: request.id, token, ...(await claim(request.id, token)) };
    }

    test("that is made up, signed by the agent or altered", async () => {
      const { grant } = await harmless(11);
      const claims = { ...claimsOf(grant), kind: "mcp_tool", exp: 9_999_999_999 };
      const text = `${part(header)}.${part(claims)}`;
      const own = generateKeyPairSync("ed25519").privateKey;
      const forged = [
        "yes",
        `${part({ ...header, alg: "none" })}.${part(claims)}.`,
        `${text}.${sign(null, Buffer.from(text), own).toString("base64url")}`,
        `${text}.${grant.split(".")[2]}`,
        grant.replace(/.$/, (last) => (last === "A" ? "B" : "A")),
      ];
      for (const one of forged) expect(await withGrant(one)).toMatch(/^error: grant_invalid/);
    });

    test("for another tool, other arguments, or what the tool is not", async () => {
      const { grant } = await harmless(5);
      expect(await withGrant(grant)).toMatch(/^error: grant_invalid/);
      // False hints: the policy allows what only reads, and the agent says that paying does.
      for (const hints of [HARMLESS, { ...PLAIN, read_only: true }]) {
        const { request, token } = await ask({ hints });
        expect(request.status).toBe("approved");
        const lied = await claim(request.id, token);
        expect(lied.grant).toMatch(/^eyJ/);
        expect(await withGrant(lied.grant)).toMatch(/^error: grant_invalid/);
      }
    });

    test("of another server's tool of that name", async () => {
      const { request, token } = await ask({ server: "crm", hints: HARMLESS });
      const { grant } = await claim(request.id, token);
      expect(await withGrant(grant)).toMatch(/^error: grant_invalid/);
    });

    test("that was replaced by a no before it was claimed", async () => {
      const { request, token } = await ask({}, 12);
      await stage.say(request.id, "approve");
      const mine = { "requester-token": token };
      const { grant } = (await say("GET", `/v1/requests/${request.id}/grant`, undefined, mine)).body;
      await stage.say(request.id, "reject");
      const args = { to: "mallory", cents: 12 };
      expect(grant).toMatch(/^eyJ/);
      expect(await withGrant(grant, { args })).toMatch(/^error: grant_invalid/);
      const claimed = await say("POST", `/v1/requests/${request.id}/claim`, { grant }, mine);
      expect(claimed.body).toMatchObject({ error: { code: "already_final" } });
    });

    test("that has run out", async () => {
      const { request, token } = await ask({}, 13);
      await stage.say(request.id, "approve");
      const { grant } = await claim(request.id, token);
      const args = { to: "mallory", cents: 13 };
      const late = await attempt(at.later, undefined, { args, _meta: { "countersign/grant": grant } });
      expect(late).toMatch(/^error: grant_expired/);
    });
  });

  test("by claiming or completing what nobody approved, or what is another's", async () => {
    const { request, token } = await ask({}, 14);
    const path = `/v1/requests/${request.id}`;
    const mine = { "requester-token": token };
    const { grant } = await claimOfAnother();
    for (const [method, where, body, headers] of [
      ["GET", `${path}/grant`, undefined, mine],
      ["POST", `${path}/claim`, { grant }, mine],
      ["POST", `${path}/claim`, { grant: "yes" }, mine],
      ["POST", `${path}/complete`, { result: "done" }, mine],
      ["GET", `${path}/grant`, undefined, { "requester-token": "t".repeat(43) }],
      ["POST", `${path}/claim`, { grant }, {}],
    ] as const) {
      expect((await say(method, where, body, headers)).status).toBeGreaterThanOrEqual(400);
    }
    expect((await stage.show(request.id)).status).toBe("pending");
  });

  async function claimOfAnother() {
    const { request, token } = await ask({ tool: "look", hints: HARMLESS }, 15);
    return claim(request.id, token);
  }

  test("by deciding for itself", async () => {
    const { request } = await ask({}, 16);
    const path = `/v1/requests/${request.id}/decide`;
    const yes = { verb: "approve", reviewer: "anna", via: "cli" };
    const tcp = { host: "127.0.0.1", port: await stage.port() };
    const known = { authorization: `Bearer ${DAEMON_TOKEN}` };
    const routes = [path, `/approval/${request.id}/approve`, `/api/v1/approvals/${request.id}/approve`];
    for (const route of routes) {
      expect((await say("POST", route, yes)).status).toBeGreaterThanOrEqual(400);
      for (const headers of [
        {},
        known,
        { ...known, host: "evil.example" },
        { ...known, origin: "null" },
        { ...known, "x-forwarded-for": "127.0.0.1", "x-http-method-override": "POST" },
        { authorization: `Bearer ${CLAUDE}` },
        { authorization: "Bearer " },
      ]) {
        expect((await say("POST", route, yes, headers, tcp)).status).toBeGreaterThanOrEqual(400);
      }
    }
    expect((await stage.show(request.id)).status).toBe("pending");
  });

  test("through the gateway, whatever it writes beside the call or calls itself", async () => {
    const { grant } = await claimOfAnother();
    const url = `${at.gateway}/mcp/bank`;
    const _meta = {
      "countersign/grant": grant,
      "countersign/id": "20261121-091403-mcp-tool-aaaaaa",
      "countersign/constraints": {},
      "countersign/approved": true,
    };
    const answers = Promise.all([
      attempt(url, CLAUDE, { _meta, args: { to: "mallory", cents: 17 } }),
      attempt(`${at.gateway}/mcp`, CLAUDE, { _meta, name: "crm__pay", args: { to: "mallory", cents: 17 } }),
    ]);
    for (const server of ["bank", "crm"]) {
      const { id, requester, params } = await asked(server, 17);
      expect({ requester, params }).toMatchObject({
        requester: "claude",
        params: { tool: "pay", hints: PLAIN },
      });
      await stage.say(id, "reject");
    }
    for (const told of await answers) expect(told).toMatch(/^error: anna rejected/);
    expect(await attempt(url, "made-up-".repeat(5))).toMatch(/^thrown/);
    expect(await attempt(url)).toMatch(/^thrown/);
    expect(await attempt(`${at.gateway}/mcp/crm/../bank`, CLAUDE, { name: "crm__pay" })).toMatch(/^thrown/);
  });
});

describe("a person's yes is one deed", () => {
  test.each([["crm"], ["bank"]] as const)("of %s, by exactly the recorded call", async (server) => {
    const before = deeds().length;
    const _meta = { "countersign/grant": "mine", "countersign/constraints": { max: 1 }, mine: true };
    const answer = attempt(`${at.gateway}/mcp/${server}`, CLAUDE, { _meta, args: { to: "acme", cents: 1 } });
    const { id } = await asked(server, 1);
    await stage.say(id, "approve");
    expect(await answer).toBe("result: pay is done");
    const [deed, ...more] = deeds().slice(before);
    expect(more).toEqual([]);
    expect(deed).toMatchObject({
      server,
      name: "pay",
      given: { to: "acme", cents: 1 },
      meta: { "countersign/id": id, "countersign/grant": expect.stringMatching(/^eyJ/) },
    });
    expect(deed?.meta).not.toHaveProperty("mine");
    expect(deed?.meta).not.toHaveProperty("countersign/constraints");
    // Whoever has seen the call cannot make it again.
    expect(await withGrant(deed?.meta["countersign/grant"], { args: deed?.given })).toMatch(
      /^error: grant_(used|invalid)/,
    );
    expect(deeds().length).toBe(before + 1);
    expect(await stage.show(id)).toMatchObject({ status: "executed", requester: "claude" });
  });

  test("as the person changed it, and the tool takes the grant for that alone", async () => {
    const before = deeds().length;
    const answer = attempt(`${at.gateway}/mcp/bank`, CLAUDE, { args: { to: "mallory", cents: 900 } });
    const { id } = await asked("bank", 900);
    await stage.say(id, "approve", { set: { input: { to: "acme", cents: 9 } } });
    expect(await answer).toMatch(/^result: pay is done/);
    const [deed, ...more] = deeds().slice(before);
    expect([deed?.given, more]).toEqual([{ to: "acme", cents: 9 }, []]);
  });

  test("also where the agent makes the call itself, with as many grants as it likes", async () => {
    const before = deeds().length;
    const { request, token } = await ask({}, 18);
    await stage.say(request.id, "approve");
    const { early, grant } = await claim(request.id, token);
    const mine = { "requester-token": token };
    const again = (await say("GET", `/v1/requests/${request.id}/grant`, undefined, mine)).body.grant;
    const args = { to: "mallory", cents: 18 };
    expect(await withGrant(early, { args })).toMatch(/^error: grant_invalid/);
    expect(await withGrant(grant, { args })).toBe("result: pay is done");
    for (const one of [grant, again, early]) expect(await withGrant(one, { args })).toMatch(/^error: grant_/);
    expect(deeds().length).toBe(before + 1);
  });
});
