import { clock } from "../adapters/clock.ts";
import type { ActionSettings, Configuration } from "../adapters/configuration/configuration.ts";
import type { McpExecutorSettings } from "../adapters/configuration/executor.ts";
import type { ReceiverSettings } from "../adapters/configuration/services.ts";
import type { Environment } from "../adapters/environment.ts";
import { createLanes } from "../adapters/lanes.ts";
import { lookUp } from "../adapters/secret.ts";
import type { Kind } from "../application/submission.ts";
import type { CommandHandler } from "../handlers/command.ts";
import type { CommandLink } from "../handlers/command-link.ts";
import { createHttpHandler } from "../handlers/http.ts";
import { createMcpHandler, type McpSpec } from "../handlers/mcp.ts";
import { createModuleHandler } from "../handlers/module.ts";
import { moduleService, type Service, webhookService } from "../handlers/service.ts";
import type { Receiver } from "../outgoing/signed-post.ts";

/** More services at one time would only be in each other's way; a module is a process. */
const ASKED_AT_ONCE = { webhook: 16, module: 4 };

/** The services of the configuration, by name. Nothing is connected to, or started, before one is asked. */
export function openServices(
  { services, directory: cwd }: Configuration,
  link: CommandLink,
  env: Environment,
): ReadonlyMap<string, Service> {
  return new Map(
    services.map(({ name, dialect, timeout_ms, by }) => {
      const ports = { take: createLanes(ASKED_AT_ONCE[by.by]), now: clock.now };
      if (by.by === "webhook") return [name, webhookService(dialect, receiverOf(by, env), timeout_ms, ports)];
      const { file } = by;
      return [name, moduleService(dialect, { file, cwd, env: by.env, timeout_ms }, link, ports)];
    }),
  );
}

/** Its URL and its secret are looked up anew for every sending. */
function receiverOf(
  { url, secret, allow_private }: Pick<ReceiverSettings, "url" | "secret" | "allow_private">,
  env: Environment,
): Receiver {
  return { url: () => lookUp(url, env), secret: () => lookUp(secret, env), allow_private };
}

/** Every kind of action as the configuration has it, with what carries it out. */
export function kindsOf(
  configuration: Configuration,
  link: CommandLink,
  commands: CommandHandler,
  env: Environment,
  shutdown: AbortSignal,
): ReadonlyMap<string, Kind> {
  const http = createHttpHandler({ now: clock.now });
  const module = createModuleHandler(link);
  const handlers = { commands, http, module, mcp: createMcpHandler(link) };
  const around = { cwd: configuration.directory, env, shutdown };
  const kinds = new Map<string, Kind>();
  for (const [name, settings] of configuration.actions) {
    kinds.set(name, {
      handler: handlerOf(settings, handlers, around),
      limits: { grant_ms: settings.timeout_ms, execute_by_ms: settings.execute_by_ms },
      checkParams: (params) => configuration.checkParams(name, params),
      effect: settings.effect,
      shadow: settings.shadow,
      editable: settings.editable,
      tags: settings.tags,
      title: settings.title,
      next_effect: settings.next_effect,
      expires_ms: settings.expires_ms,
    });
  }
  return kinds;
}

interface Handlers {
  readonly commands: CommandHandler;
  readonly http: ReturnType<typeof createHttpHandler>;
  readonly module: ReturnType<typeof createModuleHandler>;
  readonly mcp: ReturnType<typeof createMcpHandler>;
}

function handlerOf(
  { executor, timeout_ms }: ActionSettings,
  { commands, http, module, mcp }: Handlers,
  { cwd, env, shutdown }: { cwd: string; env: Environment; shutdown: AbortSignal },
): Kind["handler"] {
  switch (executor.by) {
    case "caller":
      return null;
    case "daemon": {
      const spec = { run: executor.argv, cwd, env: executor.env, timeout_ms };
      return (job) => commands.execute(job, spec, shutdown);
    }
    case "http": {
      const spec = { receiver: receiverOf(executor, env), method: executor.method, timeout_ms };
      return (job, again) => http(job, spec, shutdown, again);
    }
    case "mcp": {
      const { tool, arguments: given } = executor;
      const spec = {
        server: mcpServerOf(executor.server, cwd, env),
        tool,
        arguments: given,
        timeout_ms,
        cwd,
      };
      return (job) => mcp(job, spec, shutdown);
    }
    case "module": {
      const spec = { file: executor.file, cwd, env: executor.env, timeout_ms };
      return (job) => module(job, spec, shutdown);
    }
  }
}

function mcpServerOf(
  server: McpExecutorSettings["server"],
  cwd: string,
  env: Environment,
): McpSpec["server"] {
  if (server.by === "daemon") return { by: "command", argv: server.argv, cwd, env: server.env };
  const { url, token, allow_private } = server;
  return {
    by: "url",
    url: () => lookUp(url, env),
    token: token && (() => lookUp(token, env)),
    allow_private,
  };
}
