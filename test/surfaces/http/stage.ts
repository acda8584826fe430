import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import type { Application } from "../../../src/application/application.ts";
import type { Role } from "../../../src/surfaces/http/access.ts";
import { type HttpOptions, type HttpSurface, serveHttp } from "../../../src/surfaces/http/server.ts";
import { fakeApplication } from "../fake-application.ts";
import { objections } from "./documented.ts";

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
}

export interface Question {
  /** `tcp` with the token of this name. */
  readonly socket?: "agent" | "reviewer" | "tcp";
  readonly as?: string;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

export type Stage = ReturnType<typeof createStage>;

/** Whoever has a token, and what it is for; the token is the name, made long. */
const PEOPLE = {
  "billing-agent": "agent",
  "other-agent": "agent",
  anna: "reviewer",
  olga: "operator",
  wallboard: "reader",
} as const satisfies Record<string, Role>;

export function tokenOf(name: string): string {
  return name.padEnd(40, ".");
}

const TCP = {
  host: "127.0.0.1",
  port: 0,
  hosts: ["approvals.example.com"],
  tokens: Object.entries(PEOPLE).map(([name, role]) => {
    return { role, name, sha256: createHash("sha256").update(tokenOf(name)).digest("hex") };
  }),
};

/** The real server on real sockets and a real port, with an application behind, and raw requests to it. */
export function createStage() {
  const root = mkdtempSync(join(tmpdir(), "cs-http-"));
  const sockets = { agent: join(root, "agent/socket"), reviewer: join(root, "reviewer/socket") };
  const bugs: unknown[] = [];
  let surface: HttpSurface | null = null;

  async function stopServing(): Promise<void> {
    await surface?.close();
    surface = null;
  }

  async function serveAll(application: Application, options: Partial<HttpOptions> = {}): Promise<void> {
    surface = await serveHttp(application, {
      sockets,
      tcp: TCP,
      onBug: (error) => bugs.push(error),
      ...options,
    });
  }

  /** Where a question goes. */
  function placeOf(socket: Question["socket"] = "agent") {
    return socket === "tcp"
      ? { host: "127.0.0.1", port: surface?.port ?? 0 }
      : { socketPath: sockets[socket] };
  }

  return {
    root,
    sockets,
    bugs,
    stopServing,
    serveAll,
    placeOf,
    async serve(answers: Partial<Application> = {}, options: Partial<HttpOptions> = {}) {
      const application = fakeApplication(answers);
      await serveAll(application, options);
      return application;
    },
    /** A body that is text goes out as it is. Every answer must be as the OpenAPI document has it. */
    ask(line: string, { socket, as, body, headers = {} }: Question = {}): Promise<Answer> {
      const [method = "", path = ""] = line.split(" ");
      const text = body === undefined || typeof body === "string" ? body : JSON.stringify(body);
      const type = text === undefined ? {} : { "content-type": "application/json" };
      const token = as === undefined ? {} : { authorization: `Bearer ${tokenOf(as)}` };
      const place = placeOf(as === undefined ? socket : "tcp");
      const options = { ...place, method, path, headers: { ...type, ...token, ...headers }, agent: false };
      return new Promise((resolve, reject) => {
        const sent = httpRequest(options, async (answer) => {
          const chunks: Buffer[] = [];
          for await (const chunk of answer) chunks.push(chunk as Buffer);
          const { statusCode = 0, headers: found } = answer;
          const value = JSON.parse(Buffer.concat(chunks).toString());
          try {
            expect(objections(method, path, statusCode, value)).toEqual([]);
            resolve({ status: statusCode, headers: found, body: value });
          } catch (error) {
            reject(error);
          }
        });
        sent.on("error", reject);
        sent.end(text);
      });
    },
    async close(): Promise<void> {
      await stopServing();
      rmSync(root, { recursive: true });
    },
  };
}
