import { Ajv, type ErrorObject } from "ajv";
import { Fault } from "../../core/codes.ts";
import { DURATION_EXPECTED, parseDuration } from "../../core/duration.ts";
import type { Path } from "../../document/plain-yaml.ts";
import { pointer } from "./params.ts";
import { CONFIGURATION_SCHEMA } from "./schema.ts";
import { invalid, type Source } from "./source.ts";

/** Checks the file against its schema; throws `config_invalid` for the first thing that is wrong, by line. */
export function checkShape(source: Source): void {
  // That our own schema is one is for a test to see, not for each start.
  const ajv = new Ajv({
    ...{ allErrors: true, verbose: true, strict: false, validateSchema: false },
    code: { optimize: false },
  });
  const validate = ajv.compile(schemaFor(source.value));
  if (validate(source.value)) return;
  // A wrong name is reported twice, the second time without its expectation.
  const faults = (validate.errors ?? [])
    .filter((error) => error.keyword !== "propertyNames")
    .map((error) => ({ ...placeOf(source, error), error }))
    .sort((a, b) => a.line - b.line);
  const first = faults[0];
  if (first === undefined) throw new Fault("config_invalid", `${source.file} is not a configuration.`);
  throw complaint(source, first.path, first.line, first.error);
}

/**
 * The duration at a path in ms, `fallback` where there is none. `positive` refuses a duration of nothing. Throws
 * `config_invalid`.
 */
export function duration(source: Source, path: Path, fallback: string, least: "positive" | "any"): number {
  const text = source.at(path) ?? fallback;
  const ms = parseDuration(String(text));
  if (ms !== null && (ms > 0 || least === "any")) return ms;
  const name = String(path.at(-1));
  const found = `${path.join(".")} is ${JSON.stringify(text)}`;
  const expected = least === "any" ? DURATION_EXPECTED : `${DURATION_EXPECTED}, longer than 0s`;
  throw invalid(source.file, source.lineOf(path), found, expected, `${name}: ${fallback}`);
}

/** The schema without the insides of what the file leaves out, whose compiling would be half of the work. */
function schemaFor(value: unknown): object {
  const said = typeof value === "object" && value !== null ? value : {};
  const properties = Object.entries(CONFIGURATION_SCHEMA.properties).map(([name, inside]) => [
    name,
    Object.hasOwn(said, name) ? inside : {},
  ]);
  return { ...CONFIGURATION_SCHEMA, properties: Object.fromEntries(properties) };
}

function placeOf(source: Source, error: ErrorObject): { path: Path; line: number } {
  const path = [...pointer(error.instancePath)];
  const extra: unknown = error.params.additionalProperty ?? error.propertyName;
  if (typeof extra === "string") path.push(extra);
  return { path, line: source.lineOf(path) };
}

function complaint(source: Source, path: Path, line: number, error: ErrorObject): Fault {
  const { description, examples } = expectationOf(error);
  const name = path.join(".") || "the file";
  if (error.keyword === "additionalProperties") {
    const known = Object.keys(error.parentSchema?.properties ?? {}).join(", ");
    return invalid(source.file, line, `${name} is not known`, `one of ${known}`, examples);
  }
  if (error.keyword === "required") {
    return invalid(source.file, line, `${error.params.missingProperty} is missing`, description, examples);
  }
  const found =
    error.propertyName === undefined
      ? // What should be a secret kept elsewhere is not repeated in a message.
        `${name} ${error.parentSchema?.writeOnly === true ? "stands in the file" : `is ${shown(source.at(path))}`}`
      : `the name ${name} is not taken`;
  return invalid(source.file, line, found, description, examples);
}

function expectationOf(error: ErrorObject): { description: string; examples: string | undefined } {
  const place = error.parentSchema ?? {};
  return {
    description: String(place.description ?? error.message ?? "something else"),
    examples: Array.isArray(place.examples) ? String(place.examples[0]) : undefined,
  };
}

function shown(value: unknown): string {
  if (value === null || value === undefined) return "empty";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (typeof value === "object") return "a map";
  const text = JSON.stringify(value);
  return text.length <= 60 ? text : `${text.slice(0, 59)}…`;
}
