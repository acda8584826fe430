import { describe, expect, test, vi } from "vitest";
import { Fault } from "../../../src/core/codes.ts";
import type { RequestView } from "../../../src/core/view.ts";
import { waitLimit, withHeartbeats } from "../../../src/surfaces/agent/client-limits.ts";
import { createHeldCalls } from "../../../src/surfaces/agent/held-calls.ts";
import type { Requester } from "../../../src/surfaces/agent/requester.ts";
import { requesterName } from "../../../src/surfaces/agent/requester.ts";

const ACTION = { kind: "shell", params: { command: "ls" } };

/** A daemon of one request at a time, as far as a requester sees it. */
function fakeRequester() {
  let view = { id: "", status: "pending", asked: 1, executor: "caller" } as RequestView;
  const made: string[] = [];
  const withdrawn: string[] = [];
  const waiting = new Set<() => void>();
  const set = (change: Partial<RequestView>) => {
    view = { ...view, ...change };
    for (const wake of waiting) wake();
  };
  const requester = {
    name: "agent",
    async ask() {
      const id = `r${made.length + 1}`;
      made.push(id);
      view = { ...view, id, status: "pending", asked: 1 };
      return { request: view, created: true, own: true };
    },
    wait: (_id: string, { timeout_ms = 0, signal }: { timeout_ms?: number; signal?: AbortSignal }) =>
      new Promise<RequestView>((resolve, reject) => {
        if (signal?.aborted) reject(signal.reason);
        signal?.addEventListener("abort", () => reject(signal.reason));
        const wake = () => void (view.status !== "pending" && resolve(view));
        waiting.add(wake);
        wake();
        if (timeout_ms < 50) setTimeout(() => reject(new Fault("no_answer")), timeout_ms);
      }),
    show: async () => view,
    begin: async () => ({ ...view, status: "executing" as const }),
    async withdraw(id: string) {
      withdrawn.push(id);
      return view;
    },
  } as unknown as Requester;
  return { requester, made, withdrawn, set };
}

const forEver = () => ({ limit_ms: 60_000, signal: new AbortController().signal });

describe("a held call", () => {
  test("two of the same at once are one request, and one of them is to act", async () => {
    const { requester, made, set } = fakeRequester();
    const held = createHeldCalls(10);
    const one = held.hold(requester, ACTION, forEver());
    const two = held.hold(requester, ACTION, { limit_ms: 1, signal: forEver().signal });
    expect((await two).request.status).toBe("pending");
    set({ status: "approved" });
    expect(await one).toMatchObject({ begun: true, request: { id: "r1", status: "executing" } });
    expect(made).toEqual(["r1"]);
  });

  test("what another process has carried out is told, though its token is gone", async () => {
    const { requester, set } = fakeRequester();
    const begin = async () => {
      set({ status: "executed" });
      throw new Fault("token_invalid");
    };
    const held = createHeldCalls(10);
    const asked = held.hold({ ...requester, begin }, ACTION, forEver());
    set({ status: "approved" });
    expect(await asked).toMatchObject({ begun: false, request: { status: "executed" } });
  });

  test("what another process has just begun is told as it stands where the time is over", async () => {
    const { requester, set } = fakeRequester();
    const begin = async () => {
      set({ status: "executing" });
      throw new Fault("already_started");
    };
    const held = createHeldCalls(10);
    const over = { limit_ms: 0, signal: forEver().signal };
    const wait = async () => ({ ...(await requester.show("r1")), status: "approved" }) as RequestView;
    const asked = held.hold({ ...requester, begin, wait }, ACTION, over);
    expect(await asked).toMatchObject({ begun: false, request: { status: "executing" } });
  });

  test("a daemon that goes away when the time is over is no answer", async () => {
    const { requester, set } = fakeRequester();
    const begin = () => Promise.reject(new Fault("unreachable"));
    const held = createHeldCalls(10);
    const wait = async () => ({ ...(await requester.show("r1")), status: "approved" }) as RequestView;
    set({ status: "approved" });
    const asked = held.hold({ ...requester, begin, wait }, ACTION, { ...forEver(), limit_ms: 0 });
    await expect(asked).rejects.toMatchObject({ code: "unreachable" });
  });

  test("what nobody here has the token of is not told as done", async () => {
    const { requester, set } = fakeRequester();
    const begin = () => Promise.reject(new Fault("token_invalid"));
    const held = createHeldCalls(10);
    const asked = held.hold({ ...requester, begin }, ACTION, forEver());
    const refused = expect(asked).rejects.toMatchObject({ code: "token_invalid" });
    set({ status: "approved" });
    await refused;
  });

  test("a withdrawal that breaks takes nothing down with it", async () => {
    const { requester } = fakeRequester();
    const { promise: tried, resolve: trying } = Promise.withResolvers<void>();
    const withdraw = () => {
      trying();
      return Promise.reject(new Error("EACCES"));
    };
    const held = createHeldCalls(1);
    const gone = AbortSignal.abort(new Error("gone"));
    const asked = held.hold({ ...requester, withdraw }, ACTION, { limit_ms: 60_000, signal: gone });
    await expect(asked).rejects.toThrow("gone");
    await tried;
    await held.left();
    await held.close();
  });

  test("an outcome is told once: the same call afterwards asks anew", async () => {
    const { requester, made, set } = fakeRequester();
    const held = createHeldCalls(10);
    const asked = held.hold(requester, ACTION, forEver());
    await vi.waitFor(() => expect(made).toHaveLength(1));
    set({ status: "rejected" });
    await asked;
    await held.hold(requester, ACTION, { limit_ms: 1, signal: forEver().signal });
    expect(made).toEqual(["r1", "r2"]);
  });

  test("another title, key or param is another call", async () => {
    const { requester, made } = fakeRequester();
    const held = createHeldCalls(10);
    const brief = { limit_ms: 1, signal: forEver().signal };
    await held.hold(requester, ACTION, brief);
    await held.hold(requester, { ...ACTION, key: "k" }, brief);
    await held.hold(requester, { ...ACTION, params: { command: "ls -l" } }, brief);
    expect(made).toHaveLength(3);
  });

  test.each([
    ["is withdrawn after the grace", 1, false, ["r1"]],
    ["is not withdrawn when somebody else asked for it meanwhile", 2, false, []],
    ["is not withdrawn when its key is to outlive the agent", 1, true, []],
  ])("whose agent leaves %s", async (_name, asked, lasting, expected) => {
    const { requester, withdrawn, set } = fakeRequester();
    const held = createHeldCalls(5);
    const leaving = new AbortController();
    const call = held.hold(requester, ACTION, { limit_ms: 60_000, signal: leaving.signal, lasting });
    await Promise.resolve();
    set({ asked });
    leaving.abort();
    await expect(call).rejects.toThrow();
    await held.left();
    expect(withdrawn).toEqual(expected);
  });

  test("closing withdraws at once", async () => {
    const { requester, withdrawn } = fakeRequester();
    const held = createHeldCalls(3_600_000);
    const leaving = new AbortController();
    const call = held.hold(requester, ACTION, { limit_ms: 60_000, signal: leaving.signal });
    leaving.abort();
    await expect(call).rejects.toThrow();
    await held.close();
    expect(withdrawn).toEqual(["r1"]);
  });
});

describe("how long a call may wait", () => {
  test.each([
    ["claude-code", true, 72_000],
    ["claude-code", false, 240],
    ["codex-mcp-client", true, 280],
    ["gemini-cli-mcp-client", true, 570],
    ["opencode", false, 50],
    ["opencode", true, 3_600],
    ["github-copilot-developer", false, 170],
    ["something else", true, 50],
    [undefined, false, 50],
  ])("%s, heartbeats %s: %i s", (client, beating, seconds) => {
    expect(waitLimit(client, beating)).toBe(seconds * 1_000);
  });

  test("heartbeats count up, and end with the work", async () => {
    vi.useFakeTimers();
    const beats: number[] = [];
    const done = Promise.withResolvers<void>();
    const work = withHeartbeats(
      (count) => beats.push(count),
      9_000,
      () => done.promise,
    );
    vi.advanceTimersByTime(27_000);
    expect(beats).toEqual([1, 2, 3, 4]);
    done.resolve();
    await work;
    vi.advanceTimersByTime(60_000);
    expect(beats).toHaveLength(4);
    vi.useRealTimers();
  });

  test("a client's name becomes one that requests take", () => {
    expect(requesterName("Claude Code (beta)!")).toBe("claude-code-beta-");
    expect(requesterName("  ")).toBe("agent");
    expect(requesterName("x".repeat(99))).toHaveLength(64);
  });
});
