import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type HttpSurface, serveHttp } from "../../../src/surfaces/http/server.ts";
import { fakeApplication } from "../fake-application.ts";

const TEXT = "# HELP countersign_waiting x\ncountersign_waiting 3\n";
let root: string;
let surface: HttpSurface;
let read: () => Promise<{ type: string; text: string }>;
const bugs: unknown[] = [];

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), "cs-metrics-"));
  read = async () => ({ type: "text/plain; version=0.0.4; charset=utf-8", text: TEXT });
  bugs.length = 0;
  surface = await serveHttp(fakeApplication(), {
    sockets: { agent: join(root, "agent/socket"), reviewer: join(root, "reviewer/socket") },
    metrics: { read: () => read(), listen: { host: "127.0.0.1", port: 0 } },
    onBug: (bug) => bugs.push(bug),
  });
});

afterEach(async () => {
  await surface.close();
  rmSync(root, { recursive: true });
});

const get = (where: object, path = "/metrics", headers: Record<string, string> = {}, method = "GET") =>
  new Promise<{ status: number; type: string; text: string }>((resolve, reject) => {
    const sent = request({ ...where, path, method, headers, agent: false }, async (answer) => {
      const chunks: Buffer[] = [];
      for await (const chunk of answer) chunks.push(chunk as Buffer);
      const type = answer.headers["content-type"] ?? "";
      resolve({ status: answer.statusCode ?? 0, type, text: Buffer.concat(chunks).toString() });
    });
    sent.on("error", reject);
    sent.end();
  });
const port = () => ({ host: "127.0.0.1", port: surface.metricsPort });
const socket = (role: string) => ({ socketPath: join(root, role, "socket") });
const code = ({ text }: { text: string }) => JSON.parse(text).error.code;

test("the reviewers' socket serves the figures, and the agents' does not", async () => {
  expect(await get(socket("reviewer"))).toMatchObject({
    status: 200,
    type: expect.stringContaining("version=0.0.4"),
    text: TEXT,
  });
  const refused = await get(socket("agent"));
  expect([refused.status, code(refused)]).toEqual([403, "not_allowed"]);
});

describe("the port for figures", () => {
  test("serves them without a token, and nothing else", async () => {
    expect(await get(port())).toMatchObject({ status: 200, text: TEXT });
    for (const path of ["/", "/v1/requests", "/metrics/", "/metrics?all"]) {
      expect(code(await get(port(), path))).toBe("unknown_route");
    }
    expect(code(await get(port(), "/metrics", {}, "POST"))).toBe("unknown_route");
  });

  test("turns a page in a browser away", async () => {
    expect(code(await get(port(), "/metrics", { host: "evil.example" }))).toBe("host_refused");
    expect(code(await get(port(), "/metrics", { origin: "http://127.0.0.1" }))).toBe("origin_refused");
  });

  test("keeps what went wrong to itself", async () => {
    read = () => Promise.reject(new Error("the secret"));
    const answer = await get(port());
    expect([answer.status, code(answer)]).toEqual([500, "internal"]);
    expect(answer.text).not.toContain("secret");
    expect(bugs).toHaveLength(1);
  });
});
