import { type Command, Option } from "commander";
import type { Recorded } from "../../application/policies.ts";
import { Fault, type Finding } from "../../core/codes.ts";
import type { Json } from "../../core/json.ts";
import { DIALECTS, type Dialect } from "../../policy/imported.ts";
import { RISKS, type Risk } from "../../policy/policy.ts";
import { paramsOf } from "./command-request.ts";
import type { Context, Run } from "./context.ts";
import { EXIT } from "./exit-codes.ts";
import { instantOption, osUser } from "./options.ts";
import { collect } from "./params.ts";
import { explanation, findingLines, verdictLine } from "./policy-text.ts";
import { line } from "./text.ts";

interface ExplainOptions {
  readonly kind: string;
  readonly param?: readonly string[];
  readonly params?: string;
  readonly requester?: string;
  readonly onBehalfOf?: string;
  readonly key?: string;
  readonly tag?: readonly string[];
  readonly risk?: Risk;
  readonly now?: number;
  readonly digest?: string;
  readonly used?: readonly string[];
}

export function addPolicyCommands(program: Command, run: Run): void {
  const policy = program.command("policy").description("check, explain and try out a policy file");
  policy
    .command("check <file>")
    .description("say all that is wrong with a policy; held against the configuration where there is one")
    .addHelpText("after", "\nExample:\n  countersign policy check policy.yaml")
    .action((file: string) => run((context) => check(context, file)));
  policy
    .command("explain <file>")
    .description("what the policy says of an action, and why")
    .requiredOption("--kind <kind>", "the action, as the configuration names it")
    .option("--param <name=value>", "a param as text, or name:=JSON; repeat for more", collect)
    .option("--params <file>", "a file with the params as a JSON object; - for standard input")
    .option("--requester <name>", "who asks (default: the current user)")
    .option("--on-behalf-of <name>", "for whom")
    .option("--key <key>", "the idempotency key")
    .option("--tag <tag>", "a tag besides those of the configuration; repeat for more", collect)
    .addOption(new Option("--risk <risk>", "as if the risk factors gave this").choices(RISKS))
    .option("--now <time>", "as if it were this time, such as 2026-11-21T09:14:03Z", instantOption)
    .option("--digest <digest>", "the request's digest, for rules with a sample")
    .option("--used <limit=number>", "what counts towards a limit besides this; repeat for more", collect)
    .addHelpText(
      "after",
      "\nExample:\n  countersign policy explain policy.yaml --kind payment --param amount_cents:=150000 --requester bot",
    )
    .action((file: string, options: ExplainOptions) => run((context) => explain(context, file, options)));
  policy
    .command("test <file> [cases]")
    .description("try the cases of a file; ends with 6 if one of them fails")
    .option("--recorded", "what would today's rules have said of every request in the journal?")
    .addHelpText("after", "\nExample:\n  countersign policy test policy.yaml cases.yaml")
    .action((file: string, cases: string | undefined, options: { recorded?: boolean }) =>
      run((context) => tryOut(context, file, cases ?? null, options.recorded === true)),
    );
  policy
    .command("import <file>")
    .description("print another system's policy in this form; what has no faithful form is an error")
    .addOption(new Option("--from <system>", "whose policy it is").choices(DIALECTS).makeOptionMandatory())
    .addHelpText("after", "\nExample:\n  countersign policy import --from agt approvals.yaml > policy.yaml")
    .action((file: string, { from }: { from: Dialect }) => run((context) => bringIn(context, file, from)));
  policy
    .command("starter")
    .description("print a policy to begin with, for the configuration's actions")
    .addHelpText("after", "\nExample:\n  countersign policy starter > policy.yaml")
    .action(() => run(starter));
}

async function bringIn(context: Context, file: string, from: Dialect): Promise<number> {
  const policies = await context.deps.openPolicies(context.options);
  const { text, findings } = policies.import(from, file);
  // The policy alone goes to standard output, so that it can go on into a file.
  if (text === null && !context.options.json) context.tell(findingLines(findings).join("\n"));
  else context.print({ policy: text, findings: asJson(findings) }, (text ?? "").trimEnd());
  return text === null ? EXIT.bad_input : EXIT.done;
}

async function starter(context: Context): Promise<number> {
  const text = (await context.deps.openPolicies(context.options)).starter();
  context.print({ policy: text }, text.trimEnd());
  return EXIT.done;
}

async function check(context: Context, file: string): Promise<number> {
  const policies = await context.deps.openPolicies(context.options);
  const report = policies.check(file);
  const unknown = report.configured ? "" : " (there is no configuration to hold it against)";
  const said = report.ok
    ? `${line(file)} is valid${unknown}: ${report.rules} rules, ${report.snapshot}`
    : `${line(file)} is not valid.`;
  context.print(
    { ...report, findings: asJson(report.findings) },
    [...findingLines(report.findings), said].join("\n"),
  );
  return report.ok ? EXIT.done : EXIT.bad_input;
}

async function explain(context: Context, file: string, options: ExplainOptions): Promise<number> {
  const policies = await context.deps.openPolicies(context.options);
  const judgement = policies.explain(file, {
    kind: options.kind,
    params: await paramsOf(options, context.io.readInput),
    requester: options.requester ?? osUser(context.env),
    on_behalf_of: options.onBehalfOf ?? null,
    key: options.key ?? null,
    tags: options.tag ?? [],
    risk: options.risk ?? null,
    now: options.now ?? null,
    digest: options.digest ?? null,
    used: Object.fromEntries((options.used ?? []).map(amountOf)),
  });
  context.print(judgement as unknown as Json, explanation(judgement));
  return EXIT.done;
}

async function tryOut(
  context: Context,
  file: string,
  cases: string | null,
  recorded: boolean,
): Promise<number> {
  if (cases === null && !recorded) throw new Fault("usage", "Name a file of cases, or use --recorded.");
  if (cases !== null && recorded)
    throw new Fault("usage", "--recorded takes its cases from the journal, not from a file.");
  const policies = await context.deps.openPolicies(context.options);
  if (cases === null) return replay(context, policies.replay(file, context.deps.readAudit(context.options)));
  const results = policies.test(file, cases);
  const failed = results.filter(({ ok }) => !ok);
  const lines = failed.map(
    (one) =>
      `FAILED  ${line(cases)}:${one.line}  ${line(one.name)}\n  expected  ${line(one.expected)}\n  found     ${line(one.found)}`,
  );
  lines.push(`${results.length - failed.length} of ${results.length} cases as expected.`);
  context.print({ ok: failed.length === 0, cases: results as unknown as Json }, lines.join("\n"));
  return failed.length === 0 ? EXIT.done : EXIT.failed;
}

/** One line per request, and how often each verdict was given. */
async function replay(context: Context, requests: AsyncIterable<Recorded>): Promise<number> {
  const counts = new Map<string, number>();
  for await (const { id, kind, requester, judgement } of requests) {
    const { verdict, rule, reason } = judgement;
    counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
    const told = [line(id), line(kind), line(requester), verdictLine(judgement)].join("  ");
    context.print({ id, kind, requester, verdict, rule, reason }, told);
  }
  const summary = [...counts].map(([verdict, count]) => `${verdict}: ${count}`).join(", ");
  context.tell(summary === "" ? "No request was recorded." : summary);
  return EXIT.done;
}

function amountOf(text: string): [string, number] {
  const [, id = "", amount] = /^([A-Za-z0-9._-]+)=(\d+(?:\.\d+)?)$/.exec(text) ?? [];
  if (amount !== undefined) return [id, Number(amount)];
  throw new Fault(
    "usage",
    `--used ${line(text)} is not a limit and a number.`,
    "For example: --used payee-daily=45000",
  );
}

function asJson(findings: readonly Finding[]): Json {
  return findings.map((one) => ({ ...one }));
}
