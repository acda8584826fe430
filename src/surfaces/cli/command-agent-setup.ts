import {
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { dirname, resolve } from "node:path";
import { Argument, type Command, InvalidArgumentError } from "commander";
import { Fault } from "../../core/codes.ts";
import { parseDuration } from "../../core/duration.ts";
import type { Json, JsonObject } from "../../core/json.ts";
import type { AgentName } from "../hooks/dialects.ts";
import type { AgentSettings, SetupPlan } from "../setup/agent-settings.ts";
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
  const { merged, settingsOf, without } = await import("../setup/agent-settings.ts");
  const settings = settingsOf(agent, plan);
  const { file, content, notes } = settings;
  if (options.remove) {
    const changed = remove(settings, (found) => without(found, agent));
    context.print(
      { agent, file, removed: changed },
      changed ? `removed from  ${file}` : `nothing of ours in  ${file}`,
    );
    return EXIT.done;
  }
  const before = typeof content === "string" ? {} : readSettings(file);
  const text = typeof content === "string" ? content : pretty(merged(before, agent, content));
  if (!options.write) {
    const shown = typeof content === "string" ? content : pretty(merged({}, agent, content));
    context.print(
      { agent, file, content: shown, notes },
      `# ${file}\n${shown}${notes.map((one) => `# ${one}\n`).join("")}`,
    );
    return EXIT.done;
  }
  const backup = replace(file, text);
  const added = await context.deps.addToolActions(context.options);
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

function readSettings(file: string): JsonObject {
  if (!existsSync(file)) return {};
  let value: Json = null;
  try {
    value = JSON.parse(readFileSync(file, "utf8")) as Json;
  } catch {
    // Answered below, like any other file that is no map.
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as JsonObject;
  throw new Fault(
    "usage",
    `${file} is not plain JSON, so nothing is merged into it.`,
    "Without --write the hooks are printed, to be put in by hand.",
  );
}

/** True where something was taken out. A file that was ours alone, or is empty without us, is removed. */
function remove({ file, content }: AgentSettings, clean: (settings: JsonObject) => JsonObject): boolean {
  if (!existsSync(file)) return false;
  if (typeof content === "string") {
    rmSync(file);
    return true;
  }
  const before = readSettings(file);
  const after = clean(before);
  if (JSON.stringify(after) === JSON.stringify(before)) return false;
  replace(file, pretty(after));
  return true;
}

/** Writes beside and renames, through a link to what it points to; gives the backup's name where there is one. */
function replace(file: string, text: string): string | null {
  mkdirSync(dirname(file), { recursive: true });
  const target = existsSync(file) ? realpathSync(file) : file;
  const old = existsSync(target) ? readFileSync(target, "utf8") : null;
  if (old === text) return null;
  const backup = `${target}.before-countersign`;
  const isFirst = old !== null && !existsSync(backup);
  if (old !== null && isFirst) writeFileSync(backup, old, { mode: statSync(target).mode & 0o777 });
  const beside = `${target}.${process.pid}.tmp`;
  writeFileSync(beside, text, { mode: old === null ? 0o600 : statSync(target).mode & 0o777 });
  renameSync(beside, target);
  return isFirst ? backup : null;
}

function pretty(value: JsonObject): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

function timeoutOption(text: string): { text: string; ms: number } {
  const ms = parseDuration(text);
  if (ms !== null && ms >= 1_000) return { text, ms };
  throw new InvalidArgumentError("Expected a duration of at least a second, such as 9m.");
}
