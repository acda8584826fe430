import { type Command, Option } from "commander";
import { Fault } from "../../core/codes.ts";
import type { Json, JsonObject } from "../../core/json.ts";
import { STATUSES } from "../../core/request.ts";
import type { RequestView } from "../../core/view.ts";
import { type Client, type Question, requestPath } from "../client/connection.ts";
import { waitForNews } from "../client/waiting.ts";
import type { Context, Run } from "./context.ts";
import { EXIT, exitOfOutcome } from "./exit-codes.ts";
import { positiveDurationOption } from "./options.ts";
import { block, line, outcome, table } from "./text.ts";
import { dropToken, keptToken } from "./tokens.ts";

export function addReadingCommands(program: Command, run: Run): void {
  program
    .command("wait <id>")
    .description("wait until a request has its outcome; the exit code says which")
    .option(
      "--timeout <duration>",
      "how long at most, such as 10m (default: until it is final)",
      positiveDurationOption,
    )
    .addHelpText("after", "\nExample:\n  countersign wait 20261121-091403-payment-7f3k9q --timeout 10m")
    .action((id: string, options: { timeout?: number }) =>
      run((context) => wait(context, id, options.timeout ?? null)),
    );
  program
    .command("show <id>")
    .description("all about one request")
    .addHelpText("after", "\nExample:\n  countersign show 20261121-091403-payment-7f3k9q")
    .action((id: string) => run((context) => show(context, id)));
  program
    .command("list")
    .description("the requests that wait, oldest first")
    .option("--all", "the recently finished ones too")
    .addOption(new Option("--status <status>", "only those with this status").choices(STATUSES))
    .addHelpText("after", "\nExample:\n  countersign list --status pending")
    .action((options: { all?: boolean; status?: string }) => run((context) => list(context, options)));
}

async function wait(context: Context, id: string, timeout: number | null): Promise<number> {
  const client = await context.client();
  const onAway = () => context.tell("The daemon is not running; waiting for it.");
  const told = await waitForNews(reading(client), id, { timeout_ms: timeout, onAway });
  return reportOutcome(context, client, told);
}

/** Asks what either socket answers. */
export function reading(client: Client): (question: Question) => Promise<JsonObject> {
  return (question) => client.ask({ ...question, socket: "any" });
}

/** Prints what came of a request (of an approved `caller` action, its grant) and gives the exit code. */
export async function reportOutcome(context: Context, client: Client, request: RequestView): Promise<number> {
  const { tokens } = await context.locations();
  const token =
    context.env.COUNTERSIGN_TOKEN ?? (request.executor === "caller" ? keptToken(tokens, request.id) : null);
  if (request.status !== "approved") {
    if (request.executor === "caller" && request.status !== "outcome_unknown") dropToken(tokens, request.id);
    context.print(request as unknown as Json, outcome(request));
  } else if (token === null) {
    context.print(request as unknown as Json, outcome(request));
    context.tell(`Approved. The token is not here, so claim it where it was asked for, or with --token.`);
  } else {
    const path = requestPath(request.id, "/grant");
    const { grant = null, expires = null } = await client.ask({
      socket: "agent",
      method: "GET",
      path,
      token,
    });
    if (request.amended.length > 0) context.tell(outcome(request));
    context.tell(`Approved until ${line(String(expires))}; begin with: countersign claim ${request.id}`);
    context.print(
      { ...(request as unknown as Json as object), grant, grant_expires: expires },
      line(String(grant)),
    );
  }
  return exitOfOutcome(request.status, request.executor);
}

async function show(context: Context, id: string): Promise<number> {
  const client = await context.client();
  const answer = await client.ask({ socket: "any", method: "GET", path: requestPath(id) });
  context.print(answer, block(answer as unknown as RequestView, Date.now()));
  return EXIT.done;
}

async function list(
  context: Context,
  { all = false, status }: { all?: boolean; status?: string },
): Promise<number> {
  const query = new URLSearchParams({ ...(all && { all: "true" }), ...(status && { status }) });
  const client = await context.client();
  const answer = await client.ask({ socket: "any", method: "GET", path: `/v1/requests?${query}` });
  if (!Array.isArray(answer.requests))
    throw new Fault("internal", "The daemon's answer is not a list of requests.");
  const requests = answer.requests as readonly RequestView[];
  if (requests.length > 0 || context.options.json) {
    context.print(answer, table(requests, Date.now(), context.io.columns));
  } else {
    context.tell(all || status ? "There are no such requests." : "Nothing waits.");
  }
  return EXIT.done;
}
