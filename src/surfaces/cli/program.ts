import { Command, CommanderError } from "commander";
import { Fault } from "../../core/codes.ts";
import { type Client, createClient } from "../client/connection.ts";
import { COMMANDS, commandsFor } from "./commands.ts";
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
    const fault = error instanceof CommanderError ? await usageFault(error, argv) : error;
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
  const parse = async (groups: typeof COMMANDS) => {
    const program = await createProgram(io, deps.version, groups, async (work) => {
      exit = await work(createContext(env, io, deps, program.opts()));
    });
    await program.parseAsync(argv, { from: "user" });
  };
  try {
    await parse(commandsFor(argv)).catch((error) => {
      // Whether it is like another command is said by all of them.
      if (error instanceof CommanderError && error.code === "commander.unknownCommand")
        return parse(COMMANDS);
      throw error;
    });
  } catch (error) {
    // Help was asked for, and has been printed.
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.done;
    throw error;
  }
  return exit;
}

async function createProgram(io: Io, version: string, groups: typeof COMMANDS, run: Run): Promise<Command> {
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
  for (const add of await Promise.all(groups.map((group) => group.read()))) add(program, run);
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
async function usageFault(error: CommanderError, argv: readonly string[]): Promise<Fault> {
  const [first = "", suggestion] = error.message.replace(/^error: /, "").split("\n");
  const command = await commandOf(argv);
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

async function commandOf(argv: readonly string[]): Promise<string> {
  const known = await createProgram(
    { out() {}, err() {}, readInput: async () => "", readDocument: async () => "", columns: null },
    "",
    COMMANDS,
    async () => {},
  );
  const names = new Set(known.commands.map((command) => command.name()));
  const at = argv.findIndex((word) => names.has(word));
  const command = known.commands.find((one) => one.name() === argv[at]);
  if (command === undefined) return "";
  const inner = command.commands.find((one) => one.name() === argv[at + 1]);
  return inner === undefined ? command.name() : `${command.name()} ${inner.name()}`;
}
