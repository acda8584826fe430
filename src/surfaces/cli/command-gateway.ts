import type { Command } from "commander";
import { Fault } from "../../core/codes.ts";
import type { Context, Environment, Run } from "./context.ts";
import { EXIT } from "./exit-codes.ts";
import { positiveDurationOption } from "./options.ts";

interface GatewayOptions {
  readonly name?: string;
  readonly requester?: string;
  readonly wait?: number;
  readonly grace: number;
}

export function addGatewayCommand(program: Command, run: Run): void {
  program
    .command("gateway")
    .description(
      "stand in front of an MCP server: every call of a tool is put to the policy, and to a person",
    )
    .argument("<command...>", "what starts the MCP server, behind --")
    .option("--name <name>", "what rules call the server (default: by its command)")
    .option("--requester <name>", "who asks (default: what the client calls itself)")
    .option(
      "--wait <duration>",
      "how long one call waits before it answers pending (default: what the client is known to allow)",
      positiveDurationOption,
    )
    .option(
      "--grace <duration>",
      "how long the same call may come again before the request of a client that left is withdrawn",
      positiveDurationOption,
      60_000,
    )
    .addHelpText(
      "after",
      "\nExample:\n  countersign gateway --vault ~/vault --name fs -- npx -y @modelcontextprotocol/server-filesystem ~/src",
    )
    .action((argv: readonly string[], options: GatewayOptions) =>
      run((context) => serve(context, argv, options)),
    );
}

async function serve(context: Context, argv: readonly string[], options: GatewayOptions): Promise<number> {
  const { sockets, tokens, pins } = await context.locations();
  const [
    { createHeldCalls },
    { createRequester },
    { createGateway },
    { createGatewayServer },
    upstream,
    stdio,
  ] = await Promise.all([
    import("../agent/held-calls.ts"),
    import("../agent/requester.ts"),
    import("../gateway/gateway.ts"),
    import("../gateway/server.ts"),
    import("../gateway/upstream.ts"),
    import("../mcp/stdio.ts"),
  ]);
  const [command, ...args] = argv;
  if (command === undefined) throw new Fault("usage", "No command for the MCP server is given.");
  const held = createHeldCalls(options.grace);
  const onError = (error: Error) => context.tell(`countersign gateway: ${error.message}`);
  const stopped = context.deps.stopped();
  const gateway = createGateway({
    version: context.deps.version,
    upstreams: [
      {
        name: options.name ?? upstream.nameOfCommand(argv),
        by: "command",
        argv: [command, ...args],
        cwd: process.cwd(),
        env: definedIn(context.env),
      },
    ],
    held,
    requester: (name: string) => createRequester({ socket: sockets.agent, tokens }, name),
    pins,
    limit_ms: options.wait ?? null,
    onError,
  });
  try {
    await Promise.race([gateway.open(), stopped]);
  } catch (error) {
    await gateway.close();
    throw error;
  }
  const front = { name: options.requester ?? null, lasting: true };
  const surface = stdio.serveOverStdio(() => createGatewayServer(gateway, front), onError);
  const first = await Promise.race([surface.gone, stopped]);
  await surface.close();
  // What was approved runs to its end, and what is open waits out its grace, unless the operator is in a hurry.
  if (first === "gone") await Promise.race([Promise.all([gateway.settled(), held.left()]), stopped]);
  await gateway.close();
  await held.close();
  return EXIT.done;
}

function definedIn(env: Environment): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}
