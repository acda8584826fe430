import type { Command } from "commander";
import { tellShadow } from "../../core/shadow.ts";
import type { Context, Run } from "./context.ts";
import { EXIT } from "./exit-codes.ts";

export function addSetupCommands(program: Command, run: Run): void {
  program
    .command("init")
    .description(
      "make a vault's folders, handbook, table of approvals and a starter configuration; never overwrites anything",
    )
    .option("--obsidian", "also tell Obsidian the types of the notes' properties, where it has none")
    .addHelpText("after", "\nExample:\n  countersign init --vault ~/vault")
    .action(({ obsidian = false }: { obsidian?: boolean }) => run((context) => init(context, obsidian)));
  program
    .command("start")
    .description("run the daemon in the foreground, until SIGTERM or SIGINT")
    .addHelpText("after", "\nExample:\n  countersign start --vault ~/vault")
    .action(() => run(start));
}

async function init(context: Context, obsidian: boolean): Promise<number> {
  const report = await context.deps.init({ ...context.options, obsidian });
  const lines = [
    ...report.made.map((path) => `made  ${path}`),
    ...report.kept.map((path) => `kept  ${path}`),
    "",
    `Next: countersign start --vault ${report.vault}`,
    // By another name than the current user's, who then could not approve it.
    `Then: countersign request --vault ${report.vault} --requester agent --kind note --param text=hello --wait`,
    `Your actions are in ${report.configuration}`,
  ];
  context.print({ ...report }, lines.join("\n"));
  return EXIT.done;
}

/** With `--json` a line with the places as soon as the daemon serves. */
async function start(context: Context): Promise<number> {
  const { finished, ...started } = await context.deps.start(context.options);
  const inShadow = tellShadow(started.shadow);
  const warnings = [...(inShadow === null ? [] : [inShadow]), ...started.warnings];
  for (const warning of warnings) context.tell(`Warning: ${warning}`);
  const lines = [
    `vault          ${started.vault}`,
    `configuration  ${started.configuration}`,
    `state          ${started.state}`,
    `agent          ${started.sockets.agent}`,
    `reviewer       ${started.sockets.reviewer}`,
    "ready",
  ];
  context.print({ event: "ready", ...started }, lines.join("\n"));
  await finished;
  return EXIT.done;
}
