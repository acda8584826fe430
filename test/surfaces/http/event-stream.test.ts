import { once } from "node:events";
import { createServer, type IncomingMessage, request } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import type { Happenings } from "../../../src/application/application.ts";
import type { EventView } from "../../../src/core/event-view.ts";
import { sendEvents } from "../../../src/surfaces/http/event-stream.ts";
import { ID } from "../fake-application.ts";
import { createStage, tokenOf } from "./stage.ts";
import { openWhole, type Whole } from "./whole.ts";

const open: { close(): Promise<void>; readonly bugs: unknown[] }[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) {
    await one.close();
    expect(one.bugs).toEqual([]);
  }
});

async function whole(): Promise<Whole> {
  const made = await openWhole();
  open.push(made);
  return made;
}

interface Place {
  placeOf(socket: "agent" | "tcp"): object;
}

interface Reader {
  readonly answer: IncomingMessage;
  /** The next so many events. */
  next(count: number): Promise<EventView[]>;
  readonly ended: Promise<unknown>;
  close(): void;
}

/** Reads a stream as EventSource would. */
async function follow(
  stage: Place,
  path = "/v1/events",
  { as, headers = {} }: { as?: string; headers?: Record<string, string> } = {},
): Promise<Reader> {
  const token = as === undefined ? {} : { authorization: `Bearer ${tokenOf(as)}` };
  const place = stage.placeOf(as === undefined ? "agent" : "tcp");
  const sent = request({ ...place, path, headers: { ...token, ...headers }, agent: false });
  sent.end();
  const [answer] = (await once(sent, "response")) as [IncomingMessage];
  const ended = new Promise((resolve) => answer.once("close", resolve));
  answer.on("error", () => {});
  sent.on("error", () => {});
  const events: EventView[] = [];
  let text = "";
  let wake = () => {};
  answer.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
    const parts = text.split("\n\n");
    text = parts.pop() ?? "";
    for (const part of parts) {
      const [, id, data] = /^id: (\d+)\ndata: (.*)$/.exec(part) ?? [];
      if (data === undefined) continue;
      const event = JSON.parse(data) as EventView;
      expect(event.seq).toBe(Number(id));
      events.push(event);
    }
    wake();
  });
  return {
    answer,
    ended,
    close: () => sent.destroy(),
    async next(count) {
      while (events.length < count) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return events.splice(0, count);
    },
  };
}

const told = (events: readonly EventView[]) => events.map(({ seq, event }) => `${seq} ${event}`);

describe("a stream of events", () => {
  test("tells what happens from now on, in order, and who said it", async () => {
    const stage = await whole();
    const before = await stage.submit();
    const reader = await follow(stage);
    expect(reader.answer.headers["content-type"]).toBe("text/event-stream; charset=utf-8");
    await stage.world.application.decide(before, {
      verb: "reject",
      reviewer: "anna",
      reason: "no",
      via: "cli",
    });
    const [rejected] = await reader.next(1);
    expect(rejected).toMatchObject({
      seq: 2,
      id: before,
      event: "rejected",
      requester: "billing-agent",
      kind: "payment",
      by: "anna",
      reason: "no",
    });
  });

  test("goes on behind the last event that the reader has, however long it was away", async () => {
    const stage = await whole();
    const first = await follow(stage);
    await stage.submit();
    expect(told(await first.next(1))).toEqual(["1 submitted"]);
    first.close();
    await first.ended;
    await stage.submit();
    await stage.submit();
    const again = await follow(stage, "/v1/events", { headers: { "last-event-id": "1" } });
    expect(told(await again.next(2))).toEqual(["2 submitted", "3 submitted"]);
    await stage.submit();
    expect(told(await again.next(1))).toEqual(["4 submitted"]);
  });

  test("from the beginning, while more happens, leaves nothing out and tells nothing twice", async () => {
    const stage = await whole();
    for (let n = 0; n < 12; n += 1) await stage.submit();
    const reader = await follow(stage, "/v1/events?after=0");
    const more = Promise.all(Array.from({ length: 12 }, () => stage.submit()));
    const events = await reader.next(24);
    await more;
    expect(events.map(({ seq }) => seq)).toEqual(Array.from({ length: 24 }, (_, at) => at + 1));
  });

  test("tells an agent with a token of its own only of its own requests", async () => {
    const stage = await whole();
    const agent = await follow(stage, "/v1/events", { as: "billing-agent" });
    const reader = await follow(stage, "/v1/events?requester=other-agent", { as: "wallboard" });
    await stage.submit("other-agent");
    await stage.submit("billing-agent");
    await stage.submit("other-agent");
    expect(told(await agent.next(1))).toEqual(["2 submitted"]);
    expect(told(await reader.next(2))).toEqual(["1 submitted", "3 submitted"]);
  });

  test("cannot go on behind an event that has not been", async () => {
    const stage = await whole();
    const found = await stage.ask("GET /v1/events", { headers: { "last-event-id": "7" } });
    expect(found).toMatchObject({ status: 400, body: { error: { code: "invalid_request" } } });
  });

  test("ends cleanly when the server closes", async () => {
    const stage = await whole();
    const reader = await follow(stage);
    await stage.stopServing();
    await reader.ended;
    // What does not end by itself is cut off, and is not complete.
    expect(reader.answer.complete).toBe(true);
  });

  test("frees what it held when its reader goes away", async () => {
    const { stage, followers, left } = await fake(0);
    const reader = await follow(stage);
    expect(followers.size).toBe(1);
    reader.close();
    await left;
    expect(followers.size).toBe(0);
  });
});

/** A server on which there are so many big events, for whoever asks from the beginning. */
async function fake(count: number) {
  const stage = createStage();
  open.push(stage);
  const { happenings, ...rest } = endless(count);
  const application = await stage.serve();
  await stage.stopServing();
  await stage.serveAll({ ...application, happenings });
  return { stage, ...rest };
}

function eventAt(seq: number, reason: string): EventView {
  return {
    seq,
    id: ID,
    revision: 1,
    event: "refused",
    at: "2026-11-21T09:14:03.000Z",
    requester: "billing-agent",
    kind: "payment",
    by: null,
    reason,
  };
}

/** `left` resolves when nobody follows any more. */
function endless(count: number) {
  const followers = new Set<unknown>();
  const left = Promise.withResolvers<void>();
  const made = { count: 0 };
  const happenings: Happenings = {
    head: () => count,
    async *after(seq) {
      for (let next = seq + 1; next <= count; next += 1) {
        made.count += 1;
        yield eventAt(next, "x".repeat(64 * 1024));
      }
    },
    follow(listener) {
      followers.add(listener);
      return () => {
        followers.delete(listener);
        if (followers.size === 0) left.resolve();
      };
    },
    page: async () => ({ events: [], next: null }),
  };
  return { happenings, followers, left: left.promise, made };
}

describe("a reader that is slower than what happens", () => {
  test("makes nobody keep what it does not read", async () => {
    const { stage, made } = await fake(2_000);
    const sent = request({ ...stage.placeOf("agent"), path: "/v1/events?after=0", agent: false });
    sent.end();
    const [answer] = (await once(sent, "response")) as [IncomingMessage];
    answer.pause();
    // Until nothing more is made: as much as fits between the two, and no more.
    let before = 0;
    while (made.count === 0 || before !== made.count) {
      before = made.count;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(made.count).toBeLessThan(500);
    sent.destroy();
  });
});

describe("a connection", () => {
  /** Only the sending of events, with shorter times. */
  async function serve(events: number, times: { heartbeat_ms?: number; stall_ms?: number }) {
    const { happenings, left } = endless(events);
    return { left, answer: await serveThem(happenings, times) };
  }

  async function serveThem(happenings: Happenings, times: { heartbeat_ms?: number; stall_ms?: number } = {}) {
    const server = createServer((_, outgoing) => {
      void sendEvents(outgoing, happenings, {
        after: 0,
        fits: () => true,
        closing: new AbortController().signal,
        ...times,
      });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    open.push({
      bugs: [],
      async close() {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      },
    });
    const sent = request({ port: (server.address() as AddressInfo).port, host: "127.0.0.1", agent: false });
    sent.on("error", () => {});
    sent.end();
    const [answer] = (await once(sent, "response")) as [IncomingMessage];
    answer.on("error", () => {});
    return answer;
  }

  test("misses nothing of what was told while it was still reading the journal", async () => {
    const reads = [2, 4];
    const answer = await serveThem({
      ...endless(0).happenings,
      head: () => 4,
      async *after(seq) {
        const upTo = reads.shift() ?? 4;
        for (let next = seq + 1; next <= upTo; next += 1) yield eventAt(next, "");
      },
    });
    let text = "";
    for await (const chunk of answer) {
      text += chunk;
      if (text.includes("id: 4")) break;
    }
    expect([...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id))).toEqual([1, 2, 3, 4]);
  });

  test("on which nothing happens is kept alive", async () => {
    const { answer } = await serve(0, { heartbeat_ms: 10 });
    let text = "";
    for await (const chunk of answer) {
      text += chunk;
      if (text.split(": nothing new\n\n").length > 3) break;
    }
    expect(text).toMatch(/^retry: 1000\n\n(: nothing new\n\n)+$/);
  });

  test("whose reader reads nothing is let go, with all that it held", async () => {
    const { answer, left } = await serve(2_000, { stall_ms: 50 });
    answer.pause();
    await left;
  });
});
