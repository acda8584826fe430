import { existsSync } from "node:fs";
import { isAbsolute, resolve } from "node:path";
import { Client, type ServerCapabilities } from "@modelcontextprotocol/client";
import { Fault } from "../../core/codes.ts";
import { sha256 } from "../../document/digest.ts";
import { wasNotHeard } from "../../outgoing/mcp-result.ts";
import { type McpServer, transportTo } from "../../outgoing/mcp-server.ts";

/** An MCP server behind the gateway, under the name that the operator gave it. */
export type UpstreamSpec = { readonly name: string } & McpServer;

/** What a server tells by itself. */
export type Notice =
  | { readonly type: "tools" | "prompts" | "resources" }
  | { readonly type: "updated"; readonly uri: string }
  | { readonly type: "log"; readonly params: Record<string, unknown> };

/** What an upstream tells whoever opened it. */
interface UpstreamPorts {
  readonly tell: (notice: Notice) => void;
  /** There is a new connection, or there is one no more. */
  readonly connected: (client: Client) => void;
  readonly disconnected: () => void;
  readonly onError: (error: Error) => void;
}

/** The one connection to a server that all agents of this process share. */
export interface Upstream {
  readonly name: string;
  /** Tells the same server from another one of that name. */
  readonly key: string;
  /** As it said when it was last connected; null before. */
  readonly known: { readonly capabilities: ServerCapabilities; readonly instructions: string } | null;
  /**
   * Connects unless it is connected, and asks. Where the server turns out to know nothing of the connection, the next
   * question makes a new one; this one is not asked again. Gives upstream_unreachable.
   */
  use<T>(work: (client: Client) => Promise<T>): Promise<T>;
  readonly isConnected: boolean;
  /** Goes up with every new connection: what was learnt over an earlier one may have changed. */
  readonly generation: number;
  close(): Promise<void>;
}

/** A server that a package manager fetches first takes its time. */
const CONNECT_MS = 120_000;
/** Some servers of the earlier era never answer what they do not know; agents are waiting for them meanwhile. */
const PROBE_MS = 20_000;
/** What ends with an underscore runs into the two that stand between it and a tool's name. */
const NAME = /^[A-Za-z0-9](?:[\w.-]{0,62}[A-Za-z0-9.-])?$/;

/** Gives usage for a name that could be taken for another one's. */
export function checkServerName(name: string): string {
  if (NAME.test(name) && !name.includes("__")) return name;
  const hint = "Use letters, digits, dots, hyphens and single underscores, such as --name fs.";
  throw new Fault("usage", `${JSON.stringify(name)} cannot be the name of an MCP server.`, hint);
}

/** Programs that run what the words behind them name. */
const RUNNERS =
  /^(npx|bunx|pnpx|uvx|pipx|npm|pnpm|yarn|bun|deno|uv|node|nodejs|tsx|python[\d.]*|docker|podman|env|sh|bash)$/;
/** Words behind those that name nothing. */
const FILLERS = /^-|^(exec|x|dlx|run|tool)$|^\w+=/;

/** What rules call a server that the operator gives no name: the first word that names what runs. */
export function nameOfCommand(argv: readonly string[]): string {
  const [command = "", ...args] = argv;
  const isRunner = (word: string) => RUNNERS.test(programOf(word));
  const words = isRunner(command) ? args.filter((word) => !FILLERS.test(word) && !isRunner(word)) : [];
  const name = programOf((words[0] ?? command).replace(/^@[^/]+\//, "").replace(/(?<=.)@[^/]*$/, ""));
  const safe = name
    .replaceAll(/[^\w.-]+/g, "-")
    .replaceAll(/_{2,}/g, "_")
    .replace(/^[^A-Za-z0-9]+/, "")
    .slice(0, 64)
    .replace(/_$/, "");
  return safe === "" ? "server" : safe;
}

function programOf(word: string): string {
  const last = word.split(/[/\\]/).at(-1) ?? "";
  return last.replace(/\.(exe|cmd|bat|py|[mc]?[jt]s)$/i, "");
}

export function openUpstream(
  spec: UpstreamSpec,
  version: string,
  { tell, connected, disconnected, onError }: UpstreamPorts,
  probe_ms = PROBE_MS,
): Upstream {
  let connection: Promise<Client> | null = null;
  let current: Client | null = null;
  let known: Upstream["known"] = null;
  let generation = 0;
  let closed = false;
  let way: ReturnType<typeof transportTo> | null = null;
  /** Whether it spoke the earlier era: to ask a program costs a process of its own, so it is asked once. */
  let isEarlier = false;

  async function connect(): Promise<Client> {
    const client = clientFor(version, tell, probe_ms);
    current = client;
    client.onerror = onError;
    client.onclose = () => {
      if (current !== client) return;
      connection = null;
      if (!closed) disconnected();
    };
    try {
      way = transportTo(spec);
      const prior = isEarlier ? ({ kind: "legacy" } as const) : undefined;
      await client.connect(way, { timeout: CONNECT_MS, ...(prior && { prior }) });
      isEarlier = client.getProtocolEra() === "legacy";
    } catch (cause) {
      isEarlier = false;
      if (current === client) connection = null;
      await client.close().catch(() => {});
      throw whyNot(spec, cause);
    }
    known = {
      capabilities: client.getServerCapabilities() ?? {},
      instructions: client.getInstructions() ?? "",
    };
    generation += 1;
    connected(client);
    return client;
  }

  return {
    name: spec.name,
    key: keyOf(spec),
    get known() {
      return known;
    },
    get isConnected() {
      return connection !== null;
    },
    get generation() {
      return generation;
    },
    async use(work) {
      if (closed) throw new Fault("upstream_unreachable", "The gateway is ending.");
      connection ??= connect();
      const client = await connection;
      try {
        return await work(client);
      } catch (error) {
        if (wasNotHeard(error) && client === current) {
          connection = null;
          client.close().catch(() => {});
        }
        throw error;
      }
    },
    async close() {
      closed = true;
      await current?.close().catch(() => {});
      // A connection that is still being made is not its client's to close yet.
      await way?.close().catch(() => {});
      await connection?.catch(() => {});
    },
  };
}

/** Offers the server nothing that would have to be asked of the agent, and never repeats a call by itself. */
function clientFor(version: string, tell: (notice: Notice) => void, probe_ms: number): Client {
  const changed = (type: "tools" | "prompts" | "resources") => ({
    autoRefresh: false,
    debounceMs: 0,
    onChanged: () => tell({ type }),
  });
  const client = new Client(
    { name: "countersign", version },
    {
      versionNegotiation: { mode: "auto", probe: { timeoutMs: probe_ms } },
      inputRequired: { autoFulfill: false },
      listChanged: { tools: changed("tools"), prompts: changed("prompts"), resources: changed("resources") },
    },
  );
  client.setNotificationHandler("notifications/resources/updated", ({ params }) =>
    tell({ type: "updated", uri: params.uri }),
  );
  client.setNotificationHandler("notifications/message", ({ params }) => tell({ type: "log", params }));
  return client;
}

/** Where the words lead to depends on the folder only if one of them leads to a file there. */
function keyOf(spec: UpstreamSpec): string {
  const said = spec.by === "url" ? [spec.url] : [...spec.argv, ...folderOf(spec)];
  return `${spec.name}-${sha256(JSON.stringify(said)).slice(0, 12)}`;
}

function folderOf({ argv, cwd }: Extract<UpstreamSpec, { by: "command" }>): string[] {
  return argv.some((word) => !isAbsolute(word) && existsSync(resolve(cwd, word))) ? [cwd] : [];
}

function sentence(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause);
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

/** A program that is not there is the operator's to mend, and no later question finds it. */
function whyNot(spec: UpstreamSpec, cause: unknown): Fault {
  const isMissing = cause instanceof Error && "code" in cause && cause.code === "ENOENT";
  if (spec.by === "command" && isMissing) {
    const hint = "Look at the words behind --, or at `command:` in the configuration.";
    return new Fault("usage", `There is no program ${spec.argv[0]} to start ${spec.name} with.`, hint, {
      cause,
    });
  }
  const message = `There is no connection to ${spec.name}: ${sentence(cause)}`;
  return new Fault("upstream_unreachable", message, undefined, { cause });
}
