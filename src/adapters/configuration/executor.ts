import type { JsonObject } from "../../core/json.ts";
import type { Path } from "../../document/plain-yaml.ts";
import { whyNotTemplate } from "../../outgoing/url-template.ts";
import type { Environment } from "../environment.ts";
import { type McpAddress, mcpServerOf, type RawMcpServer } from "./mcp-server.ts";
import { type ModuleSettings, type RunSettings, settleModule, settleProgram } from "./program.ts";
import { type RawValue, settledValue, type Value } from "./reference.ts";
import { invalid, type Source } from "./source.ts";

/** What an action says of who executes it, once the schema has passed. */
export interface RawExecutor {
  readonly run?: readonly [string, ...string[]];
  readonly http?: RawHttpExecutor;
  readonly module?: string;
  readonly mcp?: RawMcp;
  readonly caller?: true;
  readonly env?: Readonly<Record<string, string | null>>;
}

interface RawHttpExecutor {
  readonly url: RawValue;
  readonly secret: RawValue;
  readonly method?: string;
  readonly allow_private?: boolean;
}

/** An action is sent to a URL, signed. */
interface HttpExecutorSettings {
  readonly by: "http";
  /** With `{name}` for params. */
  readonly url: Value;
  readonly secret: Value;
  readonly method: string;
  readonly allow_private: boolean;
}

interface RawMcp {
  readonly server: RawMcpServer;
  readonly tool: string;
  readonly arguments?: JsonObject;
}

/** An action is one call of one tool of an MCP server. */
export interface McpExecutorSettings {
  readonly by: "mcp";
  readonly server: RunSettings | McpAddress;
  readonly tool: string;
  readonly arguments: JsonObject | null;
}

const WAYS = ["run", "http", "module", "mcp", "caller"] as const;
const EXPECTED = "exactly one of `run:`, `http:`, `module:`, `mcp:` and `caller: true`";

/** What carries an action out, or the caller itself with a grant. */
export type ExecutorSettings =
  | RunSettings
  | HttpExecutorSettings
  | ModuleSettings
  | McpExecutorSettings
  | { readonly by: "caller" };

interface Around {
  readonly kind: string;
  readonly directory: string;
  readonly env: Environment;
}

/** Who executes an action, and what is probably not meant. Throws `config_invalid`. */
export function executorOf(
  source: Source,
  path: Path,
  action: RawExecutor,
  { kind, directory, env: daemonEnv }: Around,
): { executor: ExecutorSettings; warnings: readonly string[] } {
  const { run, http, module, mcp, env } = action;
  const at = path.join(".");
  const wrong = (where: Path, found: string, expected: string) =>
    invalid(source.file, source.lineOf(where), found, expected, "run: [node, ./pay.mjs]");
  const [way, other] = WAYS.filter((key) => action[key] !== undefined);
  if (way === undefined) throw wrong(path, `${at} says not who executes it`, EXPECTED);
  if (other !== undefined) throw wrong([...path, other], `${at} has both ${way} and ${other}`, EXPECTED);
  if (run !== undefined) {
    checkArguments(run, (index) =>
      wrong([...path, "run", index], "an argument is empty or holds a NUL", "a program's name or path"),
    );
    const program = settleProgram({ kind, argv: run, env: env ?? {} }, directory, daemonEnv);
    return { executor: program.settings, warnings: program.warnings };
  }
  if (module !== undefined) {
    const settled = settleModule({ owner: kind, file: module, env: env ?? {} }, directory, daemonEnv);
    return { executor: settled.settings, warnings: settled.warnings };
  }
  if (env !== undefined) {
    const expected = "`env` only with `run:` or `module:`";
    throw wrong([...path, "env"], `${at}.env has no program to be for`, expected);
  }
  if (mcp !== undefined) return mcpOf(source, [...path, "mcp"], mcp, { kind, directory, env: daemonEnv });
  if (http === undefined) return { executor: { by: "caller" }, warnings: [] };
  return { executor: httpOf(source, [...path, "http"], http, directory), warnings: [] };
}

/** Node and the kernel end an argument at NUL; an empty program is the folder itself. */
function checkArguments(run: readonly string[], wrong: (index: number) => Error): void {
  const bad = run.findIndex((argument, at) => argument.includes("\0") || (at === 0 && argument === ""));
  if (bad !== -1) throw wrong(bad);
}

function mcpOf(
  source: Source,
  path: Path,
  { server: raw, tool, arguments: given }: RawMcp,
  { kind, directory, env }: Around,
): { executor: McpExecutorSettings; warnings: readonly string[] } {
  const server = mcpServerOf(source, [...path, "server"], raw, directory);
  const common = { by: "mcp", tool, arguments: given ?? null } as const;
  if (server.by === "url") return { executor: { ...common, server }, warnings: [] };
  const program = settleProgram({ kind, argv: server.argv, env: server.env }, directory, env);
  return { executor: { ...common, server: program.settings }, warnings: program.warnings };
}

function httpOf(
  source: Source,
  path: Path,
  { url, secret, method = "POST", allow_private = false }: RawHttpExecutor,
  directory: string,
): HttpExecutorSettings {
  const why = typeof url === "string" ? whyNotTemplate(url, allow_private) : null;
  if (why !== null) {
    const found = `${path.join(".")}.url ${why}`;
    const example = "url: https://example.com/deploy/{service}";
    throw invalid(source.file, source.lineOf([...path, "url"]), found, "an https:// URL", example);
  }
  return {
    by: "http",
    url: settledValue(url, directory),
    secret: settledValue(secret, directory),
    method,
    allow_private,
  };
}
