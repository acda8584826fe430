import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { isIP } from "node:net";
import { type Command, InvalidArgumentError } from "commander";
import { Fault } from "../../core/codes.ts";
import type { Context, Run } from "./context.ts";
import { EXIT } from "./exit-codes.ts";
import { graceOption, waitOption } from "./options.ts";

interface McpOptions {
  readonly listen?: { readonly host: string; readonly port: number };
  readonly tokenFile?: string;
  readonly requester?: string;
  readonly wait?: number;
  readonly grace: number;
}

const TOKEN = /^[\w.~+/=-]{32,4000}$/;

export function addMcpCommand(program: Command, run: Run): void {
  program
    .command("mcp")
    .description("serve agents over MCP: on standard input and output, or over HTTP with --listen")
    .option("--listen <address>", "serve over HTTP, such as 127.0.0.1:8788", addressOption)
    .option(
      "--token-file <file>",
      "with --listen: the token that clients send (default: $COUNTERSIGN_MCP_TOKEN)",
    )
    .option("--requester <name>", "who asks (default: what the client calls itself)")
    .addOption(waitOption())
    .addOption(graceOption())
    .addHelpText("after", "\nExample:\n  claude mcp add approvals -- countersign mcp --vault ~/vault")
    .action((options: McpOptions) => run((context) => serve(context, options)));
}

async function serve(context: Context, options: McpOptions): Promise<number> {
  const { sockets, tokens } = await context.locations();
  // Before the client says anything: who started this with a wrong token is told so, not its agent.
  const token = options.listen === undefined ? null : tokenOf(context, options.tokenFile);
  const [{ createHeldCalls }, { createRequester }, { createMcpServer }] = await Promise.all([
    import("../agent/held-calls.ts"),
    import("../agent/requester.ts"),
    import("../mcp/server.ts"),
  ]);
  const held = createHeldCalls(options.grace);
  const common = {
    version: context.deps.version,
    held,
    requester: (name: string) => createRequester({ socket: sockets.agent, tokens }, name),
    name: options.requester ?? null,
    limit_ms: options.wait ?? null,
  };
  const create = (client?: string) => createMcpServer({ ...common, client });
  const onError = (error: Error) => context.tell(`countersign mcp: ${error.message}`);
  const stopped = context.deps.stopped();
  if (options.listen === undefined || token === null) {
    const { serveOverStdio } = await import("../mcp/stdio.ts");
    const surface = serveOverStdio(() => create(), onError);
    const first = await Promise.race([surface.gone, stopped]);
    await surface.close();
    // What the client left open waits out its grace, unless the operator is in a hurry.
    if (first === "gone") await Promise.race([held.left(), stopped]);
  } else {
    const { serveMcpOverHttp } = await import("../mcp/over-http.ts");
    const sha256 = createHash("sha256").update(token, "utf8").digest("hex");
    const surface = await serveMcpOverHttp({
      address: { ...options.listen, hosts: [] },
      key: "--listen",
      tokens: [{ role: "agent", name: "mcp", sha256 }],
      routes: new Map([["/mcp", (_name, client) => create(client)]]),
      onError,
    });
    const url = `${surface.url}/mcp`;
    context.print({ event: "ready", url }, `serves MCP at ${url}`);
    await stopped;
    await surface.close();
  }
  await held.close();
  return EXIT.done;
}

function tokenOf(context: Context, file: string | undefined): string {
  const token = file === undefined ? context.env.COUNTERSIGN_MCP_TOKEN : readToken(file);
  const hint =
    "Make one with `openssl rand -hex 32`, and give it with --token-file or $COUNTERSIGN_MCP_TOKEN.";
  if (token === undefined) throw new Fault("usage", "--listen needs a token that clients must send.", hint);
  if (!TOKEN.test(token)) throw new Fault("usage", "The token is too short or holds odd characters.", hint);
  return token;
}

function readToken(file: string): string {
  try {
    if ((statSync(file).mode & 0o077) === 0) return readFileSync(file, "utf8").trim();
  } catch (cause) {
    throw new Fault("usage", `The file ${file} cannot be read.`, undefined, { cause });
  }
  throw new Fault("usage", `Others can read the token in ${file}.`, `chmod 600 ${file}`);
}

function addressOption(text: string): { host: string; port: number } {
  const [, host = "", port = ""] = /^\[?([^\]]+?)\]?:(\d{1,5})$/.exec(text) ?? [];
  if (isIP(host) !== 0 && Number(port) <= 65_535) return { host, port: Number(port) };
  throw new InvalidArgumentError("Expected an IP address and a port, such as 127.0.0.1:8788.");
}
