import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Client } from "@modelcontextprotocol/client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Era } from "../mcp/client.ts";
import { type Connected, type GatewayStage, openGatewayStage, textOf } from "./stage.ts";

const idOf = ({ _meta }: { _meta?: Record<string, unknown> | undefined }) =>
  String(_meta?.["countersign/id"]);

/** The gateway as it is shipped, between the official client and real servers, in front of a real daemon. */
let stage: GatewayStage;

beforeAll(async () => {
  stage = await openGatewayStage();
  await stage.start();
});

afterAll(() => stage.remove());

describe.each(["legacy", "2026-07-28"] as const satisfies Era[])("in the era %s", (era) => {
  let through: Connected;
  let client: Client;

  beforeAll(async () => {
    through = await stage.connect(era, stage.filesystem, { words: ["--name", "fs", "--wait", "30s"] });
    client = through.client;
  });

  afterAll(() => through.close());

  const write = (name: string, content: string, options = {}) =>
    client.callTool(
      { name: "write_file", arguments: { path: `${stage.files}/${era}-${name}`, content } },
      options,
    );
  const file = (name: string) => stage.file(`${era}-${name}`);

  test("what the policy allows goes through at once, and is on the record", async () => {
    const answer = await client.callTool({ name: "list_directory", arguments: { path: stage.files } });
    expect(answer.isError).toBeUndefined();
    expect(await stage.show(idOf(answer))).toMatchObject({
      status: "executed",
      kind: "mcp_tool",
      requester: "test-agent",
      params: {
        server: "fs",
        tool: "list_directory",
        hints: { read_only: true, destructive: true, idempotent: false, open_world: false },
      },
    });
  });

  test("what the policy denies is an error that names it, and shuts the ways around", async () => {
    const call = { source: `${stage.files}/a`, destination: `${stage.files}/b` };
    const answer = await client.callTool({ name: "move_file", arguments: call });
    expect(answer.isError).toBe(true);
    expect(textOf(answer)).toMatch(/denies.*Files stay where they are\. Do not try again/);
    expect((await stage.show(idOf(answer))).status).toBe("denied");
  });

  test("what a person approves is done, once, with heartbeats on the way", async () => {
    const beats: string[] = [];
    const asked = write("a.txt", "hello", { onprogress: ({ message = "" }) => void beats.push(message) });
    const { id } = await stage.asked();
    expect(file("a.txt")).toBeNull();
    await stage.say(id, "approve");
    const answer = await asked;
    expect(answer.isError).toBeUndefined();
    expect(answer._meta).toMatchObject({ "countersign/id": id });
    expect(file("a.txt")).toBe("hello");
    expect(beats[0]).toContain(id);
    expect(await stage.show(id)).toMatchObject({
      status: "executed",
      params: { hints: { read_only: false, destructive: true, idempotent: true, open_world: false } },
    });
  });

  test.each([
    ["reject", "not on a Friday", /anna rejected .*not on a Friday\. Do not try again/],
    ["request_changes", "sign it", /wants .* changed.*sign it\. Make the call again with the changes/],
  ] as const)("%s is an error with the reason, and nothing is done", async (verb, reason, words) => {
    const asked = write(`${verb}.txt`, "no");
    const { id } = await stage.asked();
    await stage.say(id, verb, { reason });
    const answer = await asked;
    expect(answer.isError).toBe(true);
    expect(textOf(answer)).toMatch(words);
    expect(file(`${verb}.txt`)).toBeNull();
  });

  test("what a person changed is done as it was changed, and said", async () => {
    const asked = write("wrong.txt", "draft");
    const { id } = await stage.asked();
    const input = { path: `${stage.files}/${era}-right.txt`, content: "final" };
    await stage.say(id, "approve", { set: { input } });
    const answer = await asked;
    expect(file("wrong.txt")).toBeNull();
    expect(file("right.txt")).toBe("final");
    expect(textOf(answer)).toMatch(/anna changed this call.*input\.content was "draft" and is "final"/);
  });

  test("a wrong argument is the server's own error, and the record says so", async () => {
    const call = { name: "read_text_file", arguments: { path: "/etc/passwd" } };
    const answer = await client.callTool(call);
    expect(answer.isError).toBe(true);
    expect(textOf(answer)).toContain("Access denied");
    expect((await stage.show(idOf(answer))).status).toBe("failed");
  });

  test("too much for a note is refused, and nothing is done", async () => {
    const answer = await write("big.txt", "x".repeat(300_000));
    expect(answer.isError).toBe(true);
    expect(textOf(answer)).toContain("[invalid_params]");
    expect(file("big.txt")).toBeNull();
  });

  test("equal calls at once are one request where a person is asked, with one result for each", async () => {
    const calls = [write("twice.txt", "x"), write("twice.txt", "x"), write("twice.txt", "x")];
    const { id } = await stage.asked();
    await stage.say(id, "approve");
    const answers = await Promise.all(calls);
    expect(answers.map(idOf)).toEqual([id, id, id]);
    expect(answers.map(({ isError }) => isError)).toEqual([undefined, undefined, undefined]);
    expect((await stage.show(id)).asked).toBe(1);
  });

  test("equal calls at once are forwarded each by itself where the policy allows them", async () => {
    const call = { name: "list_directory", arguments: { path: stage.files } };
    const answers = await Promise.all([client.callTool(call), client.callTool(call), client.callTool(call)]);
    expect(new Set(answers.map(idOf)).size).toBe(3);
    for (const { isError } of answers) expect(isError).toBeUndefined();
  });
});

describe("in shadow", () => {
  test("nothing waits, and what would have been asked and denied is on the record", async () => {
    await stage.stop();
    const file = join(stage.place, "countersign.yaml");
    const configuration = readFileSync(file, "utf8");
    writeFileSync(file, configuration.replace("mcp_tool:\n    caller: true", "$&\n    mode: shadow"));
    await stage.start();
    const { client, close } = await stage.connect("legacy", stage.filesystem, { words: ["--name", "fs"] });
    const [from, to] = [`${stage.files}/shadow.txt`, `${stage.files}/moved.txt`];
    const written = await client.callTool({ name: "write_file", arguments: { path: from, content: "x" } });
    const moved = await client.callTool({ name: "move_file", arguments: { source: from, destination: to } });
    expect(stage.file("moved.txt")).toBe("x");
    const views = await Promise.all([written, moved].map((answer) => stage.show(idOf(answer))));
    expect(views).toMatchObject([
      { status: "executed", decision: null, shadow: { says: "require_approval" } },
      { status: "executed", decision: null, shadow: { says: "deny", rule: "moving" } },
    ]);
    await close();
  });
});
