import { isatty } from "node:tty";
import { destination, type Logger, pino } from "pino";

/**
 * The operator's log: JSON lines to a file, or to standard error; every line is written at once. A person who watches
 * the terminal sees only what went wrong.
 */
export function openLog(file: string | null): Logger {
  // Standard output belongs to what a command prints; a synchronous destination loses no last words in a crash.
  const to =
    file === null
      ? destination({ dest: 2, sync: true })
      : destination({ dest: file, mkdir: true, sync: true });
  const level = file === null && isatty(2) ? "warn" : "info";
  return pino({ base: { pid: process.pid }, level }, to);
}
