import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Application } from "../../../src/application/application.ts";
import { Fault } from "../../../src/core/codes.ts";
import type { Deps } from "../../../src/surfaces/cli/context.ts";
import { runCli } from "../../../src/surfaces/cli/program.ts";
import { type HttpSurface, serveHttp } from "../../../src/surfaces/http/server.ts";
import { type FakeApplication, fakeApplication } from "../fake-application.ts";

interface Ran {
  readonly exit: number;
  readonly out: string;
  readonly err: string;
}

/** A command line in front of a real HTTP server on real sockets, with a plain application behind. */
export interface Stage {
  readonly root: string;
  readonly tokens: string;
  readonly sockets: { agent: string; reviewer: string };
  readonly bugs: unknown[];
  serve(answers?: Partial<Application>): Promise<FakeApplication>;
  stopServing(): Promise<void>;
  run(argv: readonly string[], given?: Given): Promise<Ran>;
  close(): Promise<void>;
}

interface Given {
  readonly env?: Record<string, string>;
  readonly input?: string;
  readonly deps?: Partial<Deps>;
  /** Hears standard error as it is written. */
  readonly onErr?: (text: string) => void;
}

export function createStage(): Stage {
  const root = mkdtempSync(join(tmpdir(), "cs-cli-"));
  const sockets = { agent: join(root, "agent/socket"), reviewer: join(root, "reviewer/socket") };
  const tokens = join(root, "tokens");
  const bugs: unknown[] = [];
  let surface: HttpSurface | null = null;
  const missing = async () => {
    throw new Fault("vault_missing");
  };
  const deps: Deps = {
    version: "0.0.0",
    locate: async () => ({ vault: join(root, "vault"), sockets, tokens, pins: join(root, "pins") }),
    init: missing,
    start: missing,
    async *readAudit() {},
    async *readAuditSince() {},
    readSwitches: async () => [],
    verifyAudit: async () => ({ ok: true, records: 0, head: null, findings: [] }),
    openPeople: missing,
    kindsInShadow: async () => [],
    openPolicies: missing,
    stopped: () => new Promise(() => {}),
    readGateway: missing,
    program: () => ["countersign"],
    addToolActions: missing,
    toolActionGaps: async () => [],
    verifyGrant: async () => ({}),
  };
  async function stopServing(): Promise<void> {
    await surface?.close();
    surface = null;
  }
  return {
    root,
    tokens,
    sockets,
    bugs,
    async serve(answers = {}) {
      const application = fakeApplication(answers);
      surface = await serveHttp(application, { sockets, onBug: (bug) => bugs.push(bug) });
      return application;
    },
    stopServing,
    async run(argv, given = {}) {
      const out: string[] = [];
      const err: string[] = [];
      const io = {
        out: (text: string) => void out.push(text),
        err: (text: string) => {
          err.push(text);
          given.onErr?.(text);
        },
        readInput: async () => given.input ?? "",
        readDocument: async () => given.input ?? "",
        columns: null,
      };
      const exit = await runCli(argv, given.env ?? { USER: "billing-agent" }, io, { ...deps, ...given.deps });
      return { exit, out: out.join(""), err: err.join("") };
    },
    async close() {
      await stopServing();
      rmSync(root, { recursive: true });
    },
  };
}
