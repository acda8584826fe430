import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { Fault } from "../../core/codes.ts";
import { isJsonObject, type Json, type JsonObject } from "../../core/json.ts";
import type { RequestView } from "../../core/view.ts";
import { requestPath } from "../client/connection.ts";
import { personOptions } from "./command-deciding.ts";
import type { Context, Run } from "./context.ts";
import { EXIT } from "./exit-codes.ts";
import { osUser } from "./options.ts";
import { jsonLine, outcome } from "./text.ts";
import { dropToken, keptToken } from "./tokens.ts";

interface ClaimOptions {
  readonly token?: string;
  readonly grant?: string;
}

interface CompleteOptions {
  readonly token?: string;
  readonly result?: string;
  readonly failed?: string;
  readonly unknown?: string;
}

interface VerifyOptions {
  readonly digest?: string;
  readonly key?: string;
  readonly shadow?: boolean;
}

const ID = "20261121-091403-refactor-7f3k9q";

/** What the requester does after submitting. */
export function addCallerCommands(program: Command, run: Run): void {
  personOptions(program.command("cancel <id>").description("withdraw a request that has not been started"))
    .option(
      "--token <token>",
      "the requester's token, where there is one (default: the one kept by `request`)",
    )
    .addHelpText("after", `\nExample:\n  countersign cancel ${ID} --reason 'no longer needed'`)
    .action((id: string, { as, reason, token }: { as?: string; reason?: string; token?: string }) =>
      run(async (context) => {
        const body = { by: as ?? osUser(context.env), reason: reason ?? null };
        return say(context, requestPath(id, "/cancel"), body, (await kept(context, id, token)) ?? undefined);
      }),
    );

  program
    .command("claim <id>")
    .description(
      "begin an approved action that the caller executes itself; consumes the approval, prints the grant for the tool",
    )
    .option("--grant <grant>", "the grant (default: fetched with the token)")
    .option("--token <token>", "the requester's token (default: the one kept by `request`)")
    .addHelpText("after", `\nExample:\n  countersign claim ${ID}`)
    .action((id: string, options: ClaimOptions) => run((context) => claim(context, id, options)));

  program
    .command("complete <id>")
    .description("say what came of a claimed action")
    .option("--result <json>", "it is done; the result as JSON")
    .option("--failed <text>", "it failed, and why")
    .option("--unknown <text>", "it may have happened, and why that cannot be told; a person finds out")
    .option("--token <token>", "the requester's token (default: the one kept by `request`)")
    .addHelpText("after", `\nExample:\n  countersign complete ${ID} --result '{"commit":"3f2a9c1"}'`)
    .action((id: string, options: CompleteOptions) => run((context) => complete(context, id, options)));

  program
    .command("grant")
    .description("check grants")
    .command("verify <grant>")
    .description("check, for the tool, a claimed grant's signature, time and digest; prints what it says")
    .option("--digest <digest>", "the digest that it must be for")
    .option("--key <file>", "the public key as a JWK (default: the daemon's)")
    .option("--shadow", "also take one for which nobody was asked because its kind is in shadow")
    .addHelpText("after", "\nExample:\n  countersign grant verify eyJhbGci… --digest sha256:9b1c…")
    .action((grant: string, options: VerifyOptions) => run((context) => verify(context, grant, options)));
}

async function claim(context: Context, id: string, options: ClaimOptions): Promise<number> {
  const token = await tokenOf(context, id, options.token);
  const client = await context.client();
  const path = requestPath(id, "/grant");
  const ask = async () => (await client.ask({ socket: "agent", method: "GET", path, token })).grant ?? null;
  const body = { grant: options.grant ?? (await ask()) };
  const answer = await client.ask({
    socket: "agent",
    method: "POST",
    path: requestPath(id, "/claim"),
    body,
    token,
  });
  const claimed = answer as unknown as RequestView;
  // The policy may have become stricter, and then nothing has begun.
  if (claimed.status !== "executing") throw new Fault("not_approved", `${id} is ${claimed.status} now.`);
  const proof = await ask();
  context.tell(outcome(claimed));
  context.print({ ...answer, grant: proof }, String(proof));
  return EXIT.done;
}

async function complete(context: Context, id: string, { token, ...said }: CompleteOptions): Promise<number> {
  if (Object.keys(said).length !== 1) {
    throw new Fault("usage", "Exactly one of --result, --failed and --unknown says what came of it.");
  }
  const { result, ...doubtful } = said;
  const { parseStrictJson } = await import("../../document/json.ts");
  const body: JsonObject = result === undefined ? { ...doubtful } : { result: parseStrictJson(result) };
  const code = await say(context, requestPath(id, "/complete"), body, await tokenOf(context, id, token));
  dropToken((await context.locations()).tokens, id);
  return code;
}

async function verify(
  context: Context,
  grant: string,
  { digest = null, key: file, shadow = false }: Omit<VerifyOptions, "digest"> & { digest?: string | null },
): Promise<number> {
  const key = file === undefined ? await daemonKey(context) : await keyFrom(file);
  const claims = await context.deps.verifyGrant(grant, key, { digest, shadow });
  context.print(claims, `The grant is valid.\n${jsonLine(claims)}`);
  return EXIT.done;
}

async function daemonKey(context: Context): Promise<JsonObject> {
  const client = await context.client();
  return client.ask({ socket: "any", method: "GET", path: "/v1/grant-key" });
}

async function keyFrom(file: string): Promise<JsonObject> {
  let value: Json = null;
  try {
    value = JSON.parse(await readFile(file, "utf8")) as Json;
  } catch {
    // Answered below, like any other file that holds no key.
  }
  if (isJsonObject(value)) return value;
  throw new Fault("usage", `${file} does not hold a public key as a JWK.`);
}

async function say(context: Context, path: string, body: JsonObject, token?: string): Promise<number> {
  const client = await context.client();
  const answer = await client.ask({ socket: "agent", method: "POST", path, body, ...(token && { token }) });
  context.print(answer, outcome(answer as unknown as RequestView));
  return EXIT.done;
}

async function kept(context: Context, id: string, given: string | undefined): Promise<string | null> {
  return given ?? context.env.COUNTERSIGN_TOKEN ?? keptToken((await context.locations()).tokens, id);
}

async function tokenOf(context: Context, id: string, given: string | undefined): Promise<string> {
  const token = await kept(context, id, given);
  if (token !== null && token !== "") return token;
  // It is forgotten once there is nothing left to do with it.
  const found = await (await context.client()).ask({ socket: "any", method: "GET", path: requestPath(id) });
  if (found.finished_at !== null) throw new Fault("already_final");
  throw new Fault(
    "token_invalid",
    `There is no token for ${id} here.`,
    "Claim where it was asked for, or give the token with --token or $COUNTERSIGN_TOKEN.",
  );
}
