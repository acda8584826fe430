import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createLeaving } from "../../../src/surfaces/http/leaving.ts";
import { view } from "../fake-application.ts";
import { createStage } from "./stage.ts";

const MIB = 1024 * 1024;
const ASK = "GET /v1/requests HTTP/1.1\r\nHost: x\r\n\r\n";

/** A connection that asks so often and takes nothing of what it is answered, until it is told to. */
function ask(path: string, times = 1) {
  const socket = connect(path);
  socket.pause();
  socket.on("error", () => {});
  socket.write(ASK.repeat(times));
  let bytes = 0;
  return {
    socket,
    /** Resolves with how much came, once it is enough or the connection has ended. */
    take(enough: number): Promise<number> {
      return new Promise((resolve) => {
        socket.on("data", (part: Buffer) => {
          bytes += part.length;
          if (bytes >= enough) resolve(bytes);
        });
        socket.once("close", () => resolve(bytes));
        socket.resume();
      });
    },
  };
}

describe("answers that nobody takes", () => {
  let folder: string;
  let server: Server;
  let path: string;
  let answered: number;
  let size: number;
  let told: () => void;
  /** The connections that the server has, in the order in which they came, and those that it has cut off. */
  let open: Socket[];
  let cut: number[];
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "cs-leaving-"));
    path = join(folder, "socket");
    answered = 0;
    told = () => {};
    size = MIB;
    open = [];
    const mine: number[] = [];
    cut = mine;
    const left = createLeaving(4 * MIB);
    server = createServer((_, outgoing) => {
      outgoing.end("x".repeat(size));
      left(outgoing);
      answered += 1;
      told();
    });
    server.on("connection", (socket) => {
      const at = open.push(socket) - 1;
      socket.once("close", () => {
        mine.push(at);
        told();
      });
    });
    server.listen(path);
    await once(server, "listening");
  });
  afterEach(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
    rmSync(folder, { recursive: true });
  });

  const until = (holds: () => boolean) =>
    new Promise<void>((resolve) => {
      told = () => holds() && resolve();
      told();
    });

  /** One after the other, so that it is known who came first. */
  async function askInTurn(count: number) {
    const all = [];
    for (let at = 0; at < count; at += 1) {
      const before = answered;
      all.push(ask(path));
      await until(() => answered > before);
    }
    return all;
  }

  test("cost those their connection who have taken nothing for longest", async () => {
    const all = await askInTurn(10);
    // Of ten a little above 1 MiB each, three stay within 4 MiB.
    await until(() => cut.length >= 7);
    expect(cut).toEqual([0, 1, 2, 3, 4, 5, 6]);
    const taken = await Promise.all(all.slice(-3).map((one) => one.take(MIB)));
    for (const bytes of taken) expect(bytes).toBeGreaterThanOrEqual(MIB);
  });

  test("count no more once they are taken", async () => {
    for (let round = 0; round < 12; round += 1) {
      const [one] = await askInTurn(1);
      expect(await one?.take(MIB)).toBeGreaterThanOrEqual(MIB);
    }
    for (const one of await askInTurn(3)) expect(await one.take(MIB)).toBeGreaterThanOrEqual(MIB);
    expect(cut).toEqual([]);
  });

  test("may be of any size, one at a time", async () => {
    size = 6 * MIB;
    const [one] = await askInTurn(1);
    expect(await one?.take(size)).toBeGreaterThanOrEqual(size);
    expect(cut).toEqual([]);
  });

  test("count for all that one connection asks at once", async () => {
    ask(path, 9);
    await until(() => cut.length === 1);
  });
});

test("of agents that take no answers, none of which is small, not all keep their connections", async () => {
  const stage = createStage();
  const { promise: asked, resolve: allAsked } = Promise.withResolvers<void>();
  const application = await stage.serve({
    list: async () => {
      if (application.calls.length === 10) allAsked();
      return { requests: [view({ title: "x".repeat(8 * MIB) })], next: null };
    },
  });
  const many = Array.from({ length: 10 }, () => ask(stage.sockets.agent));
  await asked;
  expect((await stage.ask("GET /v1/health")).status).toBe(200);
  const taken = await Promise.all(many.map((one) => one.take(8 * MIB)));
  expect(taken.some((bytes) => bytes < 8 * MIB)).toBe(true);
  expect(taken.some((bytes) => bytes >= 8 * MIB)).toBe(true);
  for (const { socket } of many) socket.destroy();
  expect(stage.bugs).toEqual([]);
  await stage.close();
});
