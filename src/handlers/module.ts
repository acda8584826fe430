import { type ActionJob, actionDocument, timeFor } from "./action-document.ts";
import type { CommandLink } from "./command-link.ts";
import type { CommandOutcome } from "./command-outcome.ts";
import { type ModuleReport, type ModuleSpec, startModule } from "./module-run.ts";
import { cutResult, resultOf } from "./result.ts";
import { beforeShutdown } from "./shutdown.ts";

export interface ModuleOptions {
  /** Between being told that the time is over and being ended, in ms. */
  readonly kill_grace_ms?: number;
  /** How long a shutdown waits for a running module, in ms. */
  readonly shutdown_grace_ms?: number;
}

/** With room for what it stands between. */
const RESULT_LIMIT_BYTES = 1_048_576;

/**
 * Carries an action out by `execute(action, { signal })` of a file of the operator's, in a process of its own. What it
 * gives is the result; what it throws is `failed`. Where it does not come to its end, by time-out, `process.exit` or a
 * crash, the outcome is `unknown`. A shutdown waits for it a while, then leaves it alone, within its time. Never rejects.
 */
export function createModuleHandler(link: Pick<CommandLink, "start">, options: ModuleOptions = {}) {
  const { kill_grace_ms = 2_000, shutdown_grace_ms = 5_000 } = options;

  return async (job: ActionJob, spec: ModuleSpec, shutdown: AbortSignal): Promise<CommandOutcome> => {
    if (shutdown.aborted)
      return { status: "failed", error: "Countersign was shutting down. Nothing was executed." };
    const call = { name: "execute", argument: actionDocument(job) };
    const limits = { output_limit_bytes: RESULT_LIMIT_BYTES, kill_grace_ms };
    const { report } = startModule(
      link,
      { ...spec, timeout_ms: timeFor(job, spec.timeout_ms) },
      call,
      limits,
    );
    const said = await beforeShutdown(report, shutdown, shutdown_grace_ms);
    if (said === null) return { status: "unknown", cause: SHUT_DOWN };
    return outcomeOf(said);
  };
}

const SHUT_DOWN = "Countersign shut down while the module was running; it was left to end by itself.";

function outcomeOf(report: ModuleReport): CommandOutcome {
  switch (report.came) {
    case "returned": {
      const { text, cut } = report;
      if (text === null) return { status: "executed", result: "[its result is no JSON]" };
      return { status: "executed", result: cut ? cutResult(text, RESULT_LIMIT_BYTES, null) : resultOf(text) };
    }
    case "threw":
      return { status: "failed", error: report.why };
    case "unready":
      return {
        status: "failed",
        error: `The module could not be used: ${report.why}. Nothing was executed.`,
      };
    case "nothing":
      return { status: "unknown", cause: `The module did not come to its end: ${report.why}.` };
  }
}
