import { statSync } from "node:fs";
import { hostname } from "node:os";
import { dirname, resolve } from "node:path";
import type { JsonObject } from "../../core/json.ts";
import type { EffectClass } from "../../core/request.ts";
import { FOLDERS } from "../../document/approvals-base.ts";
import type { Path } from "../../document/plain-yaml.ts";
import type { Environment } from "../environment.ts";
import { adoptionOf, type RawAdopt } from "./adopt.ts";
import type { ActionSettings, Configuration, Folders } from "./configuration.ts";
import { executorOf, type RawExecutor } from "./executor.ts";
import { checkGateway, type RawGateway } from "./gateway.ts";
import { httpOf, httpWarnings, loopbackOf, type RawHttp } from "./http.ts";
import { channelsOf, type RawNotify } from "./notify.ts";
import { compileParams, type ParamsCheck, undescribed } from "./params.ts";
import { type RawServices, servicesOf } from "./services.ts";
import { checkShape, duration } from "./shape.ts";
import { invalid, readSource, type Source } from "./source.ts";

/** The file's shape once the schema has passed. */
interface RawFile {
  readonly actions: Record<string, RawAction>;
  readonly git?: Configuration["git"];
  readonly folders?: Partial<Folders>;
  readonly adopt?: RawAdopt;
  readonly notify?: RawNotify;
  readonly services?: RawServices;
  readonly retry?: { readonly max_attempts?: number };
  readonly limits?: { readonly per_requester?: Partial<Record<"open" | "per_hour", number>> };
  readonly policy?: string;
  readonly people?: string;
  readonly http?: RawHttp;
  readonly gateway?: RawGateway;
  readonly metrics?: { readonly listen: string };
  readonly log?: string;
  readonly host?: string;
}

interface RawAction extends RawExecutor {
  readonly params?: JsonObject;
  readonly next_effect?: string;
  readonly title?: string;
  readonly tags?: string[];
  readonly editable?: string[];
  readonly effect?: EffectClass;
  readonly mode?: "enforce" | "shadow";
}

/**
 * Reads and checks a configuration by its absolute path. `env` is the daemon's own environment: `PATH` finds programs,
 * and variables that are passed through take their value from it. Gives config_missing and config_invalid.
 */
export async function loadConfiguration(file: string, env: Environment): Promise<Configuration> {
  const source = await readSource(file);
  checkShape(source);
  const raw = source.value as RawFile;
  const directory = dirname(file);
  const warnings = [...openToOthers(file)];
  const checks = new Map<string, ParamsCheck>();
  const actions = new Map<string, ActionSettings>();
  for (const [kind, action] of Object.entries(raw.actions)) {
    const path = ["actions", kind];
    const { executor, warnings: doubts } = executorOf(source, path, action, { kind, directory, env });
    warnings.push(...doubts);
    if (action.params !== undefined) {
      checks.set(kind, compileParams(source, [...path, "params"]));
      warnings.push(...paramsWarnings(kind, action, action.params));
    }
    const ownOrCommon = (key: string) =>
      duration(source, source.at([...path, key]) === null ? [key] : [...path, key], "24h", "positive");
    actions.set(kind, {
      kind,
      executor,
      effect: action.effect ?? "unsafe",
      shadow: action.mode === "shadow",
      tags: action.tags ?? [],
      editable: editableOf(source, path, action),
      title: action.title ?? null,
      next_effect: action.next_effect ?? null,
      timeout_ms: duration(
        source,
        [...path, "timeout"],
        executor.by === "caller" ? "15m" : "60s",
        "positive",
      ),
      expires_ms: ownOrCommon("expires"),
      execute_by_ms: ownOrCommon("execute_by"),
    });
  }
  const http = httpOf(source, raw.http, directory, env);
  warnings.push(...httpWarnings(http));
  checkGateway(source, raw.gateway, directory);
  const notify = channelsOf(source, raw.notify, directory, env);
  warnings.push(...notify.warnings);
  const services = servicesOf(source, raw.services, directory, env);
  warnings.push(...services.warnings);
  return {
    file,
    directory,
    actions,
    http,
    settle_ms: duration(source, ["settle"], "2s", "any"),
    settle_ticks_ms: duration(source, ["settle_ticks"], "0s", "any"),
    git: raw.git ?? "auto",
    folders: foldersOf(source, raw),
    adopt: adoptionOf(source, raw.adopt, actions),
    notify: notify.channels,
    services: services.services,
    retry: {
      cool_down_ms: duration(source, ["retry", "cool_down"], "10m", "any"),
      max_attempts: raw.retry?.max_attempts ?? 5,
    },
    caps: {
      open: raw.limits?.per_requester?.open ?? null,
      per_hour: raw.limits?.per_requester?.per_hour ?? null,
    },
    policy: raw.policy === undefined ? null : resolve(directory, raw.policy),
    people: raw.people === undefined ? null : resolve(directory, raw.people),
    metrics: raw.metrics === undefined ? null : loopbackOf(source, raw.metrics.listen),
    log: raw.log === undefined ? null : resolve(directory, raw.log),
    host: raw.host ?? safeHost(hostname()),
    warnings,
    checkParams(kind, params) {
      if (!actions.has(kind)) throw new Error(`unreachable: params of the unknown kind ${kind}`);
      return checks.get(kind)?.(params) ?? [];
    },
    schemaOf: (kind) => (Object.hasOwn(raw.actions, kind) ? (raw.actions[kind]?.params ?? null) : null),
  };
}

/** What a person may change must be something that the params have. */
function editableOf(source: Source, path: Path, { editable = [], params }: RawAction): readonly string[] {
  const properties = params?.properties;
  if (typeof properties !== "object" || properties === null) return editable;
  const stranger = editable.findIndex((path) => !isDescribed(path.split("."), properties));
  if (stranger === -1) return editable;
  const known = Object.keys(properties);
  throw invalid(
    source.file,
    source.lineOf([...path, "editable", stranger]),
    `${[...path, "editable"].join(".")} names ${JSON.stringify(editable[stranger])}, which params does not describe`,
    `names from params.properties (${known.join(", ") || "there are none"})`,
    known.length === 0 ? undefined : `editable: [${known[0]}]`,
  );
}

/** Inside a param whose parts are not described, there may be anything. */
function isDescribed([name = "", ...inside]: readonly string[], properties: object): boolean {
  if (!Object.hasOwn(properties, name)) return false;
  const parts = (properties as Record<string, { properties?: object } | null>)[name]?.properties;
  return inside.length === 0 || typeof parts !== "object" || parts === null || isDescribed(inside, parts);
}

function foldersOf(source: Source, raw: RawFile): Folders {
  const folders = { ...FOLDERS, ...raw.folders };
  const seen = new Map<string, string>();
  for (const [role, name] of Object.entries(folders)) {
    // Two names that differ only in case or accents' form are one folder on some file systems.
    const plain = name.normalize("NFC").toLowerCase();
    const other = seen.get(plain);
    if (other !== undefined) {
      const line = source.lineOf(["folders", raw.folders && role in raw.folders ? role : other]);
      throw invalid(
        source.file,
        line,
        `folders: ${other} and ${role} are both ${name}`,
        "four different names",
      );
    }
    seen.set(plain, role);
  }
  return folders;
}

function paramsWarnings(kind: string, action: RawAction, schema: JsonObject): readonly string[] {
  const warnings = undescribed(schema).map(
    (name) => `${kind}: params requires ${name} and does not describe it under properties.`,
  );
  const { properties } = schema;
  if (typeof properties !== "object" || properties === null) return warnings;
  const url = typeof action.http?.url === "string" ? action.http.url : "";
  for (const template of [action.title, action.next_effect, url]) {
    for (const [, field = ""] of (template ?? "").matchAll(/\{([^{}]+)\}/g)) {
      if (!Object.hasOwn(properties, field.split(".")[0] ?? "")) {
        warnings.push(`${kind}: {${field}} is not among the properties of params.`);
      }
    }
  }
  return warnings;
}

/** Whoever can write the configuration decides what the daemon runs. */
function openToOthers(file: string): readonly string[] {
  const mode = statSync(file).mode;
  if ((mode & 0o022) === 0) return [];
  return [`${file} can be written by other users (chmod go-w it): it says what the daemon runs.`];
}

function safeHost(name: string): string {
  const safe = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9.-]+/g, "-")
    .replace(/^[.-]+/, "")
    .slice(0, 63);
  return safe === "" ? "localhost" : safe;
}
