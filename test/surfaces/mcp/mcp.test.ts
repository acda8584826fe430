import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Client } from "@modelcontextprotocol/client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type AgentStage, openAgentStage } from "../agents/stage.ts";
import { callTool, connectOverStdio, type Era } from "./client.ts";

/** The server as it is shipped, in front of a real daemon, with the official client in both eras. */
let stage: AgentStage;

beforeAll(async () => {
  stage = await openAgentStage();
  await stage.start();
});

afterAll(() => stage.remove());

const ERAS: readonly Era[] = ["legacy", "2026-07-28"];
/** A call of its own each time: what was refused once is not asked again so soon. */
const shell = (command: string) => ({ kind: "shell", params: { command, cwd: "/src" } });

describe.each(ERAS)("over stdio, in the era %s", (era) => {
  let client: Client;

  beforeAll(async () => {
    client = await connectOverStdio(stage, era);
  });

  afterAll(() => client.close());

  const ask = (args: object, options = {}) => callTool(client, "request_approval", { ...args }, options);

  test("offers tools that ask, and none that decides", async () => {
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name).sort()).toEqual([
      "cancel_request",
      "check_approval",
      "list_requests",
      "permission_prompt",
      "report_outcome",
      "request_approval",
      "wait_for_approval",
    ]);
    const hints = Object.fromEntries(tools.map(({ name, annotations }) => [name, annotations]));
    expect(hints.check_approval).toMatchObject({ readOnlyHint: true });
    expect(hints.request_approval).toMatchObject({ readOnlyHint: false, destructiveHint: true });
    for (const { name, outputSchema } of tools) {
      if (name !== "permission_prompt") expect(outputSchema, name).toMatchObject({ type: "object" });
    }
  });

  test("an approved action of the daemon's comes back with its result", async () => {
    const beats: string[] = [];
    const onprogress = ({ message }: { message?: string | undefined }) => void beats.push(message ?? "");
    const asked = ask({ kind: "pay", params: { cents: 5 } }, { onprogress });
    const { id } = await stage.next("submitted");
    await stage.say(id, "approve");
    const { told } = await asked;
    expect(told).toMatchObject({ id, status: "executed", proceed: false, result: { paid: true } });
    expect(beats.length).toBeGreaterThan(0);
  });

  test("an approved action of the caller's is consumed, and its outcome is reported", async () => {
    const asked = ask(shell(`make 4 ${era}`));
    const { id, requester } = await stage.next("submitted");
    expect(requester).toBe("test-agent");
    await stage.say(id, "approve", { set: { command: "make dist" } });
    const { told } = await asked;
    expect(told).toMatchObject({ status: "executing", proceed: true, amended: true });
    expect(told.params).toEqual({ command: "make dist", cwd: "/src" });
    const again = await callTool(client, "check_approval", { id });
    expect(again.told).toMatchObject({ status: "executing", proceed: false });
    const done = await callTool(client, "report_outcome", { id, outcome: "done", result: { files: 3 } });
    expect(done.told).toMatchObject({ status: "executed", result: { files: 3 } });
    expect((await stage.show(id)).status).toBe("executed");
  });

  test("what the agent cannot tell the outcome of is left to a person", async () => {
    const asked = ask(shell(`make 8 ${era}`));
    const { id } = await stage.next("submitted");
    await stage.say(id, "approve");
    await asked;
    const { told } = await callTool(client, "report_outcome", { id, outcome: "unknown", error: "cut off" });
    expect(told).toMatchObject({ id, status: "outcome_unknown", proceed: false });
    expect(await stage.show(id)).toMatchObject({
      status: "outcome_unknown",
      error: "its caller cannot tell: cut off",
    });
    expect((await stage.cs("resolve", id, "--happened")).exit).toBe(0);
  });

  test("a no comes with its reason, and shuts the ways around it", async () => {
    const asked = ask(shell(`make 5 ${era}`));
    const { id } = await stage.next("submitted");
    await stage.say(id, "reject", { reason: "not on a Friday" });
    const { told } = await asked;
    expect(told).toMatchObject({ status: "rejected", proceed: false, reason: "not on a Friday" });
    expect(told.message).toContain("another way");
  });

  test("changes that are asked for come as such", async () => {
    const asked = ask(shell(`make 6 ${era}`));
    const { id } = await stage.next("submitted");
    await stage.say(id, "request_changes", { reason: "sign it" });
    expect((await asked).told).toMatchObject({ status: "changes_requested", reason: "sign it" });
  });

  test("what is still pending is a normal answer, and the same call attaches to it", async () => {
    const action = shell(`make 7 ${era}`);
    const first = await ask({ ...action, timeout_s: 0.2 });
    expect(first.failed).toBe(false);
    expect(first.told).toMatchObject({ status: "pending", proceed: false, retry_after_s: 5 });
    const { id } = await stage.next("submitted");
    expect(first.told.id).toBe(id);
    const resources = await client.listResources();
    expect(resources.resources.map(({ uri }) => uri)).toContain(`countersign://requests/${id}`);
    const read = await client.readResource({ uri: `countersign://requests/${id}` });
    expect(JSON.stringify(read.contents)).toContain("make ");
    // Decided while nobody waits: the same call is told so, once, and the approval is consumed by it.
    await stage.say(id, "approve");
    const second = await ask(action);
    expect(second.told).toMatchObject({ id, status: "executing", proceed: true });
    const third = await ask({ ...action, timeout_s: 0.2 });
    expect(third.told.id).not.toBe(id);
    expect(third.told.status).toBe("pending");
    await stage.next("submitted");
    await callTool(client, "report_outcome", { id, outcome: "failed", error: "no space" });
    const cancelled = await callTool(client, "cancel_request", { id: third.told.id });
    expect(cancelled.told.status).toBe("cancelled");
  });

  test("waiting goes on by the id", async () => {
    const { told } = await ask({ kind: "pay", params: { cents: 7 }, timeout_s: 0.2 });
    await stage.next("submitted");
    const waited = callTool(client, "wait_for_approval", { id: told.id });
    await stage.say(told.id, "approve");
    expect((await waited).told).toMatchObject({ id: told.id, status: "executed" });
    const listed = await callTool(client, "list_requests");
    expect(listed.text).not.toContain(told.id);
  });

  test("what is wrongly asked is an error in the answer, and asks nobody", async () => {
    const { failed, text } = await ask({ kind: "launch" });
    expect(failed).toBe(true);
    expect(text).toContain("[unknown_kind]");
    const params = await ask({ kind: "pay", params: { cents: "many" } });
    expect(params.text).toContain("[invalid_params]");
    const strange = await callTool(client, "check_approval", { id: "20261121-091403-pay-7f3k9q" });
    expect(strange.text).toContain("[not_found]");
  });

  test("another agent's request is not shown, waited for or withdrawn", async () => {
    const theirs = (
      await stage.cs("request", "--kind", "pay", "--param", `cents:=${era === "legacy" ? 9 : 10}`)
    ).out.trim();
    await stage.next("submitted");
    for (const tool of ["check_approval", "wait_for_approval", "cancel_request"]) {
      expect((await callTool(client, tool, { id: theirs })).text, tool).toContain("[not_found]");
    }
    await stage.say(theirs, "reject");
  });

  test("a permission prompt allows what was approved, as it was approved, and denies everything else", async () => {
    const prompt = async (tool_use_id: string, command: string) => {
      const args = { tool_name: "Bash", input: { command, description: "try" }, tool_use_id };
      return JSON.parse((await callTool(client, "permission_prompt", args)).text);
    };
    const allowed = prompt(`toolu_${era}_1`, "echo hi");
    const first = await stage.next("submitted");
    await stage.say(first.id, "approve", { set: { command: "echo ho" } });
    expect(await allowed).toEqual({
      behavior: "allow",
      updatedInput: { command: "echo ho", description: "try" },
    });
    const denied = prompt(`toolu_${era}_2`, `rm -rf /${era}`);
    const second = await stage.next("submitted");
    await stage.say(second.id, "reject", { reason: "never" });
    expect(await denied).toMatchObject({ behavior: "deny", message: expect.stringContaining("never") });
    expect(JSON.parse((await callTool(client, "permission_prompt", { tool_name: 5 })).text)).toMatchObject({
      behavior: "deny",
    });
    expect((await stage.open()).filter(({ requester }) => requester === "test-agent")).toEqual([]);
  });

  test("a call that is cancelled and comes again within the grace is the same request", async () => {
    const params = { command: `deploy ${era}` };
    const leaving = new AbortController();
    const first = ask({ kind: "shell", params }, { signal: leaving.signal });
    const { id } = await stage.next("submitted");
    leaving.abort();
    await expect(first).rejects.toThrow();
    const again = ask({ kind: "shell", params });
    await stage.say(id, "approve");
    expect((await again).told).toMatchObject({ id, proceed: true });
    await callTool(client, "report_outcome", { id, outcome: "done" });
  });

  test("a call that is cancelled withdraws its request after the grace", async () => {
    const action = shell(`make 13 ${era}`);
    const brief = await connectOverStdio(stage, era, ["--grace", "50ms"], "brief-agent");
    const leaving = new AbortController();
    const asked = callTool(brief, "request_approval", action, { signal: leaving.signal });
    const { id } = await stage.next("submitted");
    leaving.abort();
    await expect(asked).rejects.toThrow();
    expect(await stage.next("cancelled")).toMatchObject({ id, reason: "its agent went away" });
    await brief.close();
  });
});

describe("a client that is killed", () => {
  test("leaves a server that withdraws what it asked for, and ends", async () => {
    const { program, env, vault } = stage;
    const words = [program.main, "mcp", "--vault", vault, "--grace", "200ms", "--requester", "lost-agent"];
    const server = spawn(process.execPath, words, { env, stdio: ["pipe", "pipe", "inherit"] });
    const ended = new Promise((resolve) => server.once("exit", resolve));
    const send = (message: object) =>
      server.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
    const clientInfo = { name: "x", version: "1" };
    send({
      id: 1,
      method: "initialize",
      params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo },
    });
    send({ method: "notifications/initialized" });
    send({
      id: 2,
      method: "tools/call",
      params: { name: "request_approval", arguments: shell(`make lost`) },
    });
    const { id } = await stage.next("submitted");
    // What is left of a killed client is the closed pipe.
    server.stdin.destroy();
    expect(await stage.next("cancelled")).toMatchObject({ id, reason: "its agent went away" });
    expect(await ended).toBe(0);
  });
});

test("a client whose message is too long to be read is not left waiting", async () => {
  const { program, env, vault } = stage;
  const server = spawn(process.execPath, [program.main, "mcp", "--vault", vault], {
    env,
    stdio: ["pipe", "pipe", "ignore"],
  });
  const ended = once(server, "exit");
  server.stdin.on("error", () => {});
  const clientInfo = { name: "x", version: "1" };
  const params = { protocolVersion: "2025-06-18", capabilities: {}, clientInfo };
  server.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params })}\n`);
  expect(String((await once(server.stdout, "data"))[0])).toContain('"id":1');
  server.stdin.write(Buffer.alloc(11 * 1024 * 1024, "x"));
  expect(await ended).toEqual([0, null]);
});

describe("a daemon", () => {
  test("that is restarted during the wait is waited for", async () => {
    const client = await connectOverStdio(stage, "2026-07-28");
    const held = Promise.withResolvers<string>();
    const onprogress = ({ message = "" }: { message?: string | undefined }) => {
      const id = /^(\S+) waits/.exec(message)?.[1];
      if (id !== undefined) held.resolve(id);
    };
    const action = { kind: "pay", params: { cents: 11 } };
    const asked = callTool(client, "request_approval", action, { onprogress });
    const id = await held.promise;
    await stage.next("submitted");
    await stage.stop("SIGKILL");
    await stage.start();
    await stage.say(id, "approve");
    expect((await asked).told).toMatchObject({ id, status: "executed" });
    await client.close();
  });

  test("that is down makes every answer a no that says what to start", async () => {
    const client = await connectOverStdio(stage, "legacy");
    await stage.stop();
    const asked = await callTool(client, "request_approval", { kind: "pay", params: { cents: 13 } });
    expect(asked.failed).toBe(true);
    expect(asked.text).toContain("countersign start");
    const prompt = await callTool(client, "permission_prompt", {
      tool_name: "Bash",
      input: { command: "ls" },
    });
    expect(JSON.parse(prompt.text)).toMatchObject({ behavior: "deny" });
    await stage.start();
    await client.close();
  });
});
