import { spawn } from "node:child_process";

const LIMIT_MS = 20_000;

/** A program on a terminal of its own, with a person's hands on the keys. */
export interface Terminal {
  type(keys: string): void;
  /** Resolves once the screen has shown this. */
  shows(text: string): Promise<void>;
  readonly ended: Promise<void>;
  kill(): void;
}

/** `script` gives it the terminal: a plain one, so that no program asks it what it can do. */
export function openTerminal(words: readonly string[], cwd: string, env: NodeJS.ProcessEnv): Terminal {
  const command = words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
  const child = spawn("script", ["-q", "-e", "-c", `stty rows 60 cols 120; exec ${command}`, "/dev/null"], {
    cwd,
    env: { ...env, TERM: "vt100", SHELL: "/bin/sh" },
    stdio: ["pipe", "pipe", "inherit"],
  });
  let screen = "";
  const watching = new Set<() => void>();
  child.stdout.setEncoding("utf8").on("data", (text) => {
    screen += text;
    for (const look of watching) look();
  });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const shows = (text: string) =>
    new Promise<void>((resolve, reject) => {
      const give = (end: () => void) => {
        watching.delete(look);
        clearTimeout(timer);
        end();
      };
      const look = () => screen.includes(text) && give(resolve);
      const failed = () => give(() => reject(new Error(`${command} does not show ${text}:\n${screen}`)));
      const timer = setTimeout(failed, LIMIT_MS);
      void ended.then(() => watching.has(look) && failed());
      watching.add(look);
      look();
    });
  return {
    type: (keys) => void child.stdin.write(keys),
    shows,
    ended,
    kill: () => void child.kill("SIGKILL"),
  };
}
