import type { Command } from "commander";
import type { Run } from "./context.ts";

type AddCommands = (program: Command, run: Run) => void;

interface Group {
  /** What its commands are called by. */
  readonly names: readonly string[];
  readonly read: () => Promise<AddCommands>;
}

/** All commands, in the order in which help lists them; each group is read in only when it is needed. */
export const COMMANDS: readonly Group[] = [
  { names: ["init", "start"], read: async () => (await import("./command-setup.ts")).addSetupCommands },
  { names: ["request"], read: async () => (await import("./command-request.ts")).addRequestCommand },
  {
    names: ["wait", "show", "list"],
    read: async () => (await import("./command-reading.ts")).addReadingCommands,
  },
  {
    names: ["approve", "reject", "request-changes", "delegate", "take-back", "resolve", "halt", "resume"],
    read: async () => (await import("./command-deciding.ts")).addDecidingCommands,
  },
  { names: ["clock"], read: async () => (await import("./command-deciding.ts")).addClockCommand },
  {
    names: ["cancel", "claim", "complete", "grant"],
    read: async () => (await import("./command-caller.ts")).addCallerCommands,
  },
  { names: ["audit"], read: async () => (await import("./command-audit.ts")).addAuditCommands },
  { names: ["policy"], read: async () => (await import("./command-policy.ts")).addPolicyCommands },
  { names: ["stats"], read: async () => (await import("./command-stats.ts")).addStatsCommand },
  { names: ["people"], read: async () => (await import("./command-people.ts")).addPeopleCommands },
  { names: ["mcp"], read: async () => (await import("./command-mcp.ts")).addMcpCommand },
  { names: ["gateway"], read: async () => (await import("./command-gateway.ts")).addGatewayCommand },
  { names: ["hook"], read: async () => (await import("./command-hook.ts")).addHookCommand },
  { names: ["doctor"], read: async () => (await import("./command-doctor.ts")).addDoctorCommand },
  { names: ["setup"], read: async () => (await import("./command-agent-setup.ts")).addAgentSetupCommand },
  { names: ["run"], read: async () => (await import("./command-run.ts")).addRunCommand },
  { names: ["notify"], read: async () => (await import("./command-notify.ts")).addNotifyCommands },
];

/** The commands that a command line can mean: those that any of its words names, and all where it asks for help. */
export function commandsFor(argv: readonly string[]): readonly Group[] {
  if (argv.some((word) => /^(help|--help|-[^-]*h.*)$/.test(word))) return COMMANDS;
  const named = COMMANDS.filter(({ names }) => names.some((name) => argv.includes(name)));
  return named.length === 0 ? COMMANDS : named;
}
