import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { TOOL_ACTIONS } from "../../../src/adapters/tool-actions.ts";
import { type AgentStage, openAgentStage } from "../agents/stage.ts";
import { newClient } from "../mcp/client.ts";
import { createProcesses } from "./processes.ts";
import { textOf } from "./stage.ts";

/** A gateway whose calls are in shadow, in front of two servers: one that does what it is told, and one that wants grants. */
const POLICY = `
default: require_approval
rules:
  - { id: never, match: { kind: mcp_tool }, when: "params.tool == 'pay_all'", decision: deny, reason: Not all of it. }
`;

const SECTIONS = `gateway:
  listen: "127.0.0.1:0"
  tokens: [{ name: claude, env: CLAUDE_TOKEN }]
  upstreams:
    crm: { url: { env: CRM_URL }, allow_private: true }
    bank: { url: { env: BANK_URL }, allow_private: true }
`;
const CLAUDE = "c".repeat(40);
const PAY = { to: "ACME", cents: 5 };

let stage: AgentStage;
let place: string;
let url: string;
const processes = createProcesses();

beforeAll(async () => {
  place = mkdtempSync(join(tmpdir(), "cs-gateway-shadow-"));
  const actions = TOOL_ACTIONS.replace("  mcp_tool:\n", "  mcp_tool:\n    mode: shadow\n");
  stage = await openAgentStage(POLICY, `${actions}${SECTIONS}`);
  await stage.start();
  const crm = await processes.server({ SERVER: "crm", DONE: join(place, "crm") });
  const bank = await processes.server({
    SERVER: "bank",
    DONE: join(place, "bank"),
    GRANT_KEY: join(stage.state(), "grant-key.public.jwk"),
    SDK: join(stage.program.main, "../sdk.js"),
  });
  url = await processes.gateway(stage, [], { CRM_URL: crm, BANK_URL: bank, CLAUDE_TOKEN: CLAUDE });
}, 120_000);

afterAll(async () => {
  await processes.end();
  await stage.remove();
  rmSync(place, { recursive: true });
});

/** How often the server has done something. */
const deeds = (server: string) =>
  existsSync(join(place, server)) ? readFileSync(join(place, server), "utf8").trim().split("\n").length : 0;

async function call(server: string, name: string) {
  const client = newClient("2026-07-28", "root");
  const requestInit = { headers: { authorization: `Bearer ${CLAUDE}` } };
  await client.connect(new StreamableHTTPClientTransport(new URL(`${url}/mcp/${server}`), { requestInit }));
  const answer = await client.callTool({ name, arguments: PAY });
  await client.close();
  return { answer, id: String(answer._meta?.["countersign/id"]) };
}

test.each([
  ["pay", "require_approval"],
  ["pay_all", "deny"],
])("%s is called at once, and it is recorded what would have been: %s", async (tool, says) => {
  const before = deeds("crm");
  const { answer, id } = await call("crm", tool);
  expect(textOf(answer)).toContain(`${tool} is done`);
  expect(deeds("crm")).toBe(before + 1);
  expect(await stage.show(id)).toMatchObject({
    status: "executed",
    decision: null,
    params: { server: "crm", tool },
    shadow: { says },
  });
});

test("a server that wants grants does nothing that nobody approved", async () => {
  const { answer, id } = await call("bank", "pay");
  expect(answer.isError).toBe(true);
  expect(textOf(answer)).toContain("grant_shadow");
  expect(deeds("bank")).toBe(0);
  expect(await stage.show(id)).toMatchObject({ status: "failed", shadow: { says: "require_approval" } });
});
