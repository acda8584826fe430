import { setTimeout as delay } from "node:timers/promises";
import type { Command } from "commander";
import { Fault } from "../../core/codes.ts";
import type { Gateway } from "../gateway/gateway.ts";
import type { GatewayDoor } from "../gateway/over-http.ts";
import type { Context, Environment, GatewaySetup, Run } from "./context.ts";
import { EXIT } from "./exit-codes.ts";
import { graceOption, waitOption } from "./options.ts";

interface GatewayOptions {
  readonly name?: string;
  readonly http?: boolean;
  readonly requester?: string;
  readonly wait?: number;
  readonly grace: number;
}

/** How long what was approved may go on once the operator wants the gateway to end. */
const STOP_GRACE_MS = 5_000;

export function addGatewayCommand(program: Command, run: Run): void {
  program
    .command("gateway")
    .description("stand in front of MCP servers: every call of a tool is put to the policy, and to a person")
    .argument(
      "[words...]",
      "which of the configuration's servers (default: all of them); or, behind --, what starts one",
    )
    .option("--http", "serve agents over HTTP, as the configuration says")
    .option("--name <name>", "what rules call the server behind -- (default: by its command)")
    .option(
      "--requester <name>",
      "who asks (default: what the client calls itself; over HTTP whom its token names)",
    )
    .addOption(waitOption())
    .addOption(graceOption())
    .addHelpText(
      "after",
      "\nExample:\n  countersign gateway --vault ~/vault --name fs -- npx -y @modelcontextprotocol/server-filesystem ~/src",
    )
    .action((words: readonly string[], options: GatewayOptions, { parent }: Command) => {
      const given = (parent as unknown as { readonly rawArgs: readonly string[] }).rawArgs;
      const end = given.indexOf("--");
      const command = end === -1 ? [] : given.slice(end + 1);
      const names = words.slice(0, words.length - command.length);
      return run(async (context) => serve(context, await setupOf(context, names, command, options), options));
    });
}

/** What is stood in front of: what the words start, or what the configuration has. */
async function setupOf(
  context: Context,
  names: readonly string[],
  [program, ...args]: readonly string[],
  { name, http = false, requester }: GatewayOptions,
): Promise<GatewaySetup> {
  if (http && requester !== undefined) {
    throw new Fault("usage", "Over HTTP an agent's token says who asks.", "Leave --requester out.");
  }
  if (program === undefined) {
    if (name === undefined) return context.deps.readGateway(context.options, { names, http });
    throw new Fault(
      "usage",
      "--name is for a command behind --.",
      "The configuration names its own servers.",
    );
  }
  if (names.length > 0 || http) {
    const hint = "Put the server into `gateway:` in countersign.yaml, or leave the rest out.";
    throw new Fault("usage", `A command behind -- goes with ${http ? "no --http" : "no names"}.`, hint);
  }
  const { nameOfCommand } = await import("../gateway/upstream.ts");
  const upstream = {
    name: name ?? nameOfCommand([program, ...args]),
    by: "command",
    argv: [program, ...args],
    cwd: process.cwd(),
    env: definedIn(context.env),
  } as const;
  return { upstreams: [upstream], http: null, warnings: [] };
}

async function serve(
  context: Context,
  { upstreams, http, warnings }: GatewaySetup,
  options: GatewayOptions,
): Promise<number> {
  const { sockets, tokens, pins } = await context.locations();
  const [{ createHeldCalls }, { createRequester }, { createGateway }] = await Promise.all([
    import("../agent/held-calls.ts"),
    import("../agent/requester.ts"),
    import("../gateway/gateway.ts"),
  ]);
  const onError = (error: Error) => context.tell(`countersign gateway: ${error.message}`);
  for (const warning of warnings) context.tell(`countersign gateway: ${warning}`);
  const held = createHeldCalls(options.grace);
  const stopped = context.deps.stopped();
  const gateway = createGateway({
    version: context.deps.version,
    upstreams,
    held,
    requester: (name: string) => createRequester({ socket: sockets.agent, tokens }, name),
    pins,
    limit_ms: options.wait ?? null,
    onError,
  });
  try {
    await Promise.race([gateway.open(), stopped]);
    const serveThem = http === null ? serveOne(gateway, options, onError) : serveMany(context, gateway, http);
    // What was approved runs to its end, and what is open waits out its grace, unless the operator is in a hurry.
    // The servers end first: whoever started this may soon lose patience and kill it, and they would be left over.
    if (await serveThem(stopped)) {
      const ended = gateway.settled().then(() => Promise.all([gateway.close(), held.left()]));
      await Promise.race([ended, stopped]);
    }
  } finally {
    await gateway.close();
    await held.close();
  }
  return EXIT.done;
}

/** Says whether it ended because nobody is left who is served. */
type Serving = (stopped: Promise<void>) => Promise<boolean>;

/** The one client at the other end of standard input and output. */
function serveOne(gateway: Gateway, { requester }: GatewayOptions, onError: (error: Error) => void): Serving {
  return async (stopped) => {
    const [{ createGatewayServer }, { serveOverStdio }] = await Promise.all([
      import("../gateway/server.ts"),
      import("../mcp/stdio.ts"),
    ]);
    const front = { name: requester ?? null, lasting: true };
    const surface = serveOverStdio(() => createGatewayServer(gateway, front), onError);
    const first = await Promise.race([surface.gone, stopped]);
    await surface.close();
    return first === "gone";
  };
}

function serveMany(context: Context, gateway: Gateway, door: GatewayDoor): Serving {
  return async (stopped) => {
    const { serveGatewayOverHttp } = await import("../gateway/over-http.ts");
    const surface = await serveGatewayOverHttp(gateway, door);
    const { url, paths } = surface;
    context.print(
      { event: "ready", url, paths },
      `serves MCP at ${paths.map((path) => url + path).join(", ")}`,
    );
    await stopped;
    await surface.close();
    await Promise.race([gateway.settled(), delay(STOP_GRACE_MS, undefined, { ref: false })]);
    return false;
  };
}

function definedIn(env: Environment): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}
