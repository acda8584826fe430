import { Ajv, type ErrorObject, type Options, type ValidateFunction } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import { Fault } from "../../core/codes.ts";
import type { JsonObject } from "../../core/json.ts";
import type { Path } from "../../document/plain-yaml.ts";
import { invalid, type Source } from "./source.ts";

export type ParamsCheck = (params: JsonObject) => readonly string[];

/** More than these would not be read. */
const SHOWN_LIMIT = 5;

/** Nothing that would change what was asked for: no defaults filled in, no types converted. */
const OPTIONS: Options = {
  strictSchema: true,
  strictNumbers: true,
  strictTypes: false,
  strictTuples: false,
  strictRequired: false,
  allErrors: true,
  useDefaults: false,
  coerceTypes: false,
  removeAdditional: false,
  logger: false,
  // What it would make shorter, the engine makes as short; tidying takes longer than all that is checked by it.
  code: { optimize: false },
};

/** What tells a schema from other JSON, by draft: made once for all actions, since that is by far the longest work. */
const drafts = { seven: once(() => new Ajv(OPTIONS)), latest: once(() => new Ajv2020(OPTIONS)) };

/**
 * Compiles the JSON Schema at a path of the configuration (draft 2020-12, or 7 where `$schema` names it). Throws
 * `config_invalid` for schemas that are wrong, misspelt keywords included.
 */
export function compileParams(source: Source, path: Path): ParamsCheck {
  const schema = source.at(path) as JsonObject;
  const old = /draft-07/.test(String(schema.$schema ?? ""));
  const draft = old ? drafts.seven() : drafts.latest();
  // One of its own for each action, so that the names in one schema are not found from another.
  const ajv = new (old ? Ajv : Ajv2020)({ ...OPTIONS, validateSchema: false });
  const example = "params: { type: object, properties: { payee: { type: string } } }";
  const wrong = (at: Path, found: string) =>
    invalid(source.file, source.lineOf(at), `${at.join(".")}: ${found}`, "a JSON Schema", example);

  let validate: ValidateFunction;
  try {
    if (draft.validateSchema(schema) !== true) {
      const first = draft.errors?.[0];
      throw wrong([...path, ...pointer(first?.instancePath ?? "")], first?.message ?? "not a JSON Schema");
    }
    validate = ajv.compile(schema);
  } catch (error) {
    if (error instanceof Fault) throw error;
    const message = (error instanceof Error ? error.message : String(error)).replace(/^strict mode: /, "");
    const named = /"([^"]+)"/.exec(message)?.[1];
    throw wrong(named === undefined ? path : findKey(schema, named, path), message);
  }
  if (![schema.type ?? "object"].flat().includes("object")) {
    throw wrong([...path, "type"], "params are always an object, so nothing would ever match");
  }
  return (params) => (validate(params) ? [] : plain(validate.errors ?? []));
}

function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

/** Names that a schema requires and does not describe: mostly slips of the keyboard, sometimes meant. */
export function undescribed(schema: JsonObject): readonly string[] {
  const { required, properties } = schema;
  if (!Array.isArray(required) || typeof properties !== "object" || properties === null) return [];
  return required.map(String).filter((name) => !Object.hasOwn(properties, name));
}

export function pointer(path: string): Path {
  return path
    .split("/")
    .slice(1)
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function plain(errors: readonly ErrorObject[]): readonly string[] {
  const messages = errors.map((error) => {
    const where = ["params", ...pointer(error.instancePath)].join(".");
    const params: Record<string, unknown> = error.params;
    if (error.keyword === "required") return `${where}.${params.missingProperty} is missing`;
    if (error.keyword === "additionalProperties") {
      return `${where}.${params.additionalProperty} is not known to this action`;
    }
    if (error.keyword === "enum") return `${where} must be one of ${list(params.allowedValues)}`;
    if (error.keyword === "const") return `${where} must be ${JSON.stringify(params.allowedValue)}`;
    return `${where} ${error.message ?? "does not match its schema"}`;
  });
  const more = messages.length - SHOWN_LIMIT;
  return more > 0 ? [...messages.slice(0, SHOWN_LIMIT), `and ${more} more`] : messages;
}

function list(values: unknown): string {
  return Array.isArray(values) ? values.map((value) => JSON.stringify(value)).join(", ") : String(values);
}

/** The path of the first key or string of that name: where a misspelt keyword stands. */
function findKey(value: unknown, name: string, path: Path): Path {
  if (typeof value !== "object" || value === null) return path;
  for (const [key, inner] of Object.entries(value)) {
    if (key === name || inner === name) return [...path, key];
    const found = findKey(inner, name, [...path, key]);
    if (found.length > path.length + 1) return found;
  }
  return path;
}
