import type { ServiceDialect } from "../../document/service-exchange.ts";
import type { Environment } from "../environment.ts";
import { type ModuleSettings, settleModule } from "./program.ts";
import { type RawValue, settledUrl, settledValue, type Value } from "./reference.ts";
import { duration } from "./shape.ts";
import { invalid, type Source } from "./source.ts";

/** A service of `services:`, checked, with every default filled in. Its secret is only named. */
export interface ServiceSettings {
  readonly name: string;
  readonly dialect: ServiceDialect;
  readonly timeout_ms: number;
  readonly by: ReceiverSettings | ModuleSettings;
}

/** Who is sent signed JSON. */
export interface ReceiverSettings {
  readonly by: "webhook";
  readonly url: Value;
  readonly secret: Value;
  /** Whether it may lead to this machine and to private networks. */
  readonly allow_private: boolean;
}

/** `services:` once the schema has passed. */
export type RawServices = Readonly<Record<string, RawService>>;

interface RawService {
  readonly webhook?: {
    readonly url: RawValue;
    readonly secret: RawValue;
    readonly allow_private?: boolean;
  };
  readonly module?: string;
  readonly env?: Readonly<Record<string, string | null>>;
  readonly dialect?: ServiceDialect;
}

/** The services of `services:`, and what is probably not meant. Throws `config_invalid`. */
export function servicesOf(
  source: Source,
  raw: RawServices | undefined,
  directory: string,
  env: Environment,
): { services: readonly ServiceSettings[]; warnings: readonly string[] } {
  const warnings: string[] = [];
  const services = Object.entries(raw ?? {}).map(([name, service]): ServiceSettings => {
    const path = ["services", name];
    const { webhook, module, dialect = "countersign" } = service;
    const wrong = (at: string | null, found: string, expected: string) =>
      invalid(source.file, source.lineOf(at === null ? path : [...path, at]), found, expected);
    const expected = "exactly one of `webhook:` and `module:`";
    const at = path.join(".");
    if (webhook !== undefined && module !== undefined) throw wrong("module", `${at} has both`, expected);
    const timeout_ms = duration(source, [...path, "timeout"], "10s", "positive");
    if (module !== undefined) {
      const settled = settleModule({ owner: at, file: module, env: service.env ?? {} }, directory, env);
      warnings.push(...settled.warnings);
      return { name, dialect, timeout_ms, by: settled.settings };
    }
    if (webhook === undefined) throw wrong(null, `${at} says not who answers`, expected);
    if (service.env !== undefined)
      throw wrong("env", `${at}.env has no program to be for`, "`env` only with `module:`");
    const { allow_private = false } = webhook;
    const url = settledUrl(source, [...path, "webhook", "url"], webhook.url, { allow_private, directory });
    const secret = settledValue(webhook.secret, directory);
    return { name, dialect, timeout_ms, by: { by: "webhook", url, secret, allow_private } };
  });
  return { services, warnings };
}
