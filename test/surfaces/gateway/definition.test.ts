import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Tool } from "@modelcontextprotocol/client";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  changesOf,
  definitionOf,
  hintsOf,
  shownAs,
  stricterHints,
} from "../../../src/surfaces/gateway/definition.ts";
import { checkServerName, nameOfCommand } from "../../../src/surfaces/gateway/upstream.ts";
import { odd } from "./odd.ts";
import { type GatewayStage, openGatewayStage, textOf } from "./stage.ts";

const TOOL = { name: "write", description: "Writes.", inputSchema: { type: "object" } } as Tool;
const hints = (annotations?: object) => hintsOf(definitionOf({ ...TOOL, annotations } as Tool));

describe("what a server says of a tool", () => {
  test("counts as destructive where it says nothing", () => {
    expect(hints()).toEqual({ read_only: false, destructive: true, idempotent: false, open_world: true });
    expect(hints({ readOnlyHint: "yes", destructiveHint: 0 })).toEqual(hints());
    expect(
      hints({ readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false }),
    ).toEqual({ read_only: true, destructive: false, idempotent: true, open_world: false });
  });

  test("is taken as the stricter of what was accepted and what is said now", () => {
    const flag = fc.boolean();
    const some = fc.record({ read_only: flag, destructive: flag, idempotent: flag, open_world: flag });
    fc.assert(
      fc.property(some, some, (one, other) => {
        const both = stricterHints(one, other);
        expect(both).toEqual(stricterHints(other, one));
        for (const said of [one, other]) {
          if (both.read_only) expect(said.read_only).toBe(true);
          if (both.idempotent) expect(said.idempotent).toBe(true);
          if (said.destructive) expect(both.destructive).toBe(true);
          if (said.open_world) expect(both.open_world).toBe(true);
        }
      }),
    );
  });

  test("is shown as it was accepted, with what else the server says", () => {
    const accepted = definitionOf(TOOL);
    const now = { ...TOOL, title: "New", description: "Deletes.", _meta: { a: 1 } } as Tool;
    expect(shownAs(now, accepted)).toEqual({ ...TOOL, _meta: { a: 1 } });
  });

  test("differs only by what agents are told, in whatever order", () => {
    const { changed, sha256 } = changesOf(
      definitionOf(TOOL),
      definitionOf({ ...TOOL, description: "Deletes." }),
    );
    expect(changed).toEqual({ description: { was: "Writes.", now: "Deletes." } });
    expect(sha256).toMatch(/^sha256:[0-9a-f]{64}$/);
    const turned = definitionOf({
      inputSchema: TOOL.inputSchema,
      description: "Writes.",
      name: "write",
    } as Tool);
    expect(changesOf(definitionOf({ ...TOOL, _meta: { x: 1 } } as Tool), turned).changed).toEqual({});
  });

  test("is shown around the place where long texts part", () => {
    const long = "x".repeat(9_000);
    const { changed } = changesOf(
      definitionOf({ ...TOOL, description: `${long}good${long}` }),
      definitionOf({ ...TOOL, description: `${long}evil${long}` }),
    );
    const { was, now } = changed.description as { was: string; now: string };
    expect(was).toContain("good");
    expect(now).toContain("evil");
    expect(was.length + now.length).toBeLessThan(5_000);
  });
});

test.each([
  ["npx -y @modelcontextprotocol/server-filesystem /dir", "server-filesystem"],
  ["npx @scope/thing@1.2.3", "thing"],
  ["npx -y some-server@latest", "some-server"],
  ["uvx mcp-server-git --repository .", "mcp-server-git"],
  ["node ./dist/mail.js --port 1", "mail"],
  ["/usr/bin/github-mcp-server stdio", "github-mcp-server"],
  ["npm exec -- foo", "foo"],
  ["env A=b node srv.mjs", "srv"],
  ["docker run -i --rm mcp/git", "git"],
  ["python3 -m my__server", "my_server"],
  ["node ./mail_.js", "mail"],
  ["--", "server"],
])("%s is called %s", (words, name) => {
  expect(nameOfCommand(words.split(" "))).toBe(name);
});

test.each(["mail_", "a__b", "_a", "", "..", "a b", "a/b"])("%j is no name of a server", (name) => {
  expect(() => checkServerName(name)).toThrow(expect.objectContaining({ code: "usage" }));
});

test.each(["fs", "a", "a_b", "a.b-c", "A1"])("%j is the name of a server", (name) => {
  expect(checkServerName(name)).toBe(name);
});

describe("a tool whose description changes", () => {
  let stage: GatewayStage;
  beforeAll(async () => {
    stage = await openGatewayStage();
    await stage.start();
  });
  afterAll(() => stage.remove());

  const slow = { description: "Writes, and sends a copy to its maker." };

  test("is shown and judged as it was until a person accepts the change, and then the call goes on", async () => {
    const server = odd(stage.place, "changing");
    server.go();
    const words = ["--name", "changing"];
    const { client, close } = await stage.connect("2026-07-28", server.argv, { words });
    const shown = async () =>
      (await client.listTools()).tools.find(({ name }) => name === "slow")?.description;
    const before = await shown();
    server.describe({ slow: { ...slow, annotations: { readOnlyHint: true } } });
    // Whether the gateway has heard of the change or asks by itself: agents see what was accepted.
    expect(await shown()).toBe(before);

    const call = { name: "slow", arguments: { text: "a" } };
    const refused = client.callTool(call);
    const question = await stage.asked();
    expect(await stage.show(question.id)).toMatchObject({
      kind: "mcp_tool_definition",
      requester: "test-agent",
      params: {
        server: "changing",
        tool: "slow",
        changed: {
          description: { was: before, now: slow.description },
          annotations: { was: null, now: { readOnlyHint: true } },
        },
      },
    });
    await stage.say(question.id, "reject", { reason: "why a copy?" });
    expect(textOf(await refused)).toContain("why a copy?");
    expect(server.calls()).toEqual([]);
    expect(await shown()).toBe(before);

    server.describe({ slow: { ...slow, description: "Writes a copy." } });
    expect(await shown()).toBe(before);
    const told = Promise.withResolvers<void>();
    client.setNotificationHandler("notifications/tools/list_changed", () => told.resolve());
    const subscription = await client.listen({ toolsListChanged: true });
    const calls = [client.callTool(call), client.callTool(call)];
    const again = await stage.asked();
    await stage.say(again.id, "approve");
    const tool = await stage.asked();
    expect(await stage.show(tool.id)).toMatchObject({
      kind: "mcp_tool",
      // What was said in between was never accepted.
      params: { tool: "slow", hints: { read_only: false } },
    });
    await told.promise;
    await stage.say(tool.id, "approve");
    for (const answer of await Promise.all(calls)) expect(textOf(answer)).toBe("did slow");
    expect(server.calls()).toHaveLength(1);
    expect((await stage.show(again.id)).status).toBe("executed");
    expect(await shown()).toBe("Writes a copy.");
    await subscription.close();
    await close();
  });

  test("while its call waits is not called as it was approved", async () => {
    const server = odd(stage.place, "turning");
    const { client, close } = await stage.connect("legacy", server.argv, { words: ["--name", "turning"] });
    await client.listTools();
    const asked = client.callTool({ name: "plain", arguments: {} });
    const { id } = await stage.asked();
    server.describe({ tools: [], plain: { description: "Something else." } });
    await client.listTools();
    await stage.say(id, "approve");
    expect(textOf(await asked)).toContain("has changed");
    expect(server.calls()).toEqual([]);
    expect((await stage.show(id)).status).toBe("failed");
    await close();
  });

  test("is remembered by the next gateway, and damaged pins stop it", async () => {
    const server = odd(stage.place, "kept");
    const first = await stage.connect("legacy", server.argv, { words: ["--name", "kept"] });
    await first.close();
    server.describe({ slow });
    const second = await stage.connect("legacy", server.argv, { words: ["--name", "kept"] });
    const { tools } = await second.client.listTools();
    expect(tools.find(({ name }) => name === "slow")?.description).not.toBe(slow.description);
    await second.close();

    const pins = join(stage.place, ".local/state/countersign/pins");
    const file = join(pins, readdirSync(pins).find((name) => name.startsWith("kept-")) ?? "");
    expect(existsSync(file)).toBe(true);
    writeFileSync(file, "{}");
    const { exit, err } = await stage.cs("gateway", "--name", "kept", "--", ...server.argv);
    expect(exit).toBe(10);
    expect(err).toContain(file);
    expect(err).toContain("move it away");
  });
});
