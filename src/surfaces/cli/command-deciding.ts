import type { Command } from "commander";
import { Fault } from "../../core/codes.ts";
import type { Json, JsonObject } from "../../core/json.ts";
import type { Verb } from "../../core/request.ts";
import type { RequestView } from "../../core/view.ts";
import { requestPath } from "../client/connection.ts";
import type { Context, Run } from "./context.ts";
import { EXIT } from "./exit-codes.ts";
import { osUser } from "./options.ts";
import { collect, paramsFrom } from "./params.ts";
import { line, outcome } from "./text.ts";

interface PersonOptions {
  readonly as?: string;
  readonly reason?: string;
}

interface DecideOptions extends PersonOptions {
  readonly set?: readonly string[];
  readonly checked?: boolean;
}

const ID = "20261121-091403-payment-7f3k9q";

export function addDecidingCommands(program: Command, run: Run): void {
  const decisions: [string, Verb, string, string][] = [
    ["approve", "approve", "let the action happen", "--reason 'checked with ACME'"],
    ["reject", "reject", "keep the action from happening", "--reason 'paid last week'"],
    [
      "request-changes",
      "request_changes",
      "send the request back with a reason",
      "--reason 'use the new account'",
    ],
  ];
  for (const [name, verb, description, example] of decisions) {
    const command = personOptions(program.command(`${name} <id>`).description(description))
      .addHelpText("after", `\nExample:\n  countersign ${name} ${ID} ${example}`)
      .action((id: string, options: DecideOptions) => run((context) => decide(context, id, verb, options)));
    if (verb === "approve") {
      const description =
        "change a param, or a part of one (to.name=…), before approving; name:=JSON for what is no text; repeat for more";
      command.option("--set <name=value>", description, collect);
      command.option("--checked", "you have looked at everything on the rule's checklist");
    }
  }

  personOptions(program.command("delegate <id>").description("pass the decision on to somebody else"))
    .requiredOption("--to <name>", "who decides in your place")
    .addHelpText("after", `\nExample:\n  countersign delegate ${ID} --to bob --reason 'on holiday'`)
    .action((id: string, options: PersonOptions & { to: string }) =>
      run((context) => {
        const { as, to, reason = null } = options;
        const body = { from: as ?? osUser(context.env), to, reason, via: "cli" };
        return say(context, requestPath(id, "/delegate"), body);
      }),
    );

  personOptions(
    program.command("take-back <id>").description("undo your approval of what has not been started"),
  )
    .addHelpText("after", `\nExample:\n  countersign take-back ${ID} --reason 'wrong account'`)
    .action((id: string, { as, reason }: PersonOptions) =>
      run((context) => {
        const body = { by: as ?? osUser(context.env), reason: reason ?? null };
        return say(context, requestPath(id, "/take-back"), body);
      }),
    );

  personOptions(program.command("resolve <id>").description("settle a request whose outcome is unknown"))
    .option("--happened", "the action did take place")
    .option("--did-not", "it did not")
    .addHelpText("after", `\nExample:\n  countersign resolve ${ID} --did-not --reason 'not on the statement'`)
    .action((id: string, options: PersonOptions & { happened?: boolean; didNot?: boolean }) =>
      run((context) => resolve(context, id, options)),
    );

  for (const [name, description, said] of [
    ["halt", "stop all executions at once, until `resume`", "All executions are halted."],
    ["resume", "start executions again after `halt`", "Executions go on."],
  ] as const) {
    program
      .command(name)
      .description(description)
      .option("--as <name>", "your name (default: the current user)")
      .addHelpText("after", `\nExample:\n  countersign ${name}`)
      .action((options: PersonOptions) =>
        run(async (context) => {
          const body = { by: options.as ?? osUser(context.env) };
          const client = await context.client();
          context.print(
            await client.ask({ socket: "reviewer", method: "POST", path: `/v1/${name}`, body }),
            said,
          );
          return EXIT.done;
        }),
      );
  }
}

export function addClockCommand(program: Command, run: Run): void {
  program
    .command("clock")
    .description("the computer's clock, by which all deadlines are judged")
    .command("accept")
    .description("say that the clock is right as it is now, after it was set")
    .option("--as <name>", "your name (default: the current user)")
    .addHelpText("after", "\nExample:\n  countersign clock accept")
    .action((options: PersonOptions) =>
      run(async (context) => {
        const body = { by: options.as ?? osUser(context.env) };
        const client = await context.client();
        const answer = await client.ask({
          socket: "reviewer",
          method: "POST",
          path: "/v1/clock/accept",
          body,
        });
        context.print(answer, "The clock counts as right; what waited for it goes on.");
        return EXIT.done;
      }),
    );
}

/** The options of whoever says something as a person. */
export function personOptions(command: Command): Command {
  return command
    .option("--as <name>", "your name (default: the current user)")
    .option("--reason <text>", "why; the requester reads it");
}

async function decide(
  context: Context,
  id: string,
  verb: Verb,
  { as, reason, set, checked }: DecideOptions,
): Promise<number> {
  const body = {
    verb,
    reviewer: as ?? osUser(context.env),
    reason: reason ?? null,
    via: "cli",
    ...(set !== undefined && { set: await paramsFrom("--set", set) }),
    ...(checked !== undefined && { checked }),
  };
  return say(context, requestPath(id, "/decide"), body);
}

function resolve(
  context: Context,
  id: string,
  { as, reason, happened = false, didNot = false }: PersonOptions & { happened?: boolean; didNot?: boolean },
): Promise<number> {
  if (happened === didNot) {
    throw new Fault(
      "usage",
      "Exactly one of --happened and --did-not settles an outcome.",
      `For example: countersign resolve ${line(id)} --did-not`,
    );
  }
  const body = { happened, by: as ?? osUser(context.env), reason: reason ?? null };
  return say(context, requestPath(id, "/resolve"), body);
}

async function say(context: Context, path: string, body: JsonObject): Promise<number> {
  const client = await context.client();
  const answer = await client.ask({ socket: "reviewer", method: "POST", path, body });
  context.print(answer as Json, outcome(answer as unknown as RequestView));
  return EXIT.done;
}
