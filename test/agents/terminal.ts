import { execFileSync, spawnSync } from "node:child_process";
import { join } from "node:path";
import { vi } from "vitest";

/** A program in a terminal of its own, with a person before it. */
export interface Terminal {
  screen(): string;
  /** Resolves once the screen has these words. */
  shows(words: string | RegExp): Promise<void>;
  /** By tmux's names: a character, or Escape, Enter and so on. */
  press(key: string): void;
  /** Ends the program, and waits for its end. */
  close(): Promise<void>;
}

const WAIT = { timeout: 60_000, interval: 50 };

export const hasTerminals = () => spawnSync("tmux", ["-V"]).status === 0;

/** `place` is a folder for the terminal's own socket; its path is short, as sockets need it. */
export function openTerminal(
  words: readonly string[],
  { place, cwd, env }: { place: string; cwd: string; env: Record<string, string> },
): Terminal {
  const tmux = (...more: string[]) =>
    execFileSync("tmux", ["-S", join(place, "tmux"), "-f", "/dev/null", ...more], { encoding: "utf8" });
  const set = Object.entries({ ...env, TERM: "xterm-256color" }).map(([name, value]) => `${name}=${value}`);
  const shape = ["-x", "120", "-y", "40", "-c", cwd];
  tmux("new-session", "-d", ...shape, "env", "-i", ...set, ...words);
  const pid = Number(tmux("list-panes", "-F", "#{pane_pid}"));
  const screen = () => tmux("capture-pane", "-p", "-J");
  return {
    screen,
    shows: (wanted) =>
      vi.waitFor(() => {
        const seen = screen();
        if (typeof wanted === "string" ? seen.includes(wanted) : wanted.test(seen)) return;
        throw new Error(`the terminal does not show ${wanted}:\n${seen}`);
      }, WAIT),
    press: (key) => void tmux("send-keys", key),
    async close() {
      tmux("kill-server");
      await vi.waitFor(() => {
        if (isThere(pid)) throw new Error(`${words[0]} does not end`);
      }, WAIT);
    },
  };
}

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
