import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { AgentStage } from "../agents/stage.ts";

/** Servers of tools, and gateways before them, as processes that say in their first line where they are. */
export interface Processes {
  /** A server over HTTP that writes down what its tools do; gives its address. */
  server(env: Record<string, string>): Promise<string>;
  /** A gateway over HTTP; gives its address without a path. */
  gateway(stage: AgentStage, words: readonly string[], env: Record<string, string>): Promise<string>;
  end(): Promise<void>;
}

export function createProcesses(): Processes {
  const started: ChildProcess[] = [];

  async function firstLine(words: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
    const child = spawn(process.execPath, words, { env, stdio: ["ignore", "pipe", "inherit"] });
    started.push(child);
    const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
    const [line] = await Promise.race([once(lines, "line"), once(child, "exit").then(() => [""])]);
    return String(line);
  }

  return {
    server: (env) =>
      firstLine([join(import.meta.dirname, "tool-server.mjs")], { PATH: process.env.PATH, ...env }),

    async gateway({ program, vault, env: own }, words, env) {
      const said = await firstLine(
        [program.main, "gateway", "--vault", vault, "--json", "--http", ...words],
        { ...own, ...env },
      );
      return (JSON.parse(said) as { url: string }).url;
    },

    async end() {
      await Promise.all(
        started.map(async (child) => {
          child.kill("SIGTERM");
          if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
        }),
      );
    },
  };
}
