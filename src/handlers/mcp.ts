import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import type { Json, JsonObject } from "../core/json.ts";
import { whyNotUrl } from "../outgoing/address.ts";
import type { McpServer } from "../outgoing/mcp-server.ts";
import type { Found } from "../outgoing/signed-post.ts";
import { type ActionJob, timeFor } from "./action-document.ts";
import type { CommandLink } from "./command-link.ts";
import type { CommandOutcome } from "./command-outcome.ts";
import type { McpCall, McpOutcome } from "./mcp-call.ts";
import { startModule } from "./module-run.ts";
import { beforeShutdown } from "./shutdown.ts";

/** What the configuration says of the tool, and of where it is. */
export interface McpSpec {
  readonly server: Extract<McpServer, { by: "command" }> | UrlServer;
  readonly tool: string;
  /** With `{name}`, alone in a text, for the param of that name; null for the params as they are. */
  readonly arguments: JsonObject | null;
  readonly timeout_ms: number;
  /** Absolute: the folder of the configuration file. */
  readonly cwd: string;
}

interface UrlServer {
  readonly by: "url";
  readonly url: () => Found;
  /** Looked up for every call; null where the server asks for none. */
  readonly token: (() => Found) | null;
  readonly allow_private: boolean;
}

const RESULT_LIMIT_BYTES = 1_048_576;
const KILL_GRACE_MS = 2_000;
const CALLER = fileURLToPath(new URL(`./mcp-call${extname(import.meta.url)}`, import.meta.url));
const SHUT_DOWN = "Countersign shut down while the tool was being called.";

/**
 * Carries an action out by one call of one tool. What the tool gives is the result; an error that it gives, a call that
 * the server does not take and a server that cannot be reached are `failed`; no answer behind the call is `unknown`.
 */
export function createMcpHandler(link: Pick<CommandLink, "start">, { shutdown_grace_ms = 5_000 } = {}) {
  return async (job: ActionJob, spec: McpSpec, shutdown: AbortSignal): Promise<CommandOutcome> => {
    if (shutdown.aborted) return failed("Countersign was shutting down. Nothing was executed.");
    const server = serverOf(spec.server);
    if ("why" in server) return failed(`The tool could not be called: ${server.why}. Nothing was executed.`);
    const { cwd, tool } = spec;
    const { idempotency_key, constraints } = job.attempt;
    const timeout_ms = timeFor(job, spec.timeout_ms);
    const call: McpCall = {
      server,
      tool,
      arguments: spec.arguments === null ? job.params : fillArguments(spec.arguments, job.params),
      meta: {
        "countersign/id": job.id,
        "countersign/idempotency-key": idempotency_key,
        ...(constraints && { "countersign/constraints": { ...constraints } }),
      },
      timeout_ms,
    };
    const argument = call as unknown as Json;
    const limits = { output_limit_bytes: RESULT_LIMIT_BYTES, kill_grace_ms: KILL_GRACE_MS };
    const module = { file: CALLER, cwd, env: {}, timeout_ms };
    const { report } = startModule(link, module, { name: "callTool", argument }, limits);
    const said = await beforeShutdown(report, shutdown, shutdown_grace_ms);
    if (said === null) return { status: "unknown", cause: SHUT_DOWN };
    if (said.came === "unready")
      return failed(`The tool could not be called: ${said.why}. Nothing was executed.`);
    if (said.came !== "returned") return { status: "unknown", cause: `The call did not end: ${said.why}.` };
    if (said.cut) return { status: "unknown", cause: "What the tool gave is too long to be understood." };
    return outcomeOf(JSON.parse(said.text ?? "null") as McpOutcome);
  };
}

function outcomeOf(said: McpOutcome): CommandOutcome {
  if (said.did === "executed") return { status: "executed", result: said.result };
  return said.did === "failed" ? failed(said.why) : { status: "unknown", cause: said.why };
}

function serverOf(server: McpSpec["server"]): McpServer | { readonly why: string } {
  if (server.by === "command") return server;
  const { allow_private } = server;
  const url = server.url();
  if (!url.ok) return url;
  const wrong = whyNotUrl(url.text, allow_private);
  if (wrong !== null) return { why: `the server's URL ${wrong}` };
  const token = server.token?.() ?? null;
  if (token !== null && !token.ok) return token;
  return { by: "url", url: url.text, token: token?.text ?? null, allow_private };
}

/** A param that is not there is left out. */
function fillArguments(template: JsonObject, params: JsonObject): JsonObject {
  const fill = (value: Json): Json | undefined => {
    if (typeof value === "string") {
      const name = /^\{([^{}]+)\}$/.exec(value)?.[1];
      if (name === undefined) return value;
      return Object.hasOwn(params, name) ? params[name] : undefined;
    }
    if (Array.isArray(value)) return value.map((item) => fill(item) ?? null);
    if (value === null || typeof value !== "object") return value;
    return fillArguments(value as JsonObject, params);
  };
  return Object.fromEntries(
    Object.entries(template).flatMap(([key, value]) => {
      const filled = fill(value);
      return filled === undefined ? [] : [[key, filled]];
    }),
  );
}

function failed(error: string): CommandOutcome {
  return { status: "failed", error };
}
