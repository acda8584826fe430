import { mkdtempSync, rmSync } from "node:fs";
import { request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Application } from "../../../src/application.ts";
import { type HttpSurface, serveHttp } from "../../../src/surfaces/http/server.ts";
import { fakeApplication } from "../fake-application.ts";

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
}

export interface Question {
  readonly socket?: "agent" | "reviewer";
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

export type Stage = ReturnType<typeof createStage>;

/** The real server on real sockets, with a plain application behind, and raw requests to it. */
export function createStage() {
  const root = mkdtempSync(join(tmpdir(), "cs-http-"));
  const sockets = { agent: join(root, "agent/socket"), reviewer: join(root, "reviewer/socket") };
  const bugs: unknown[] = [];
  let surface: HttpSurface | null = null;

  async function stopServing(): Promise<void> {
    await surface?.close();
    surface = null;
  }

  return {
    root,
    sockets,
    bugs,
    stopServing,
    async serve(answers: Partial<Application> = {}) {
      const application = fakeApplication(answers);
      surface = await serveHttp(application, { sockets, onBug: (error) => bugs.push(error) });
      return application;
    },
    /** A body that is text goes out as it is. */
    ask(line: string, { socket = "agent", body, headers = {} }: Question = {}): Promise<Answer> {
      const [method, path] = line.split(" ");
      const text = body === undefined || typeof body === "string" ? body : JSON.stringify(body);
      const type = text === undefined ? {} : { "content-type": "application/json" };
      const options = {
        socketPath: sockets[socket],
        method,
        path,
        headers: { ...type, ...headers },
        agent: false,
      };
      return new Promise((resolve, reject) => {
        const sent = httpRequest(options, async (answer) => {
          const chunks: Buffer[] = [];
          for await (const chunk of answer) chunks.push(chunk as Buffer);
          const { statusCode = 0, headers: found } = answer;
          resolve({ status: statusCode, headers: found, body: JSON.parse(Buffer.concat(chunks).toString()) });
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
