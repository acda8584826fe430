import { readFileSync } from "node:fs";

const LOOK_MS = 1_000;
const SHELLS: ReadonlySet<string> = new Set([
  "sh",
  "dash",
  "bash",
  "zsh",
  "ash",
  "busybox",
  "fish",
  "timeout",
]);

/**
 * Aborts when the agent that started this process is gone: it, or its shell, is told to end; or its process is no more,
 * which leaves this one with another parent. `stop` ends the watch.
 */
export function watchAgent(onSignal: (gone: () => void) => void): { signal: AbortSignal; stop: () => void } {
  const leaving = new AbortController();
  const gone = () => leaving.abort(new Error("the agent went away"));
  onSignal(gone);
  const parent = process.ppid;
  const agent = isShell(parent) ? parentOf(parent) : null;
  const timer = setInterval(() => {
    if (process.ppid !== parent || (agent !== null && parentOf(parent) !== agent)) gone();
  }, LOOK_MS);
  return { signal: leaving.signal, stop: () => clearInterval(timer) };
}

/** `pid (name) state ppid …`, of a process that is still there; the name may hold anything, so the last bracket counts. */
function statOf(pid: number): { name: string; parent: number } | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    const end = text.lastIndexOf(")");
    return {
      name: text.slice(text.indexOf("(") + 1, end),
      parent: Number(text.slice(end + 2).split(" ")[1]),
    };
  } catch {
    return null;
  }
}

function isShell(pid: number): boolean {
  return SHELLS.has(statOf(pid)?.name ?? "");
}

function parentOf(pid: number): number | null {
  return statOf(pid)?.parent ?? null;
}
