import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RequestView } from "../../../src/core/view.ts";
import { type Connected, type GatewayStage, openGatewayStage } from "./stage.ts";

/** A server whose answers are no plain JSON, behind the gateway as it is shipped. */
const POLICY = `
default: require_approval
rules:
  - { id: reading, match: { kind: mcp_tool }, when: "params.hints.read_only", decision: allow }
  - { id: rest, match: { kind: mcp_tool }, when: "params.tool != 'delete'", decision: allow }
`;
let stage: GatewayStage;
let through: Connected;
const calls = () => readFileSync(join(stage.place, "raw-calls"), "utf8").split("\n").filter(Boolean);

beforeAll(async () => {
  stage = await openGatewayStage(POLICY);
  writeFileSync(join(stage.place, "raw-calls"), "");
  await stage.start();
  const server = join(import.meta.dirname, "raw-server.mjs");
  const upstream = [process.execPath, server, join(stage.place, "raw-calls")];
  through = await stage.connect("legacy", upstream, { words: ["--name", "raw", "--wait", "1s"] });
});

afterAll(async () => {
  await through?.close();
  await stage.remove();
});

/** What its agent is told, and what is on the record. */
async function call(name: string) {
  const answer = await through.client.callTool({ name, arguments: {} }).catch((error: Error) => error);
  const { out } = await stage.cs("list", "--all", "--json");
  const request = (JSON.parse(out) as { requests: RequestView[] }).requests.find(
    ({ params }) => params.tool === name,
  );
  return { answer, request };
}

describe("what came of a call is on the record", () => {
  test.each([
    ["numbers that no double holds", "numbers", expect.stringContaining('"id":12345678901234567000')],
    ["half a character", "half", "half of \ufffd"],
    ["more levels than are read", "deep", expect.stringMatching(/^\{"deep":\[{300}/)],
    ["a key that means something else to readers", "own", {}],
    ["no content at all", "empty", ""],
    ["a second answer", "twice", "done"],
  ])("with %s", async (_, name, result) => {
    const { answer, request } = await call(name);
    expect(answer).not.toBeInstanceOf(Error);
    expect(request).toMatchObject({ status: "executed", result });
  });

  test("with an error of many words, of which the first are kept", async () => {
    const { answer, request } = await call("wordy");
    expect(answer).toMatchObject({ code: -32_602 });
    expect(request?.status).toBe("failed");
    expect(request?.error).toMatch(/^The MCP server does not take it: .*no no/);
  });
});

test("a tool is called by its own name, and never another one that its name seems to name", async () => {
  const { request } = await call("mcp__x__delete");
  expect(request).toMatchObject({ status: "executed", params: { server: "raw", tool: "mcp__x__delete" } });
  expect(calls().at(-1)).toBe("mcp__x__delete");
  expect(calls()).not.toContain("delete");
});
