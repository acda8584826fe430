import type { Json } from "../core/json.ts";
import type { Report } from "./command-link.ts";
import type { Ended } from "./command-spawner.ts";
import { cutResult, resultOf } from "./result.ts";

/** What came of carrying out an action. `unknown`: it may or may not have happened; the machine cannot tell. */
export type CommandOutcome =
  | { readonly status: "executed"; readonly result: Json }
  | { readonly status: "failed"; readonly error: string }
  | { readonly status: "unknown"; readonly cause: string };

export interface Circumstances {
  /** The program as the configuration names it. */
  readonly program: string;
  readonly cwd: string;
  /** Whether `cwd` is a folder; looked at only when the command could not be started. */
  readonly cwd_exists: boolean;
  readonly timeout_ms: number;
  /** How many bytes of standard output were kept. */
  readonly output_limit_bytes: number;
}

/** Exit 0 is a success, any other exit a failure, a command that could not be started too; the rest is not known. */
export function outcomeOf(report: Report, around: Circumstances): CommandOutcome {
  if (report.type === "not_started") return { status: "failed", error: notStarted(report.code, around) };
  if (report.type === "lost") return { status: "unknown", cause: lost(report.pid) };
  if (report.stopped !== null || report.code === null)
    return { status: "unknown", cause: cutShort(report, around) };
  if (report.code !== 0) return { status: "failed", error: failed(report) };
  const { stdout, stdout_bytes } = report;
  const { output_limit_bytes } = around;
  const isCut = stdout_bytes > output_limit_bytes;
  const result = isCut ? cutResult(stdout, output_limit_bytes, stdout_bytes) : resultOf(stdout);
  return { status: "executed", result };
}

function notStarted(code: string, { program, cwd, cwd_exists }: Circumstances): string {
  if (!cwd_exists) return `The folder ${cwd}, in which the command runs, is not there. Nothing was executed.`;
  const why = NOT_STARTED[code] ?? `could not be started (${code})`;
  return `The command ${program} ${why}. Nothing was executed.`;
}

const NOT_STARTED: Readonly<Record<string, string>> = {
  ENOENT: "was not found, or the interpreter that its first line names was not",
  ENOTDIR: "was not found: part of its path is not a folder",
  EACCES: "is not an executable file, or may not be used by this user",
  EPERM: "may not be used by this user",
  E2BIG: "was given more arguments or environment than the system takes",
};

function lost(pid: number | null): string {
  return pid === null
    ? "The process that starts commands ended unexpectedly; the command may have been started."
    : `The process that watched the command ended unexpectedly; the command may still be running (process ${pid}).`;
}

function cutShort(report: Ended, { timeout_ms }: Circumstances): string {
  return withErrors(`The command ${whyCutShort(report, timeout_ms)}.`, report);
}

function whyCutShort({ stopped, code, signal }: Ended, timeout_ms: number): string {
  if (stopped === null) return `was ended by the signal ${signal}`;
  const why = stopped === "timeout" ? `ran longer than ${timeout_ms / 1_000} s` : "was stopped on request";
  const isOver = code !== null || signal !== null;
  return isOver ? `${why} and has ended` : `${why}, but did not end: it may still be running`;
}

function failed(report: Ended): string {
  return withErrors(`The command ended with exit code ${report.code}.`, report);
}

/** The last lines of standard error behind a sentence; whole lines, where there is more than was kept. */
function withErrors(sentence: string, { stderr, stderr_cut }: Ended): string {
  const startsInside = stderr_cut && stderr.trimEnd().includes("\n");
  const lines = (startsInside ? stderr.slice(stderr.indexOf("\n") + 1) : stderr).trimEnd();
  return lines === "" ? sentence : `${sentence} Its last words:\n${lines}`;
}
