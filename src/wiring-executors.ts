import { clock } from "./adapters/clock.ts";
import type { ActionSettings, Configuration } from "./adapters/configuration/configuration.ts";
import type { ReceiverSettings } from "./adapters/configuration/services.ts";
import { createLanes } from "./adapters/lanes.ts";
import type { Environment } from "./adapters/locations.ts";
import { lookUp } from "./adapters/notify/secret.ts";
import type { CommandHandler } from "./handlers/command.ts";
import type { CommandLink } from "./handlers/command-link.ts";
import { moduleService, type Service, webhookService } from "./handlers/service.ts";
import type { Receiver } from "./outgoing/signed-post.ts";
import type { Kind } from "./submission.ts";

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
function receiverOf({ url, secret, allow_private }: ReceiverSettings, env: Environment): Receiver {
  return { url: () => lookUp(url, env), secret: () => lookUp(secret, env), allow_private };
}

/** Every kind of action as the configuration has it, with what carries it out. */
export function kindsOf(
  configuration: Configuration,
  commands: CommandHandler,
  shutdown: AbortSignal,
): ReadonlyMap<string, Kind> {
  const kinds = new Map<string, Kind>();
  for (const [name, settings] of configuration.actions) {
    kinds.set(name, {
      handler: handlerOf(settings, configuration.directory, commands, shutdown),
      limits: { grant_ms: settings.timeout_ms, execute_by_ms: settings.execute_by_ms },
      checkParams: (params) => configuration.checkParams(name, params),
      effect: settings.effect,
      editable: settings.editable,
      tags: settings.tags,
      title: settings.title,
      next_effect: settings.next_effect,
      expires_ms: settings.expires_ms,
    });
  }
  return kinds;
}

function handlerOf(
  { executor, timeout_ms }: ActionSettings,
  cwd: string,
  commands: CommandHandler,
  shutdown: AbortSignal,
): Kind["handler"] {
  if (executor.by === "caller") return null;
  const spec = { run: executor.argv, cwd, env: executor.env, timeout_ms };
  return (job) => commands.execute(job, spec, shutdown);
}
