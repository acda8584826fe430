import { homedir } from "node:os";
import { resolve } from "node:path";
import { Argument, type Command, InvalidArgumentError } from "commander";
import { Fault } from "../../core/codes.ts";
import { parseDuration } from "../../core/duration.ts";
import type { AgentName } from "../hooks/dialects.ts";
import type { SetupPlan } from "../setup/agent-settings.ts";
import { AGENTS } from "./command-hook.ts";
import type { Context, Run } from "./context.ts";
import { EXIT } from "./exit-codes.ts";

interface SetupOptions {
  readonly write?: boolean;
  readonly remove?: boolean;
  readonly project?: boolean;
  readonly dialog?: boolean;
  readonly timeout?: { readonly text: string; readonly ms: number };
}

export function addAgentSetupCommand(program: Command, run: Run): void {
  program
    .command("setup")
    .description(
      "put a coding agent's tools behind approval: prints its hooks, or merges them into its settings",
    )
    .addArgument(new Argument("<agent>", "which agent").choices(AGENTS))
    .option("--write", "merge into the agent's settings, and add the actions that its tools need")
    .option("--remove", "take our hooks out of the agent's settings again")
    .option("--project", "for the current folder alone, not for the user")
    .option("--dialog", "Claude Code: a note beside its own dialog, and whichever is answered first counts")
    .option("--timeout <duration>", "how long a call may wait (default: a day)", timeoutOption)
    .addHelpText("after", "\nExample:\n  countersign setup claude-code --write --vault ~/vault")
    .action((agent: AgentName, options: SetupOptions) => run((context) => setUp(context, agent, options)));
}

async function setUp(context: Context, agent: AgentName, options: SetupOptions): Promise<number> {
  if (options.write && options.remove) throw new Fault("usage", "--write and --remove are opposites.");
  if (options.dialog && agent !== "claude-code") {
    throw new Fault("usage", `--dialog is for claude-code alone, not for ${agent}.`);
  }
  const plan = await planOf(context, options);
  const [{ settingsOf }, { readSettings, removeFrom, textWith, writeInto }] = await Promise.all([
    import("../setup/agent-settings.ts"),
    import("../setup/settings-file.ts"),
  ]);
  const settings = settingsOf(agent, plan);
  const { file, notes } = settings;
  if (options.remove) {
    const changed = removeFrom(settings, agent);
    context.print(
      { agent, file, removed: changed },
      changed ? `removed from  ${file}` : `nothing of ours in  ${file}`,
    );
    return EXIT.done;
  }
  if (!options.write) {
    const shown = textWith(null, settings, agent);
    context.print(
      { agent, file, content: shown, notes },
      `# ${file}\n${shown}${notes.map((one) => `# ${one}\n`).join("")}# Nothing is written without --write.\n`,
    );
    return EXIT.done;
  }
  const before = readSettings(settings, agent);
  // First what may be refused: hooks whose actions are not there would refuse every call.
  const added = await context.deps.addToolActions(context.options);
  const backup = writeInto(before, settings, agent);
  const lines = [
    `written  ${file}`,
    ...(backup === null ? [] : [`backup   ${backup}`]),
    ...(added.actions.length === 0
      ? []
      : [`added    ${added.actions.join(", ")} to ${added.file}; restart the daemon to take them`]),
    ...notes,
  ];
  context.print({ agent, file, backup, added: added.actions, notes }, lines.join("\n"));
  return EXIT.done;
}

export async function planOf(
  context: Context,
  { project, timeout, dialog }: Pick<SetupOptions, "project" | "timeout" | "dialog">,
): Promise<SetupPlan> {
  const { env, deps } = context;
  return {
    program: deps.program(),
    vault: (await context.locations()).vault,
    state: context.options.state === undefined ? null : resolve(context.options.state),
    home: env.HOME ?? homedir(),
    env,
    project: project ? process.cwd() : null,
    timeout: timeout ?? null,
    dialog: dialog ?? false,
  };
}

function timeoutOption(text: string): { text: string; ms: number } {
  const ms = parseDuration(text);
  if (ms !== null && ms >= 1_000) return { text, ms };
  throw new InvalidArgumentError("Expected a duration of at least a second, such as 9m.");
}
