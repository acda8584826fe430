import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

const LIMIT_MS = 10_000;

/**
 * Asks Codex itself which hooks it would skip, because nobody has trusted them as they are. Null where there is no Codex
 * to ask, or it gives no answer that can be read.
 */
export function untrustedHooks(cwd: string, env: NodeJS.ProcessEnv): Promise<readonly string[] | null> {
  return new Promise((resolve) => {
    const codex = spawn("codex", ["app-server"], { env, cwd, stdio: ["pipe", "pipe", "ignore"] });
    const end = (found: readonly string[] | null) => {
      clearTimeout(timer);
      codex.kill("SIGKILL");
      resolve(found);
    };
    const timer = setTimeout(() => end(null), LIMIT_MS);
    const send = (message: object) => codex.stdin.write(`${JSON.stringify(message)}\n`);
    codex.once("error", () => end(null));
    codex.once("exit", () => end(null));
    codex.stdin.on("error", () => end(null));
    createInterface({ input: codex.stdout }).on("line", (line) => {
      const told = read(line);
      if (told?.id === 1) {
        send({ method: "initialized" });
        send({ id: 2, method: "hooks/list", params: { cwds: [cwd] } });
      }
      if (told?.id === 2) end(untrustedIn(told.result));
    });
    send({ id: 1, method: "initialize", params: { clientInfo: { name: "countersign", version: "1" } } });
  });
}

function read(line: string): { id?: unknown; result?: unknown } | null {
  try {
    return JSON.parse(line) as { id?: unknown; result?: unknown };
  } catch {
    return null;
  }
}

interface Listed {
  readonly data?: readonly { readonly hooks?: readonly Hook[] }[];
}

interface Hook {
  readonly command?: string | null;
  readonly eventName?: string;
  readonly trustStatus?: string;
}

function untrustedIn(result: unknown): readonly string[] | null {
  const hooks = (result as Listed | null)?.data?.flatMap((one) => one.hooks ?? []);
  return (
    hooks
      ?.filter(({ command, trustStatus }) => command?.includes(" hook codex ") && trustStatus !== "trusted")
      .map(({ eventName }) => eventName ?? "a hook") ?? null
  );
}
