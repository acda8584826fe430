import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { askAt, wasNeverHeard } from "../../../src/surfaces/client/connection.ts";
import { createLink } from "../../../src/surfaces/sdk/link.ts";

/** A server that takes one caller at a time into its queue. */
let root: string;
let socket: string;
const asked: string[] = [];
/** So many are told first that more is on its way than the server takes. */
let busy = 0;
const server = createServer(({ method, url }, answer) => {
  if (busy > 0) {
    busy -= 1;
    answer.statusCode = 503;
    answer.end('{"error":{"code":"busy","message":"…","hint":"…"}}');
    return;
  }
  asked.push(`${method} ${url}`);
  answer.end("{}");
});
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), "cs-client-"));
  socket = join(root, "socket");
  server.listen({ path: socket, backlog: 1 });
  await once(server, "listening");
});
afterEach(async () => {
  server.close();
  await once(server, "close");
  rmSync(root, { recursive: true });
});

const TWENTY = Array.from({ length: 20 }, (_, at) => ({ method: "POST" as const, path: `/${at}`, body: {} }));

test("whoever finds a full queue is told that nobody has heard them", async () => {
  const told = await Promise.allSettled(TWENTY.map((question) => askAt({ socket }, question)));
  const turnedAway = told.flatMap((one) => (one.status === "rejected" ? [one.reason] : []));
  expect(turnedAway.length).toBeGreaterThan(0);
  for (const error of turnedAway) {
    expect(error).toMatchObject({ code: "unreachable", cause: { code: "EAGAIN" } });
    expect(wasNeverHeard(error)).toBe(true);
  }
});

test("and whoever insists is heard once, also with what must not be asked twice", async () => {
  asked.length = 0;
  const link = createLink({ socket }, 10_000);
  await Promise.all(TWENTY.map((question) => link.insist(question, false)));
  expect(asked.sort()).toEqual(TWENTY.map(({ path }) => `POST ${path}`).sort());
});

test("whoever insists asks again where the daemon was too busy to take it, also with what must not be asked twice", async () => {
  asked.length = 0;
  busy = 2;
  const link = createLink({ socket }, 10_000);
  await link.insist({ method: "POST", path: "/once", body: {} }, false);
  expect([busy, asked]).toEqual([0, ["POST /once"]]);
});

test("what is too large is not sent: the answer that says so could be cut off with it", async () => {
  asked.length = 0;
  const send = (text: string) => askAt({ socket }, { method: "POST", path: "/large", body: { text } });
  // Its JSON has eleven bytes around the text.
  const most = "x".repeat(1024 * 1024 - 11);
  await send(most);
  await expect(send(`${most}x`)).rejects.toMatchObject({ code: "too_large" });
  await expect(send("é".repeat(600_000))).rejects.toMatchObject({ code: "too_large" });
  expect(asked).toEqual(["POST /large"]);
});
