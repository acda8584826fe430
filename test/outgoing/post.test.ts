import { createServer, type Server } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import type { Resolve } from "../../src/outgoing/address.ts";
import { type Post, post } from "../../src/outgoing/post.ts";
import { type Answering, openReceiver, type Receiver } from "./receiver.ts";

const receivers: Receiver[] = [];
afterEach(async () => {
  for (const receiver of receivers.splice(0)) await receiver.close();
});

async function receiver(answering?: Answering): Promise<Receiver> {
  const one = await openReceiver(answering);
  receivers.push(one);
  return one;
}

function order(url: string, rest: Partial<Post> = {}): Post {
  return {
    url: new URL(url),
    headers: { "content-type": "application/json" },
    body: '{"title":"Zahlung über 1.500 €"}',
    timeout_ms: 10_000,
    allow_private: true,
    ...rest,
  };
}

test("sends the body as it is and gives the answer", async () => {
  const to = await receiver((response) => response.writeHead(429, { "retry-after": "7" }).end("slow down"));
  const answer = await post(order(to.url));
  expect(answer).toMatchObject({ got: "answer", status: 429, body: "slow down", extent: "whole" });
  expect(answer.got === "answer" && answer.header("retry-after")).toBe("7");
  expect(to.received.map(({ body }) => body)).toEqual(['{"title":"Zahlung über 1.500 €"}']);
});

test("follows no redirect", async () => {
  const inner = await receiver();
  const to = await receiver((response) => response.writeHead(307, { location: inner.url }).end());
  expect(await post(order(to.url))).toMatchObject({ got: "answer", status: 307 });
  expect(inner.connections()).toBe(0);
});

describe("a host that may not be connected to", () => {
  test("is not connected to, by address", async () => {
    const to = await receiver();
    expect(await post(order(to.url, { allow_private: false }))).toMatchObject({ got: "refused" });
    expect(to.connections()).toBe(0);
  });

  test("is not connected to, by a name that leads there", async () => {
    const to = await receiver();
    const resolve: Resolve = async () => [{ address: "127.0.0.1", family: 4 }];
    const url = `http://innocent.example:${to.port}/`;
    const answer = await post(order(url, { allow_private: false, resolve }));
    expect(answer).toEqual({
      got: "refused",
      why: "innocent.example is 127.0.0.1, which is not a public address",
    });
    expect(to.connections()).toBe(0);
  });

  test("is not connected to by a name that changes its mind after it was checked", async () => {
    const to = await receiver();
    let asked = 0;
    const resolve: Resolve = async () => {
      asked += 1;
      // Nobody answers at the first address; a second question would lead to the receiver.
      return asked === 1 ? [{ address: "192.0.2.1", family: 4 }] : [{ address: "127.0.0.1", family: 4 }];
    };
    const url = `http://rebinding.example:${to.port}/`;
    const answer = await post(order(url, { resolve, timeout_ms: 300 }));
    expect(answer).toMatchObject({ got: "nothing", sent: false });
    expect(asked).toBe(1);
    expect(to.connections()).toBe(0);
  });

  test("is not connected to with another protocol", async () => {
    expect(await post(order("file:///etc/passwd"))).toMatchObject({ got: "refused" });
  });
});

test("a name is connected to at the address that was checked", async () => {
  const to = await receiver();
  const resolve: Resolve = async () => [{ address: "127.0.0.1", family: 4 }];
  const answer = await post(order(`http://receiver.example:${to.port}/in`, { resolve }));
  expect(answer).toMatchObject({ got: "answer", status: 204 });
  expect(to.received[0]).toMatchObject({ path: "/in", headers: { host: `receiver.example:${to.port}` } });
});

describe("a receiver that does not behave", () => {
  test("by never answering costs no more than its time", async () => {
    const to = await receiver(() => {});
    const answer = await post(order(to.url, { timeout_ms: 200 }));
    expect(answer).toEqual({ got: "nothing", sent: true, why: "there was no answer within 0.2 s" });
  });

  test("by never ending its answer costs no more than its time, and its status counts", async () => {
    const to = await receiver((response) => {
      response.writeHead(200);
      response.write("a");
    });
    const answer = await post(order(to.url, { timeout_ms: 200 }));
    expect(answer).toMatchObject({ got: "answer", status: 200, extent: "broken" });
  });

  test("by answering without end is listened to for 4 KiB", async () => {
    const to = await receiver((response) => {
      response.writeHead(200);
      const more = () => {
        while (!response.destroyed && response.write("x".repeat(65_536)));
      };
      response.on("drain", more);
      more();
    });
    const answer = await post(order(to.url));
    expect(answer.got === "answer" && answer.body.length).toBe(4_096);
    expect(answer).toMatchObject({ extent: "cut" });
  });

  test("by breaking the connection is told as that", async () => {
    const to = await receiver((response) => response.socket?.resetAndDestroy());
    expect(await post(order(to.url))).toEqual({
      got: "nothing",
      sent: true,
      why: "the connection broke (ECONNRESET)",
    });
  });

  test("by ending in the middle of its answer is told as that, and its status counts", async () => {
    const to = await receiver((response) => {
      response.writeHead(200, { "content-length": "1000" });
      response.write("a", () => response.destroy());
    });
    const answer = await post(order(to.url));
    expect(answer).toMatchObject({ got: "answer", status: 200, body: "a", extent: "broken" });
  });

  test("by not speaking HTTP is told as that", async () => {
    const server: Server = createServer((socket) => {
      socket.on("error", () => {}).end("220 mail\r\n", () => socket.destroy());
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const bound = server.address();
    const port = typeof bound === "object" && bound !== null ? bound.port : 0;
    expect(await post(order(`http://127.0.0.1:${port}/`))).toMatchObject({ got: "nothing", sent: true });
    await new Promise((resolve) => server.close(resolve));
  });

  test("by not being there is told as that", async () => {
    const gone = await receiver();
    await gone.close();
    expect(await post(order(gone.url))).toEqual({
      got: "nothing",
      sent: false,
      why: "there was no connection (ECONNREFUSED)",
    });
  });
});

test("is called off by its signal", async () => {
  const to = await receiver(() => {});
  const off = new AbortController();
  const answer = post(order(to.url, { signal: off.signal }));
  await to.got(1);
  off.abort();
  expect(await answer).toEqual({ got: "nothing", sent: true, why: "it was called off" });
});
