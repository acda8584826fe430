import { stat } from "node:fs/promises";
import type { RequestId } from "../core/request.ts";
import { type ActionJob, actionDocument, timeFor } from "./action-document.ts";
import { type CommandLink, LONGEST_TIMER_MS, openCommandLink, type StartedCommand } from "./command-link.ts";
import { type CommandOutcome, outcomeOf } from "./command-outcome.ts";
import { beforeShutdown } from "./shutdown.ts";

/** What the configuration says about the command. */
export interface CommandSpec {
  /** Argument vector, program first; never seen by a shell. A program without a slash is looked for in `env.PATH`. */
  readonly run: readonly string[];
  /** Absolute: the folder of the configuration file. */
  readonly cwd: string;
  /** All that the command finds in its environment; nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  readonly timeout_ms: number;
  /** How much of standard output becomes the result; 1 MiB when left out. */
  readonly output_limit_bytes?: number;
}

export interface CommandOptions {
  /** Between SIGTERM and SIGKILL for a command that is ended, in milliseconds. */
  readonly kill_grace_ms?: number;
  /** How long a shutdown waits for a running command, in milliseconds. */
  readonly shutdown_grace_ms?: number;
  /** How long what a command left in the background may hold its output open, in milliseconds. */
  readonly output_grace_ms?: number;
}

export interface CommandHandler {
  /**
   * Runs the command once. The job goes to its standard input as one JSON document; exit 0 is `executed` with its
   * standard output as the result (JSON, or else text), another exit `failed` with the end of its standard error,
   * a time-out or a signal `unknown`. A command that could not be started is `failed`: nothing happened.
   *
   * `signal` says that the daemon shuts down. It does not end the command, since a half-done effect is worse than a
   * done one: there is `shutdown_grace_ms` for it to end; later it is left alone, within its time, and `unknown`.
   *
   * Never rejects. Not to be used with standard streams opened by path (`> /dev/stderr`): they are sockets.
   */
  execute(job: ActionJob, spec: CommandSpec, signal: AbortSignal): Promise<CommandOutcome>;
  /** Ends this request's command with everything it started; its outcome becomes `unknown`. */
  abort(id: RequestId): void;
  /** To be called last. Commands still running become `unknown` and are left to end by themselves. */
  close(): void;
}

const OUTPUT_LIMIT_BYTES = 1_048_576;
/** Enough for the last lines; they go into the note. */
const ERROR_LIMIT_BYTES = 2_048;

/** Starts the process that will start the commands, so that the first one need not wait for it. */
export function createCommandHandler(
  options: CommandOptions = {},
  link: CommandLink = openCommandLink(),
): CommandHandler {
  const { kill_grace_ms = 2_000, shutdown_grace_ms = 5_000, output_grace_ms = 500 } = options;
  const running = new Map<RequestId, StartedCommand>();

  async function execute(job: ActionJob, spec: CommandSpec, signal: AbortSignal): Promise<CommandOutcome> {
    if (signal.aborted) return { status: "failed", error: SHUT_DOWN_BEFORE };
    const timeout_ms = Math.min(timeFor(job, spec.timeout_ms), LONGEST_TIMER_MS);
    const output_limit_bytes = spec.output_limit_bytes ?? OUTPUT_LIMIT_BYTES;
    const { run, cwd, env } = spec;
    const started = link.start({
      run,
      cwd,
      env,
      // The line end is for shells, which read lines.
      input: `${JSON.stringify(actionDocument(job))}\n`,
      timeout_ms,
      kill_grace_ms,
      output_grace_ms,
      output_limit_bytes,
      error_limit_bytes: ERROR_LIMIT_BYTES,
    });
    running.set(job.id, started);
    const report = await beforeShutdown(started.report, signal, shutdown_grace_ms);
    running.delete(job.id);
    if (report === null) return { status: "unknown", cause: SHUT_DOWN_DURING };
    const cwd_exists = report.type !== "not_started" || (await isFolder(cwd));
    return outcomeOf(report, { program: run[0] ?? "", cwd, cwd_exists, timeout_ms, output_limit_bytes });
  }

  return { execute, abort: (id) => running.get(id)?.stop(), close: () => link.close() };
}

const SHUT_DOWN_BEFORE = "Countersign was shutting down and did not start the command. Nothing was executed.";
const SHUT_DOWN_DURING = "Countersign shut down while the command was running; it was left to end by itself.";

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
}
