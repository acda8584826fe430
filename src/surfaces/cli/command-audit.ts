import { type Command, Option } from "commander";
import { EVENT_TYPES } from "../../core/event.ts";
import type { Json } from "../../core/json.ts";
import { SWITCHES, type SwitchRecord } from "../../core/switch.ts";
import type { AuditRecord, Context, Run } from "./context.ts";
import { EXIT, exitOfCode } from "./exit-codes.ts";
import { pointInTime } from "./options.ts";
import { line, time } from "./text.ts";

interface LogFilter {
  readonly id?: string;
  readonly event?: string;
  readonly reviewer?: string;
  /** ms since 1970. */
  readonly since?: number;
  readonly until?: number;
}

export function addAuditCommands(program: Command, run: Run): void {
  const audit = program.command("audit").description("read and check the journal");
  audit
    .command("log [id]")
    .description("what happened, oldest first; with --json one record per line")
    .addOption(
      new Option("--event <event>", "only events of this kind").choices([...EVENT_TYPES, ...SWITCHES]),
    )
    .option("--reviewer <name>", "only what this person said")
    .option(
      "--since <time>",
      "not before: a date, a time with its zone, or a duration ago such as 24h",
      pointInTime,
    )
    .option("--until <time>", "not after", pointInTime)
    .addHelpText("after", "\nExample:\n  countersign audit log --reviewer anna --since 7d")
    .action((id: string | undefined, options: LogFilter) =>
      run((context) => log(context, { ...options, ...(id !== undefined && { id }) })),
    );
  audit
    .command("verify")
    .description("check the journal's chain, who halted and resumed, and the notes against the journal")
    .addHelpText("after", "\nExample:\n  countersign audit verify")
    .action(() => run(verify));
}

async function log(context: Context, filter: LogFilter): Promise<number> {
  const { deps, options } = context;
  const switches = [...(await deps.readSwitches(options))].filter((one) => matchesSwitch(one, filter));
  const printUpTo = (seq: number) => {
    while (switches[0] !== undefined && switches[0].journal.seq < seq) {
      const [one] = switches.splice(0, 1);
      if (one !== undefined) context.print(one as unknown as Json, switchSentence(one));
    }
  };
  for await (const record of deps.readAudit(options)) {
    printUpTo(record.seq);
    if (matches(record, filter)) context.print(record as unknown as Json, sentence(record));
  }
  printUpTo(Number.POSITIVE_INFINITY);
  return EXIT.done;
}

async function verify(context: Context): Promise<number> {
  const report = await context.deps.verifyAudit(context.options);
  const findings = report.findings.map((finding) => `- ${line(finding)}`).join("\n");
  const head = report.head === null ? "" : `, head ${report.head}`;
  const said = report.ok
    ? `The journal is whole: ${report.records} records${head}.`
    : `The audit found what does not agree:\n${findings}`;
  context.print({ ...report }, said);
  return report.ok ? EXIT.done : exitOfCode("journal_damaged");
}

function matches({ id, event }: AuditRecord, filter: LogFilter): boolean {
  const at = Date.parse(event.at);
  return (
    (filter.id === undefined || filter.id === id) &&
    (filter.event === undefined || filter.event === event.type) &&
    (filter.reviewer === undefined || filter.reviewer === speakerOf(event)) &&
    (filter.since === undefined || at >= filter.since) &&
    (filter.until === undefined || at <= filter.until)
  );
}

function matchesSwitch({ switch: what, by, at }: SwitchRecord, filter: LogFilter): boolean {
  const time = Date.parse(at);
  return (
    filter.id === undefined &&
    (filter.event === undefined || filter.event === what) &&
    (filter.reviewer === undefined || filter.reviewer === by) &&
    (filter.since === undefined || time >= filter.since) &&
    (filter.until === undefined || time <= filter.until)
  );
}

function switchSentence({ switch: what, by, at }: SwitchRecord): string {
  return ["     -", time(at), "the daemon", what, `by ${line(by)}`].join("  ");
}

/** Whoever said what the event records; null for what the daemon did by itself. */
function speakerOf(event: AuditRecord["event"]): string | null {
  if ("decision" in event) return event.decision.reviewer;
  if ("reviewer" in event) return event.reviewer;
  return "by" in event ? event.by : null;
}

function sentence({ seq, id, event }: AuditRecord): string {
  const speaker = event.type === "submitted" ? event.submission.fields.requester : speakerOf(event);
  const detail = detailOf(event);
  const parts = [String(seq).padStart(6), time(event.at), line(id), event.type];
  if (speaker !== null) parts.push(`by ${line(speaker)}`);
  if (detail !== null && detail !== "") parts.push(`(${line(detail)})`);
  return parts.join("  ");
}

function detailOf(event: AuditRecord["event"]): string | null {
  if (event.type === "submitted") return event.submission.title;
  if ("decision" in event) return event.decision.reason;
  if (event.type === "allowed" || event.type === "denied" || event.type === "sent_back")
    return event.verdict.reason;
  if ("reason" in event) return event.reason;
  if ("error" in event) return event.error;
  if ("cause" in event) return event.cause;
  return "detail" in event ? `${event.code}: ${event.detail}` : null;
}
