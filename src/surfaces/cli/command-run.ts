import { spawn } from "node:child_process";
import type { Command } from "commander";
import { Fault } from "../../core/codes.ts";
import type { JsonObject } from "../../core/json.ts";
import type { RequestView } from "../../core/view.ts";
import type { Outcome, Requester } from "../agent/requester.ts";
import type { Context, Run } from "./context.ts";
import { EXIT, exitOfOutcome } from "./exit-codes.ts";
import { osUser, positiveDurationOption } from "./options.ts";
import { outcome } from "./text.ts";

interface RunOptions {
  readonly kind: string;
  readonly title?: string;
  readonly requester?: string;
  readonly key?: string;
  readonly timeout?: number;
}

export function addRunCommand(program: Command, run: Run): void {
  program
    .command("run <command...>")
    .description("ask for a command, run exactly what was approved, and report what came of it")
    .requiredOption("--kind <kind>", "an action with `caller: true`, such as shell")
    .option("--title <text>", "what people read first (default: the command)")
    .option("--requester <name>", "who asks (default: $COUNTERSIGN_REQUESTER, or the current user)")
    .option("--key <key>", "makes asking twice the same as asking once")
    .option(
      "--timeout <duration>",
      "how long to wait for a decision; then the request is withdrawn",
      positiveDurationOption,
    )
    .addHelpText("after", "\nExample:\n  countersign run --kind shell -- make release")
    .action((argv: string[], options: RunOptions) => run((context) => runApproved(context, argv, options)));
}

async function runApproved(context: Context, argv: readonly string[], options: RunOptions): Promise<number> {
  const [{ createRequester, requesterName }, { titleOf }] = await Promise.all([
    import("../agent/requester.ts"),
    import("../agent/tool-call.ts"),
  ]);
  const { sockets, tokens } = await context.locations();
  const { COUNTERSIGN_REQUESTER } = context.env;
  const name =
    options.requester ?? COUNTERSIGN_REQUESTER ?? requesterName(context.env.USER ?? osUser(context.env));
  const requester = createRequester({ socket: sockets.agent, tokens }, name);
  const stopped = new AbortController();
  void context.deps
    .stopped()
    .then(() => stopped.abort(new Fault("usage", "It was interrupted before anybody decided.")));
  const { request } = await requester.ask({
    kind: options.kind,
    params: { argv: [...argv], cwd: process.cwd() },
    title: options.title ?? titleOf(argv.map(quoted).join(" ")),
    ...(options.key !== undefined && { key: options.key }),
  });
  if (request.executor === "daemon") {
    await requester.withdraw(request.id, "it cannot be run by who asked").catch(() => {});
    throw new Fault(
      "not_caller",
      undefined,
      `Give the action ${request.kind} \`caller: true\` in countersign.yaml.`,
    );
  }
  context.tell(`${request.id} waits for a decision.`);
  const decided = await decision(requester, request.id, options.timeout, stopped.signal);
  if (decided.status !== "approved") return told(context, decided);
  const begun = await requester.begin(request.id).catch(async (error: unknown) => {
    // Halted, for one: it would stay approved, with nobody left who begins it.
    await requester.withdraw(request.id, "it could not be begun").catch(() => {});
    throw error;
  });
  if (begun.status !== "executing") return told(context, begun);
  return told(context, await requester.report(request.id, await carryOut(begun.params)));
}

async function decision(
  requester: Requester,
  id: string,
  timeout_ms: number | undefined,
  signal: AbortSignal,
): Promise<RequestView> {
  try {
    return await requester.wait(id, { signal, ...(timeout_ms !== undefined && { timeout_ms }) });
  } catch (error) {
    // Nobody is left who would act on a yes.
    await requester.withdraw(id, "nobody waits for it any more").catch(() => {});
    if (!(error instanceof Fault && error.code === "no_answer")) throw error;
    throw new Fault(
      "no_answer",
      `Nobody decided about ${id} in time, so nothing was run and it is withdrawn.`,
      "Ask again, with a longer --timeout or with none.",
    );
  }
}

/** The vector as it was approved, and nothing that was asked for instead; no shell reads it. */
function carryOut({ argv, cwd }: JsonObject): Promise<Outcome> {
  const words = Array.isArray(argv) ? argv : [];
  if (words.length === 0 || !words.every((word) => typeof word === "string") || typeof cwd !== "string") {
    return Promise.resolve({ failed: "What was approved is not a command that can be run." });
  }
  const [program = "", ...rest] = words as string[];
  return new Promise((resolve) => {
    const child = spawn(program, rest, { cwd, stdio: "inherit" });
    child.once("error", (error) => resolve({ failed: `It could not be started: ${error.message}` }));
    child.once("exit", (code, signal) => {
      if (code === 0) resolve({ result: { exit: 0 } });
      else if (signal === null) resolve({ failed: `It ended with exit code ${code}.` });
      // As when the daemon runs it: nobody knows how far it came.
      else resolve({ unknown: `It was ended by ${signal}.` });
    });
  });
}

function told(context: Context, request: RequestView): number {
  if (context.options.json) context.print(request as unknown as JsonObject, "");
  else context.tell(outcome(request));
  return request.status === "executing" ? EXIT.still_pending : exitOfOutcome(request.status, "daemon");
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
