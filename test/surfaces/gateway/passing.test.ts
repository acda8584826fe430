import { appendFileSync } from "node:fs";
import { join } from "node:path";
import type { Client } from "@modelcontextprotocol/client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Era } from "../mcp/client.ts";
import {
  type Connected,
  connectDirectly,
  EVERYTHING,
  type GatewayStage,
  openGatewayStage,
  textOf,
} from "./stage.ts";

/** What passes the gateway is what the server itself says. */
let stage: GatewayStage;
let direct: Client;

beforeAll(async () => {
  stage = await openGatewayStage();
  const upstreams = {
    fs: { command: stage.filesystem },
    all: { command: EVERYTHING },
    gone: { command: ["sh", "-c", "exit 1"] },
  };
  appendFileSync(join(stage.place, "countersign.yaml"), `gateway: ${JSON.stringify({ upstreams })}\n`);
  await stage.start();
  direct = await connectDirectly(EVERYTHING);
});

afterAll(async () => {
  await direct.close();
  await stage.remove();
});

/** What the later era adds to every answer, and what it has no word for. */
function plain(answer: object): object {
  const { ttlMs: _, cacheScope: __, _meta, ...rest } = answer as Record<string, unknown>;
  const meta = Object.fromEntries(
    Object.entries(_meta ?? {}).filter(([key]) => !/^(io\.modelcontextprotocol|countersign)\//.test(key)),
  );
  return { ...rest, ...(Object.keys(meta).length > 0 && { _meta: meta }) };
}

function withoutExecution(tools: readonly object[]): object[] {
  return tools.map((tool) => Object.fromEntries(Object.entries(tool).filter(([key]) => key !== "execution")));
}

describe.each(["legacy", "2026-07-28"] as const satisfies Era[])("in the era %s", (era) => {
  let through: Connected;
  let client: Client;

  beforeAll(async () => {
    through = await stage.connect(era, EVERYTHING, { words: ["--name", "everything"] });
    client = through.client;
  });

  afterAll(() => through.close());

  test("the tools are the same, and their names", async () => {
    const [said, passed] = [await direct.listTools(), await client.listTools()];
    expect(said.tools.length).toBeGreaterThan(10);
    expect(withoutExecution(passed.tools)).toEqual(withoutExecution(said.tools));
    if (era === "legacy") expect(plain(passed)).toEqual(plain(said));
  });

  test("resources, templates, prompts and instructions are the same", async () => {
    for (const list of ["listResources", "listResourceTemplates", "listPrompts"] as const) {
      expect(plain(await client[list]()), list).toEqual(plain(await direct[list]()));
    }
    expect(client.getInstructions()).toBe(direct.getInstructions());
  });

  test("only what the server can do is offered, of what can be passed", () => {
    const { tasks: _, ...said } = direct.getServerCapabilities() ?? {};
    expect(client.getServerCapabilities()).toEqual(said);
  });

  test("what is read, got and completed is the same", async () => {
    const { resources } = await direct.listResources();
    const uri = resources[0]?.uri ?? "";
    expect(plain(await client.readResource({ uri }))).toEqual(plain(await direct.readResource({ uri })));
    const prompt = { name: "args-prompt", arguments: { city: "Paris", state: "Texas" } };
    expect(plain(await client.getPrompt(prompt))).toEqual(plain(await direct.getPrompt(prompt)));
    const question = {
      ref: { type: "ref/prompt", name: "completable-prompt" },
      argument: { name: "department", value: "E" },
    } as const;
    expect(plain(await client.complete(question))).toEqual(plain(await direct.complete(question)));
    await expect(client.readResource({ uri: "demo://nothing" })).rejects.toThrow();
  });

  test.each([
    ["echo", { message: "Grüße" }],
    ["get-sum", { a: 2, b: 40 }],
    ["get-structured-content", { location: "Chicago" }],
    ["get-tiny-image", {}],
    ["get-annotated-message", { messageType: "error", includeImage: true }],
    ["get-resource-links", { count: 2 }],
    ["get-resource-reference", { resourceType: "Text", resourceId: 1 }],
    ["get-sum", { a: "no number" }],
  ])("%s %j gives the same", async (name, args) => {
    const call = { name, arguments: args };
    // The time of the answer is in some.
    const same = (answer: object) =>
      JSON.parse(JSON.stringify(plain(answer)).replaceAll(/\d+:\d\d:\d\d [AP]M/g, ""));
    const [said, passed] = [await direct.callTool(call), await client.callTool(call)];
    expect(same(passed)).toEqual(same(said));
    expect(passed._meta?.["countersign/id"]).toMatch(/-mcp-tool-/);
  });

  test("progress comes as the server tells it, and always goes up", async () => {
    const seen: { progress: number; total?: number | undefined }[] = [];
    const onprogress = (said: { progress: number; total?: number | undefined }) => void seen.push(said);
    const call = { name: "trigger-long-running-operation", arguments: { duration: 0.2, steps: 4 } };
    await client.callTool(call, { onprogress });
    // The last one may be overtaken by the result, with or without a gateway.
    expect(seen.slice(0, 3).map(({ progress, total }) => [progress, total])).toEqual([
      [1, 4],
      [2, 4],
      [3, 4],
    ]);
  });

  test("what changes is told to who wants to know", async () => {
    if (era !== "legacy") return;
    const updated = Promise.withResolvers<string>();
    client.setNotificationHandler("notifications/resources/updated", ({ params }) =>
      updated.resolve(params.uri),
    );
    const uri = "demo://resource/dynamic/text/1";
    await client.subscribeResource({ uri });
    const logged = Promise.withResolvers<void>();
    client.setNotificationHandler("notifications/message", () => logged.resolve());
    await client.setLoggingLevel("debug");
    const toggled = client.callTool({ name: "toggle-subscriber-updates", arguments: {} });
    await stage.say((await stage.asked()).id, "approve");
    await toggled;
    expect(await updated.promise).toBe(uri);
    await client.unsubscribeResource({ uri });
    await logged.promise;
  });

  test("a tool that is not there is nobody's to approve", async () => {
    const before = await stage.open();
    await expect(client.callTool({ name: "no-such-tool" })).rejects.toThrow(/no-such-tool/);
    expect(await stage.open()).toEqual(before);
  });
});

describe("several servers", () => {
  let through: Connected;
  let client: Client;

  beforeAll(async () => {
    through = await stage.connect("legacy", []);
    client = through.client;
  });

  afterAll(() => through.close());

  test("stand side by side under their names, and one that is not there is in nobody's way", async () => {
    const { tools } = await client.listTools();
    const names = tools.map(({ name }) => name);
    expect(names).toContain("fs__write_file");
    expect(names).toContain("all__get-sum");
    expect(names.filter((name) => name.startsWith("all__"))).toHaveLength(
      (await direct.listTools()).tools.length,
    );
    const { prompts } = await client.listPrompts();
    expect(prompts.map(({ name }) => name)).toContain("all__args-prompt");
    expect(client.getInstructions()).toBe(`all:\n${direct.getInstructions()}`);
  });

  test("are each called, read and completed under their own names", async () => {
    const sum = await client.callTool({ name: "all__get-sum", arguments: { a: 1, b: 1 } });
    expect(textOf(sum)).toContain("2");
    const { params } = await stage.show(String(sum._meta?.["countersign/id"]));
    expect(params).toMatchObject({ server: "all", tool: "get-sum" });
    const prompt = { name: "all__args-prompt", arguments: { city: "Paris" } };
    expect(plain(await client.getPrompt(prompt))).toEqual(
      plain(await direct.getPrompt({ ...prompt, name: "args-prompt" })),
    );
    const uri = "demo://resource/dynamic/text/1";
    expect(JSON.stringify((await client.readResource({ uri })).contents)).toContain("text/1");
    const ref = { type: "ref/prompt", name: "all__completable-prompt" } as const;
    const { completion } = await client.complete({ ref, argument: { name: "department", value: "E" } });
    expect(completion.values).toContain("Engineering");
    await expect(client.callTool({ name: "get-sum", arguments: {} })).rejects.toThrow(/not found/);
    const gone = await client.callTool({ name: "gone__anything", arguments: {} });
    expect(textOf(gone)).toContain("[upstream_unreachable]");
  });
});
