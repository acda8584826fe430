import { Command, CommanderError } from "commander";
import { Fault } from "../../core/codes.ts";
import { type Client, createClient } from "../client/connection.ts";
import { addAgentSetupCommand } from "./command-agent-setup.ts";
import { addAuditCommands } from "./command-audit.ts";
import { addCallerCommands } from "./command-caller.ts";
import { addClockCommand, addDecidingCommands } from "./command-deciding.ts";
import { addDoctorCommand } from "./command-doctor.ts";
import { addGatewayCommand } from "./command-gateway.ts";
import { addHookCommand } from "./command-hook.ts";
import { addMcpCommand } from "./command-mcp.ts";
import { addNotifyCommands } from "./command-notify.ts";
import { addPeopleCommands } from "./command-people.ts";
import { addPolicyCommands } from "./command-policy.ts";
import { addReadingCommands } from "./command-reading.ts";
import { addRequestCommand } from "./command-request.ts";
import { addRunCommand } from "./command-run.ts";
import { addSetupCommands } from "./command-setup.ts";
import { addStatsCommand } from "./command-stats.ts";
import type { CliLocations, Context, Deps, Environment, GlobalOptions, Io, Run } from "./context.ts";
import { EXIT, exitOfCode } from "./exit-codes.ts";
import { jsonLine, line } from "./text.ts";

/**
 * Runs one command line (without the program's own name) and gives its exit code. Never rejects with a `Fault`: those
 * are told as one sentence and a hint, or with `--json` as `{"error": {…}}`. Anything else is a bug and rejects.
 */
export async function runCli(argv: readonly string[], env: Environment, io: Io, deps: Deps): Promise<number> {
  try {
    return await runCommand(argv, env, io, deps);
  } catch (error) {
    const fault = error instanceof CommanderError ? usageFault(error, argv) : error;
    if (!(fault instanceof Fault)) throw fault;
    tellFault(fault, asksForJson(argv), io);
    return exitOfCode(fault.code);
  }
}

/** The one form in which a fault is told. */
export function tellFault({ code, message, hint }: Fault, json: boolean, io: Pick<Io, "out" | "err">): void {
  if (json) io.out(`${jsonLine({ error: { code, message, hint } })}\n`);
  else io.err(`countersign: ${line(message)}\n${line(hint)}\n`);
}

/** Whether `--json` is asked for, also where the command line could not be read. */
export function asksForJson(argv: readonly string[]): boolean {
  const end = argv.indexOf("--");
  return argv.slice(0, end === -1 ? argv.length : end).includes("--json");
}

async function runCommand(argv: readonly string[], env: Environment, io: Io, deps: Deps): Promise<number> {
  let exit: number = EXIT.done;
  const program = createProgram(io, deps.version, async (work) => {
    exit = await work(createContext(env, io, deps, program.opts()));
  });
  try {
    await program.parseAsync(argv, { from: "user" });
  } catch (error) {
    // Help was asked for, and has been printed.
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.done;
    throw error;
  }
  return exit;
}

function createProgram(io: Io, version: string, run: Run): Command {
  const program = new Command("countersign");
  program
    .description("Human approval for AI agents, in plain Markdown.")
    .version(version, "-V, --version", "print the version")
    .option("--vault <dir>", "the vault (default: $COUNTERSIGN_VAULT, or the one around the current folder)")
    .option("--config <file>", "the configuration (default: $COUNTERSIGN_CONFIG, or the vault's own place)")
    .option("--state <dir>", "where the journal is kept")
    .option("--json", "print JSON")
    .exitOverride()
    .configureOutput({ writeOut: (text) => io.out(text), writeErr: () => {} })
    .configureHelp({ showGlobalOptions: true })
    .addHelpText(
      "after",
      "\nExample:\n  countersign init --vault ~/vault && countersign start --vault ~/vault",
    );
  addSetupCommands(program, run);
  addRequestCommand(program, run);
  addReadingCommands(program, run);
  addDecidingCommands(program, run);
  addClockCommand(program, run);
  addCallerCommands(program, run);
  addAuditCommands(program, run);
  addPolicyCommands(program, run);
  addStatsCommand(program, run);
  addPeopleCommands(program, run);
  addMcpCommand(program, run);
  addGatewayCommand(program, run);
  addHookCommand(program, run);
  addDoctorCommand(program, run);
  addAgentSetupCommand(program, run);
  addRunCommand(program, run);
  addNotifyCommands(program, run);
  return program;
}

function createContext(env: Environment, io: Io, deps: Deps, options: GlobalOptions): Context {
  let located: Promise<CliLocations> | null = null;
  const locations = () => {
    located ??= deps.locate(options);
    return located;
  };
  return {
    io,
    env,
    deps,
    options,
    locations,
    client: async (): Promise<Client> => createClient((await locations()).sockets),
    print: (json, text) => io.out(`${options.json ? jsonLine(json) : text}\n`),
    tell: (text) => io.err(`${text}\n`),
  };
}

/** Commander's own complaints in the form of all others. */
function usageFault(error: CommanderError, argv: readonly string[]): Fault {
  const [first = "", suggestion] = error.message.replace(/^error: /, "").split("\n");
  const command = commandOf(argv);
  const help = `\`countersign${command === "" ? "" : ` ${command}`} --help\` shows how it is used.`;
  if (error.code === "commander.help") {
    return new Fault("usage", command === "" ? "No command is given." : `Which command of ${command}?`, help);
  }
  const sentence = `${first.slice(0, 1).toUpperCase()}${first.slice(1)}`.replace(/[.\s]*$/, ".");
  return new Fault(
    "usage",
    sentence,
    suggestion === undefined ? help : `${suggestion.replace(/^\(|\)$/g, "")} ${help}`,
  );
}

function commandOf(argv: readonly string[]): string {
  const known = createProgram(
    { out() {}, err() {}, readInput: async () => "", readDocument: async () => "", columns: null },
    "",
    async () => {},
  );
  const names = new Set(known.commands.map((command) => command.name()));
  const at = argv.findIndex((word) => names.has(word));
  const command = known.commands.find((one) => one.name() === argv[at]);
  if (command === undefined) return "";
  const inner = command.commands.find((one) => one.name() === argv[at + 1]);
  return inner === undefined ? command.name() : `${command.name()} ${inner.name()}`;
}
