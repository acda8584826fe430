import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createHeldCalls } from "../../../src/surfaces/agent/held-calls.ts";
import type { Requester } from "../../../src/surfaces/agent/requester.ts";
import { createGateway, type Gateway } from "../../../src/surfaces/gateway/gateway.ts";
import { fromAll } from "../../../src/surfaces/gateway/passing.ts";

let place: string;
let gateway: Gateway;
let errors: string[];

beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), "cs-silent-"));
  errors = [];
});

afterEach(async () => {
  await gateway.close();
  rmSync(place, { recursive: true });
});

function open(servers: { readonly [name: string]: "speaks" | "mute" | "deaf" | "shy" }) {
  gateway = createGateway({
    version: "1",
    upstreams: Object.entries(servers).map(([name, how]) => ({
      name,
      by: "command",
      argv: [process.execPath, join(import.meta.dirname, "raw-server.mjs"), join(place, "calls"), how],
      cwd: place,
      env: {},
    })),
    held: createHeldCalls(10),
    requester: (name) => ({ name }) as Requester,
    pins: join(place, "pins"),
    limit_ms: null,
    patience_ms: 3_000,
    onError: ({ message }) => errors.push(message),
  });
  return gateway.open();
}

describe("a server that does not say what tools it has", () => {
  test("is named, and hides nothing of the others", async () => {
    await open({ good: "speaks", bad: "mute" });
    const lists = await fromAll(gateway, ({ catalogue }) => catalogue.list());
    expect(lists.map(({ place }) => place.upstream.name)).toEqual(["good"]);
    expect(errors.join("\n")).toContain("bad does not say what tools it has.");
  });

  test("alone is an answer in plain words", async () => {
    await open({ bad: "mute" });
    await expect(fromAll(gateway, ({ catalogue }) => catalogue.list())).rejects.toThrow(
      /^bad does not say what tools it has\. /,
    );
  });
});

test("a server that does not answer what it does not know is greeted as it understands", async () => {
  await open({ shy: "shy" });
  expect(errors).toEqual([]);
  const [place] = gateway.places;
  expect((await place?.catalogue.list())?.tools.length).toBeGreaterThan(0);
});

test("a server that dies is started once more, and not asked again which era it speaks", async () => {
  await open({ fs: "speaks" });
  const starts = () => readFileSync(join(place, "calls.starts"), "utf8").trim().split("\n").length;
  const before = starts();
  const upstream = gateway.places[0]?.upstream;
  await expect(upstream?.use((client) => client.callTool({ name: "die" }))).rejects.toThrow("closed");
  await upstream?.use((client) => client.listTools());
  expect(starts()).toBe(before + 1);
});

test("a result of more than 10 MB is a result", async () => {
  await open({ fs: "speaks" });
  const answer = await gateway.places[0]?.upstream.use((client) => client.callTool({ name: "large" }));
  expect(JSON.stringify(answer).length).toBeGreaterThan(11_000_000);
});

test("a server that never greets does not hold up the end of the gateway", async () => {
  const opened = open({ bad: "deaf" });
  await gateway.close();
  await opened;
  expect(errors.join("\n")).toMatch(/^bad: There is no connection to bad/);
});

test("a program that is not there is told to whoever starts the gateway", async () => {
  gateway = createGateway({
    version: "1",
    upstreams: [{ name: "files", by: "command", argv: [join(place, "nothing")], cwd: place, env: {} }],
    held: createHeldCalls(10),
    requester: (name) => ({ name }) as Requester,
    pins: join(place, "pins"),
    limit_ms: null,
    onError: ({ message }) => errors.push(message),
  });
  await expect(gateway.open()).rejects.toMatchObject({ code: "usage" });
});
