import type { CallToolResult } from "@modelcontextprotocol/server";
import { afterEach, describe, expect, test, vi } from "vitest";
import { Fault } from "../../../src/core/codes.ts";
import type { RequestView } from "../../../src/core/view.ts";
import type { HeldCalls } from "../../../src/surfaces/agent/held-calls.ts";
import type { Requester } from "../../../src/surfaces/agent/requester.ts";
import { createCalls } from "../../../src/surfaces/gateway/calls.ts";
import { createCarrying } from "../../../src/surfaces/gateway/carrying.ts";
import type { OfferedTool } from "../../../src/surfaces/gateway/catalogue.ts";

afterEach(() => void vi.useRealTimers());

const DONE: CallToolResult = { content: [{ type: "text", text: "done" }] };
const never = new AbortController().signal;
const patient = () => ({ end: performance.now() + 60_000, signal: never, structured: false });
const late = () => ({ ...patient(), end: performance.now() });

describe("a call that is being made", () => {
  test("is told to all who wait for it, and then is over", async () => {
    const carrying = createCarrying();
    const { promise, resolve } = Promise.withResolvers<CallToolResult>();
    const running = carrying.start({ id: "r1", slot: "s", free: false }, () => promise);
    const waiting = [carrying.watch(running, patient()), carrying.watch(running, patient())];
    expect(carrying.attachable("s")).toBe(running);
    resolve(DONE);
    expect(await Promise.all(waiting)).toEqual([DONE, DONE]);
    expect(carrying.attachable("s")).toBeUndefined();
    await carrying.settled();
  });

  test("is kept for who could not wait, told once, and not for ever", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    const carrying = createCarrying();
    for (const id of ["r1", "r2"]) {
      const { promise, resolve } = Promise.withResolvers<CallToolResult>();
      const running = carrying.start({ id, slot: id, free: false }, () => promise);
      expect(await carrying.watch(running, late())).toHaveProperty(["_meta", "countersign/pending"]);
      resolve(DONE);
      await carrying.settled();
    }
    vi.advanceTimersByTime(9 * 60_000);
    const kept = carrying.attachable("r1");
    expect(kept && (await carrying.watch(kept, patient()))).toEqual(DONE);
    expect(carrying.attachable("r1")).toBeUndefined();
    vi.advanceTimersByTime(2 * 60_000);
    expect(carrying.attachable("r2")).toBeUndefined();
  });

  test("is stopped with its last agent only where nobody had to be asked", async () => {
    const carrying = createCarrying();
    for (const free of [true, false]) {
      const gone = new AbortController();
      const running = carrying.start({ id: String(free), slot: "s", free }, () => new Promise(() => {}));
      const waiting = [gone.signal, gone.signal].map((signal) =>
        carrying.watch(running, { ...patient(), signal }),
      );
      gone.abort(new Error("gone"));
      for (const one of waiting) await expect(one).rejects.toThrow("gone");
      expect(running.stop.signal.aborted).toBe(free);
    }
  });
});

/** A tool of a server, called by an agent. */
function callsBehind(asking: Pick<HeldCalls, "hold">) {
  const held = asking as HeldCalls;
  const callTool = vi.fn(async () => DONE);
  const tool = {
    name: "plain",
    upstream: { name: "odd", use: (work: (client: object) => unknown) => work({ callTool }) },
    shown: { name: "plain" },
    hints: {},
    changed: false,
  } as unknown as OfferedTool;
  const report = vi.fn(async () => {});
  const calls = createCalls({ held, find: async () => tool, report, accept: () => {} });
  const requester = { name: "agent", proof: async () => "g" } as unknown as Requester;
  const call = () =>
    calls.call(async () => tool, {
      requester,
      input: {},
      progress: null,
      waitsFor: () => {},
      end: performance.now() + 60_000,
      signal: never,
    });
  return { call, callTool, report };
}

test("an approval that seems to be ours twice is one call", async () => {
  const request = {
    id: "r1",
    title: "odd: plain",
    status: "executing",
    executor: "caller",
    amended: [],
    verdict: null,
    decision: {},
    params: { server: "odd", tool: "plain", input: {} },
  } as unknown as RequestView;
  const { call, callTool, report } = callsBehind({ hold: async () => ({ request, begun: true }) });
  expect((await call()).content).toEqual(DONE.content);
  expect((await call())._meta).toHaveProperty(["countersign/pending"]);
  expect(callTool).toHaveBeenCalledTimes(1);
  expect(report).toHaveBeenCalledTimes(1);
});

test.each([
  ["unknown_kind", "countersign setup"],
  ["invalid_params", "countersign doctor"],
  ["invalid_params", "of its own", "A hint of its own."],
] as const)("%s is the operator's to mend, and says by what", async (code, words, hint?: string) => {
  const { call, callTool } = callsBehind({ hold: () => Promise.reject(new Fault(code, undefined, hint)) });
  const { isError, content } = await call();
  expect(isError).toBe(true);
  expect(content).toEqual([{ type: "text", text: expect.stringContaining(words) }]);
  expect(callTool).not.toHaveBeenCalled();
});
