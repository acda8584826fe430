import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { connect, type Socket } from "node:net";
import { PassThrough } from "node:stream";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createArriving } from "../../../src/surfaces/http/arriving.ts";
import { bearer, JSON_BODY, question } from "./raw.ts";
import { openWhole, type Whole } from "./whole.ts";

const MIB = 1024 * 1024;

/** A body on its way, to be written piece by piece. */
function incoming(headers: Record<string, string> = {}): PassThrough & IncomingMessage {
  return Object.assign(new PassThrough(), { headers }) as unknown as PassThrough & IncomingMessage;
}

describe("a body in pieces", () => {
  test("is the same however it was cut", async () => {
    const piece = fc.uint8Array({ minLength: 1, maxLength: 9_000 });
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 12 }), fc.boolean(), async (pieces, announced) => {
        const length = String(Buffer.concat(pieces).length);
        const one = incoming(announced ? { "content-length": length } : {});
        const whole = createArriving(MIB).collect(one);
        for (const part of pieces) one.write(part);
        one.end();
        expect(Buffer.from(await whole).equals(Buffer.concat(pieces))).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  test("may be of 1 MiB, and of no byte more", async () => {
    const exact = incoming();
    const whole = createArriving().collect(exact);
    exact.write(Buffer.alloc(MIB - 1, 1));
    exact.end(Buffer.from([2]));
    const bytes = await whole;
    expect([bytes.length, bytes.at(-2), bytes.at(-1)]).toEqual([MIB, 1, 2]);
    const more = incoming();
    const refused = createArriving().collect(more);
    more.end(Buffer.alloc(MIB + 1));
    await expect(refused).rejects.toMatchObject({ code: "too_large" });
  });
});

test("over the budget the oldest are given up, and what ended, failed or was given up holds nothing", async () => {
  const arriving = createArriving(4 * MIB);
  const start = (bytes: number) => {
    const one = incoming();
    const taken = arriving.collect(one).then(
      () => "whole",
      (fault: { code: string }) => fault.code,
    );
    one.write(Buffer.alloc(bytes));
    return { one, taken };
  };
  const flowing = () => new Promise(setImmediate);
  for (let round = 0; round < 3; round += 1) {
    const broken = start(MIB);
    const bodies = Array.from({ length: 6 }, () => start(MIB));
    await flowing();
    broken.one.destroy(new Error("gone"));
    expect(await Promise.all([broken, ...bodies.slice(0, 2)].map(({ taken }) => taken))).toEqual([
      "busy",
      "busy",
      "busy",
    ]);
    for (const { one } of bodies) one.end();
    expect(await Promise.all(bodies.slice(2).map(({ taken }) => taken))).toEqual(Array(4).fill("whole"));
    const failed = start(MIB);
    await flowing();
    failed.one.destroy(new Error("gone"));
    expect(await failed.taken).toBe("invalid_request");
    const announced = incoming({ "content-length": String(MIB) });
    announced.end(Buffer.alloc(MIB));
    expect((await arriving.collect(announced)).length).toBe(MIB);
  }
});

describe("agents that never end their bodies", () => {
  let daemon: Whole;
  beforeAll(async () => {
    daemon = await openWhole();
  });
  afterAll(async () => {
    expect(daemon.bugs).toEqual([]);
    await daemon.close();
  });

  interface Slow {
    readonly socket: Socket;
    /** Resolves when the server reads its body. */
    readonly begun: Promise<unknown>;
    /** All that was answered, once the connection is closed. */
    readonly ended: Promise<string>;
  }

  /** Sends the head of a question with a body of 1 MiB. */
  function slow(over: "agent" | "tcp", line: string, name: string): Slow {
    const { port } = daemon.placeOf("tcp") as { port: number };
    const socket = over === "tcp" ? connect(port, "127.0.0.1") : connect(daemon.sockets[over]);
    let text = "";
    const begun = once(socket, "data");
    socket.setEncoding("utf8").on("data", (part) => {
      text += part;
    });
    // Whoever is cut off while it sends finds out by an error.
    socket.on("error", () => {});
    const host = `Host: 127.0.0.1:${port}`;
    const length = `Content-Length: ${MIB}`;
    socket.write(question(line, host, bearer(name), JSON_BODY, length, "Expect: 100-continue"));
    return { socket, begun, ended: once(socket, "close").then(() => text) };
  }

  test.each(["agent", "tcp"] as const)("(%s) hold 16 MiB at most, and keep nobody else out", async (over) => {
    const id = await daemon.submit();
    const decision = slow("tcp", `POST /v1/requests/${id}/decide`, "anna");
    const oldest = slow(over, "POST /v1/requests", "billing-agent");
    await Promise.all([decision.begun, oldest.begun]);
    const half = '{"verb":"approve",';
    decision.socket.write(half);
    oldest.socket.write("{");
    let over_budget = 0;
    const enough = Promise.withResolvers<void>();
    const others = Array.from({ length: 20 }, () => {
      const one = slow(over, "POST /v1/requests", "billing-agent");
      one.socket.write(Buffer.alloc(MIB - 1, " "));
      void one.ended.then(() => {
        over_budget += 1;
        if (over_budget === 4) enough.resolve();
      });
      return one;
    });
    const told = await oldest.ended;
    expect(told).toMatch(/^HTTP\/1.1 503 /m);
    expect(told).toMatch(/^retry-after: 1\r$/im);
    expect(told).toContain('"code":"busy"');
    await enough.promise;

    const params = { amount_cents: 1, payee: over };
    const body = { kind: "payment", params, requester: "other-agent" };
    expect((await daemon.ask("POST /v1/requests", { body })).status).toBe(201);
    decision.socket.write(`"reason":"fine"}${" ".repeat(MIB - half.length - 16)}`);
    expect(await decision.ended).toMatch(/^HTTP\/1.1 200 /m);
    for (const { socket } of others) socket.destroy();
    await Promise.all(others.map(({ ended }) => ended));
  });

  test("in pieces of a byte are cut off behind the ten thousandth", async () => {
    const { port } = daemon.placeOf("tcp") as { port: number };
    const socket = connect(port, "127.0.0.1");
    let text = "";
    socket.setEncoding("utf8").on("data", (part) => {
      text += part;
    });
    socket.on("error", () => {});
    const head = question("POST /v1/requests", `Host: 127.0.0.1:${port}`, bearer("billing-agent"), JSON_BODY);
    socket.write(head.replace(/\r\n$/, "Transfer-Encoding: chunked\r\n\r\n"));
    socket.write("1\r\n \r\n".repeat(10_001));
    await once(socket, "close");
    expect(text).toMatch(/^HTTP\/1.1 413 /);
    expect(text).toContain("more than 10000 pieces");
  });
});
