import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import type { Submitted } from "../../application/application.ts";
import { Fault } from "../../core/codes.ts";
import type { Json, JsonObject } from "../../core/json.ts";
import type { RequestView } from "../../core/view.ts";
import type { Client } from "../client/connection.ts";
import { waitForNews } from "../client/waiting.ts";
import { reading, reportOutcome } from "./command-reading.ts";
import type { Context, Run } from "./context.ts";
import type { DraftToken } from "./draft-token.ts";
import { EXIT } from "./exit-codes.ts";
import { instantOption, osUser, positiveDurationOption } from "./options.ts";
import { collect, paramsFrom, strictJson } from "./params.ts";

interface RequestOptions {
  readonly kind: string;
  readonly title?: string;
  readonly param?: readonly string[];
  readonly params?: string;
  readonly requester?: string;
  readonly onBehalfOf?: string;
  readonly key?: string;
  readonly expires?: number;
  readonly previous?: string;
  readonly notBefore?: number;
  readonly wait?: boolean;
  readonly timeout?: number;
}

export function addRequestCommand(program: Command, run: Run): void {
  program
    .command("request")
    .description("ask for an action; prints the request's id, or with --wait the outcome")
    .requiredOption("--kind <kind>", "the action, as the configuration names it")
    .option("--title <text>", "what people read first")
    .option("--param <name=value>", "a param as text, or name:=JSON; repeat for more", collect)
    .option("--params <file>", "a file with the params as a JSON object; - for standard input")
    .option("--requester <name>", "who asks (default: $COUNTERSIGN_REQUESTER, or the current user)")
    .option("--on-behalf-of <name>", "for whom")
    .option("--key <key>", "makes asking twice the same as asking once")
    .option("--expires <duration>", "how long to wait for a decision, such as 30m", positiveDurationOption)
    .option(
      "--not-before <time>",
      "when it may start at the earliest, such as 2026-11-21T18:00:00+01:00",
      instantOption,
    )
    .option(
      "--previous <id>",
      "the own finished request that this tries again, changed as its reviewer asked",
    )
    .option("--wait", "wait for the outcome")
    .option("--timeout <duration>", "with --wait: how long at most, such as 10m", positiveDurationOption)
    .addHelpText(
      "after",
      "\nExample:\n  countersign request --kind payment --param payee=ACME --param amount_cents:=150000 --wait",
    )
    .action((options: RequestOptions) => run((context) => submit(context, options)));
}

async function submit(context: Context, options: RequestOptions): Promise<number> {
  const { io, env } = context;
  if (options.timeout !== undefined && !options.wait) {
    throw new Fault("usage", "--timeout is how long --wait waits, and there is no --wait.");
  }
  const body = {
    kind: options.kind,
    params: await paramsOf(options, io.readInput),
    requester: options.requester ?? env.COUNTERSIGN_REQUESTER ?? env.USER ?? osUser(env),
    ...(options.title !== undefined && { title: options.title }),
    ...(options.onBehalfOf !== undefined && { on_behalf_of: options.onBehalfOf }),
    ...(options.key !== undefined && { key: options.key }),
    ...(options.expires !== undefined && { expires_in_ms: options.expires }),
    ...(options.previous !== undefined && { previous: options.previous }),
    ...(options.notBefore !== undefined && { not_before: new Date(options.notBefore).toISOString() }),
  };
  const client = await context.client();
  const { tokens } = await context.locations();
  const { draftToken } = await import("./draft-token.ts");
  const draft = draftToken(tokens, body);
  const question = {
    method: "POST",
    path: "/v1/requests",
    body: { ...body, token_sha256: draft.sha256 },
  } as const;
  const answer = await draft
    .asking(() => client.ask({ socket: "agent", ...question }))
    .catch((error: unknown) => {
      throw hintedAtTypes(error, options);
    });
  const submitted = answer as unknown as Submitted;
  const { request, created, joined, own } = submitted;
  if (own) keep(context, request, draft, tokens);
  else draft.drop();
  if (joined) context.tell(tellJoined(request));
  else if (!created && own)
    context.tell(`It was asked for before, and only the answer was lost: ${request.id}.`);
  else if (!created) context.tell(`That key was used for the same action before: ${request.id}.`);
  // The answer is there already, and it is no.
  if (request.status === "denied") return reportOutcome(context, client, request);
  if (options.wait) return outcomeOf(context, client, submitted, options.timeout ?? null);
  context.print({ ...(request as unknown as JsonObject), joined }, request.id);
  return EXIT.done;
}

/** A number that was given as a text is the commonest slip. */
function hintedAtTypes(error: unknown, { param = [] }: RequestOptions): unknown {
  const isAbout = error instanceof Fault && error.code === "invalid_params";
  if (!isAbout || !param.some((text) => /^[^=]*[^:=]=/.test(text))) return error;
  return new Fault(error.code, error.message, `${error.hint} What is not text is given as name:=JSON.`);
}

async function outcomeOf(
  context: Context,
  client: Client,
  { request, joined }: Submitted,
  timeout: number | null,
): Promise<number> {
  context.tell(`${request.id} waits for a decision.`);
  const onAway = () => context.tell("The daemon is away; waiting for it to come back.");
  const options = { timeout_ms: timeout, onAway, ...(joined && { until: "outcome" as const }) };
  return reportOutcome(context, client, await waitForNews(reading(client), request.id, options));
}

function tellJoined({ id, asked, executor }: RequestView): string {
  const told = `The same request waits already: ${id}, now asked for ${asked} times. One decision answers all.`;
  return executor === "caller"
    ? `${told} Only who asked first can claim it; everyone else just waits for its outcome.`
    : told;
}

/** The token is worth more than its file: when it cannot be kept it is told. */
function keep(context: Context, { id }: RequestView, draft: DraftToken, tokens: string): void {
  try {
    draft.keepFor(id);
  } catch {
    context.tell(`The token could not be kept in ${tokens}; claim ${id} with --token ${draft.token}`);
  }
}

/** The params of `--param` and `--params` together. */
export async function paramsOf(
  { param = [], params }: Pick<RequestOptions, "param" | "params">,
  readInput: () => Promise<string>,
): Promise<JsonObject> {
  const collected = new Map<string, Json>();
  if (params !== undefined) {
    const value = await strictJson(params === "-" ? await readInput() : await readText(params), "--params");
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw new Fault("invalid_json", "--params must hold a JSON object.", 'For example: {"payee": "ACME"}');
    }
    for (const [name, inner] of Object.entries(value)) collected.set(name, inner as Json);
  }
  return paramsFrom("--param", param, collected);
}

async function readText(file: string): Promise<string> {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(await readFile(file));
  } catch (cause) {
    throw new Fault("usage", `The file ${file} cannot be read as UTF-8 text.`, undefined, { cause });
  }
}
