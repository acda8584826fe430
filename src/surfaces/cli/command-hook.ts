import { randomUUID } from "node:crypto";
import { Argument, type Command } from "commander";
import { Fault } from "../../core/codes.ts";
import type { AgentName } from "../hooks/dialects.ts";
import type { Context, Run } from "./context.ts";
import { positiveDurationOption } from "./options.ts";

interface HookOptions {
  readonly timeout?: number;
  readonly defer?: boolean;
  readonly requester?: string;
}

export const AGENTS = [
  "claude-code",
  "codex",
  "gemini",
  "copilot",
  "cursor",
  "opencode",
] as const satisfies readonly AgentName[];

/** Less than the day that `setup` gives the agents' own limits: behind those the tool would run. */
export const WAIT_MS = 86_400_000 - 60_000;
/** For what has to come from the agent at once. */
const INPUT_MS = 20_000;

export function addHookCommand(program: Command, run: Run): void {
  program
    .command("hook")
    .description("answer an agent's hook: its JSON on standard input, allow or deny in its own form")
    .addArgument(new Argument("<agent>", "which agent's form").choices(AGENTS))
    .option(
      "--timeout <duration>",
      "how long to wait for a decision; must end 30 s before the agent's own limit (default: 23h59m)",
      positiveDurationOption,
    )
    .option(
      "--defer",
      "claude-code without a terminal: end the turn at once, to be resumed once it is decided",
    )
    .option("--requester <name>", "who asks (default: the agent's name)")
    .addHelpText("after", "\nExample:\n  countersign setup claude-code --write")
    .action((agent: AgentName, options: HookOptions) => run((context) => hook(context, agent, options)));
}

async function hook(context: Context, agent: AgentName, options: HookOptions): Promise<number> {
  const [{ DIALECTS }, { answerHook, denied }, { createRequester }, { watchAgent }] = await Promise.all([
    import("../hooks/dialects.ts"),
    import("../hooks/answer.ts"),
    import("../agent/requester.ts"),
    import("../hooks/gone.ts"),
  ]);
  const dialect = DIALECTS[agent];
  const { signal: gone, stop } = watchAgent((leave) => void context.deps.stopped().then(leave));
  try {
    if (options.defer && dialect.defer === undefined) {
      throw new Fault("usage", `--defer is for claude-code; ${agent} cannot be resumed at a call.`);
    }
    const { sockets, tokens } = await context.locations();
    const { out, err, exit } = await answerHook(await inputWithin(context, INPUT_MS), {
      dialect,
      requester: createRequester({ socket: sockets.agent, tokens }, options.requester ?? agent),
      now: Date.now,
      random: randomUUID,
      timeout_ms: options.timeout ?? WAIT_MS,
      expires_in_ms: options.timeout ?? null,
      defer: options.defer ?? false,
      gone,
    });
    context.io.out(out);
    context.io.err(err);
    return exit;
  } catch (error) {
    const fault = error instanceof Fault ? error : new Fault("internal");
    const { out, err, exit } = denied(dialect, null, `${fault.message} ${fault.hint} Nothing was approved.`);
    context.io.out(out);
    context.io.err(err);
    return exit;
  } finally {
    stop();
  }
}

/** An agent that says nothing is answered before it loses its patience and lets the tool run. */
async function inputWithin(context: Context, ms: number): Promise<string> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new Fault("usage", "The agent sent nothing on standard input.")),
    ms,
  );
  try {
    return await Promise.race([context.io.readDocument(), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
