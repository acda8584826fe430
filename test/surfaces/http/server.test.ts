import { once } from "node:events";
import { chmodSync, existsSync, linkSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ID, view } from "../fake-application.ts";
import { createStage, type Stage } from "./stage.ts";

let stage: Stage;
beforeEach(() => {
  stage = createStage();
});
afterEach(() => stage.close());

describe("a wait", () => {
  /** Waits that end only by their signal, as a request that nobody decides makes them. */
  function openWaits() {
    const begun = Promise.withResolvers<void>();
    const aborted = Promise.withResolvers<void>();
    const wait = (_: string, __: number, signal: AbortSignal) =>
      new Promise<ReturnType<typeof view>>((resolve) => {
        signal.addEventListener("abort", () => {
          aborted.resolve();
          resolve(view());
        });
        begun.resolve();
      });
    return { begun: begun.promise, aborted: aborted.promise, wait };
  }

  test("lasts at most a minute a call", async () => {
    const application = await stage.serve();
    await stage.ask(`GET /v1/requests/${ID}/wait?timeout_ms=999999`);
    await stage.ask(`GET /v1/requests/${ID}/wait?timeout_ms=0`);
    await stage.ask(`GET /v1/requests/${ID}/wait`);
    expect(application.calls).toEqual([
      ["wait", ID, 60_000],
      ["wait", ID, 0],
      ["wait", ID, 60_000],
    ]);
  });

  test("is aborted when its client goes away", async () => {
    const { begun, aborted, wait } = openWaits();
    await stage.serve({ wait });
    const socket = connect(stage.sockets.agent);
    socket.write(`GET /v1/requests/${ID}/wait HTTP/1.1\r\nHost: x\r\n\r\n`);
    await begun;
    socket.destroy();
    await aborted;
    expect(stage.bugs).toEqual([]);
  });

  test("is answered with the current state when the server closes", async () => {
    const { begun, wait } = openWaits();
    await stage.serve({ wait });
    const open = stage.ask(`GET /v1/requests/${ID}/wait`, { headers: { connection: "keep-alive" } });
    await begun;
    await stage.stopServing();
    // What is not answered by itself is cut off, and has no answer.
    expect(await open).toMatchObject({
      status: 200,
      body: { status: "pending" },
      headers: { connection: "close" },
    });
  });

  test("does not keep a silent connection from being closed with the server", async () => {
    await stage.serve();
    const idle = connect(stage.sockets.agent);
    await once(idle, "connect");
    const gone = once(idle, "close");
    idle.resume();
    const started = performance.now();
    await stage.stopServing();
    await gone;
    // What does not end by itself is cut off after two seconds.
    expect(performance.now() - started).toBeLessThan(2_000);
  });
});

describe("the sockets", () => {
  test("and their directories are for this user alone", async () => {
    await stage.serve();
    for (const path of Object.values(stage.sockets)) {
      expect(statSync(path).mode & 0o777).toBe(0o600);
      expect(statSync(join(path, "..")).mode & 0o777).toBe(0o700);
    }
  });

  test("follow a directory that its owner opened to a group", async () => {
    mkdirSync(join(stage.root, "agent"));
    chmodSync(join(stage.root, "agent"), 0o750);
    await stage.serve();
    expect(statSync(stage.sockets.agent).mode & 0o777).toBe(0o660);
    expect(statSync(stage.sockets.reviewer).mode & 0o777).toBe(0o600);
  });

  test("are not made in a directory that is open to everyone", async () => {
    mkdirSync(join(stage.root, "reviewer"));
    chmodSync(join(stage.root, "reviewer"), 0o755);
    await expect(stage.serve()).rejects.toMatchObject({ code: "state_unsafe" });
    expect(existsSync(stage.sockets.agent)).toBe(false);
  });

  test("of a dead daemon are replaced, other files are not", async () => {
    mkdirSync(join(stage.root, "agent"), { mode: 0o700 });
    await leaveStale(stage.sockets.agent);
    await stage.serve();
    expect((await stage.ask("GET /v1/health")).status).toBe(200);
    await stage.stopServing();
    writeFileSync(stage.sockets.agent, "mine");
    await expect(stage.serve()).rejects.toMatchObject({ code: "state_unsafe" });
    expect(existsSync(stage.sockets.agent)).toBe(true);
  });

  test("take all who come at the same moment", async () => {
    await stage.serve();
    const callers = await Promise.allSettled(
      Array.from({ length: 800 }, async () => {
        const socket = connect(stage.sockets.agent);
        await once(socket, "connect");
        return socket;
      }),
    );
    expect(callers.flatMap((one) => (one.status === "rejected" ? [one.reason.code] : []))).toEqual([]);
    for (const one of callers) if (one.status === "fulfilled") one.value.destroy();
  });

  test("are gone after the close", async () => {
    await stage.serve();
    await stage.stopServing();
    expect(Object.values(stage.sockets).map((path) => existsSync(path))).toEqual([false, false]);
  });
});

/** A socket file that nothing listens on, as SIGKILL leaves it. */
async function leaveStale(path: string): Promise<void> {
  const server = createServer((_: Socket) => {});
  server.listen(`${path}.tmp`);
  await once(server, "listening");
  linkSync(`${path}.tmp`, path);
  server.close();
  await once(server, "close");
  expect(existsSync(path)).toBe(true);
}
