import type { Command } from "commander";
import type { Attendance } from "../../application/known-people.ts";
import type { Json } from "../../core/json.ts";
import type { Context, Run } from "./context.ts";
import { EXIT } from "./exit-codes.ts";
import { instantOption } from "./options.ts";
import { findingLines } from "./policy-text.ts";
import { line } from "./text.ts";

export function addPeopleCommands(program: Command, run: Run): void {
  const people = program.command("people").description("check the file of people, and see who is there");
  people
    .command("check [file]")
    .description("say all that is wrong with a file of people (default: the configuration's)")
    .addHelpText("after", "\nExample:\n  countersign people check people.yaml")
    .action((file: string | undefined) => run((context) => check(context, file ?? null)));
  people
    .command("show")
    .description("who is on duty, who is absent and who stands in")
    .option("--at <time>", "at this time, such as 2026-11-21T09:14:03Z (default: now)", instantOption)
    .addHelpText("after", "\nExample:\n  countersign people show --at 2026-12-24T09:00:00+01:00")
    .action(({ at }: { at?: number }) => run((context) => show(context, at ?? null)));
}

async function check(context: Context, file: string | null): Promise<number> {
  const report = (await context.deps.openPeople(context.options)).check(file);
  const { ok, persons, groups, snapshot } = report;
  const said = ok
    ? `${line(report.file)} is valid: ${persons} persons, ${groups} groups, ${snapshot}`
    : `${line(report.file)} is not valid.`;
  const findings = report.findings.map((one) => ({ ...one }));
  context.print({ ...report, findings }, [...findingLines(report.findings), said].join("\n"));
  return ok ? EXIT.done : EXIT.bad_input;
}

async function show(context: Context, at: number | null): Promise<number> {
  const attendance = (await context.deps.openPeople(context.options)).show(at);
  context.print(attendance as unknown as Json, attendanceText(attendance));
  return EXIT.done;
}

function attendanceText({ at, persons, groups }: Attendance): string {
  const width = Math.max(...[...persons, ...groups].map(({ name }) => name.length), 0) + 2;
  const row = (name: string, text: string) => `  ${name.padEnd(width)}${text}`;
  return [
    `At ${at}`,
    "Persons",
    ...persons.map((one) => row(one.name, presenceOf(one))),
    "Groups",
    ...groups.map(({ name, members }) => row(name, members.join(", ") || "nobody")),
  ].join("\n");
}

function presenceOf({ absent_until, stand_in, working }: Attendance["persons"][number]): string {
  if (absent_until !== null) {
    return `absent until ${absent_until}, ${stand_in === null ? "nobody stands in" : `${stand_in} stands in`}`;
  }
  return working === null ? "there" : working ? "there, working" : "there, outside working hours";
}
