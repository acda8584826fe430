import { type Finding, type FindingCode, finding } from "../core/codes.ts";
import { DURATION_EXPECTED, parseDuration } from "../core/duration.ts";
import { type Path, type PlainYaml, readPlainYaml } from "./plain-yaml.ts";

/**
 * One map of a file with rules or people, key by key. What is wrong is collected with its line, so that all of it is told at once;
 * a key that is wrong reads as null.
 */
export interface Fields {
  readonly path: Path;
  readonly keys: readonly string[];
  has(key: string): boolean;
  text(key: string): string | null;
  texts(key: string): readonly string[] | null;
  whole(key: string, least: number): number | null;
  duration(key: string): number | null;
  yesNo(key: string): boolean | null;
  word<W extends string>(key: string, words: readonly W[]): W | null;
  map(key: string): Fields | null;
  /** The maps of a list. */
  maps(key: string): readonly Fields[] | null;
  value(key: string): unknown;
  report(code: FindingCode, key: string | null, message: string, hint?: string): void;
  lineOf(key: string): number;
  /** The line on which the key's text begins. */
  textLineOf(key: string): number;
}

/** Where values come from and findings go. */
export interface Sheet {
  readonly file: string;
  readonly yaml: PlainYaml;
  readonly findings: Finding[];
}

const TEXT_LIMIT = 4_000;
const LIST_LIMIT = 200;

/** The sheet of a file's text; null, and a finding, where it is not plain YAML. */
export function openSheet(file: string, text: string, findings: Finding[]): Sheet | null {
  const yaml = readPlainYaml(text);
  if (!("found" in yaml)) return { file, yaml, findings };
  const message = `${yaml.found}; expected ${yaml.expected}`;
  findings.push(finding("not_plain_yaml", { file, line: yaml.line }, message));
  return null;
}

/** The map at a path; anything else there is a finding, and null. `keys` are all that it may have. */
export function fieldsAt(sheet: Sheet, path: Path, keys: readonly string[]): Fields | null {
  const { file, yaml, findings } = sheet;
  const found = path.length === 0 ? yaml.value : yaml.at(path);
  if (!isMap(found)) {
    const what = path.length === 0 ? "the file" : path.join(".");
    const place = { file, line: yaml.lineOf(path) };
    findings.push(finding("wrong_value", place, `${what} is not a map`, "Write lines of `name: value`."));
    return null;
  }
  for (const key of Object.keys(found)) {
    if (keys.includes(key)) continue;
    const place = { file, line: yaml.lineOf([...path, key]) };
    const message = `there is no key ${[...path, key].join(".")}`;
    findings.push(finding("unknown_key", place, message, `There are: ${keys.join(", ")}.`));
  }
  return fieldsOf(sheet, path, found);
}

/** As `fieldsAt`, for a map whose keys are anybody's. */
function fieldsOf(sheet: Sheet, path: Path, found: Record<string, unknown>): Fields {
  const { file, yaml, findings } = sheet;

  const report: Fields["report"] = (code, key, message, hint) => {
    const line = yaml.lineOf(key === null ? path : [...path, key]);
    findings.push(finding(code, { file, line }, message, hint));
  };
  const wrong = (key: string, expected: string): null => {
    report(
      "wrong_value",
      key,
      `${[...path, key].join(".")} is ${shown(found[key])}`,
      `Expected: ${expected}.`,
    );
    return null;
  };
  const has = (key: string) => Object.hasOwn(found, key);

  return {
    path,
    keys: Object.keys(found),
    has,
    report,
    lineOf: (key) => yaml.lineOf([...path, key]),
    textLineOf: (key) => yaml.textLineOf([...path, key]),
    value: (key) => (has(key) ? found[key] : null),
    text(key) {
      if (!has(key)) return null;
      const value = found[key];
      return isText(value) ? value : wrong(key, "a text");
    },
    texts(key) {
      if (!has(key)) return null;
      const values = [found[key]].flat();
      const fits = values.length > 0 && values.length <= LIST_LIMIT && values.every(isText);
      return fits ? values.map(String) : wrong(key, `a text, or a list of up to ${LIST_LIMIT} texts`);
    },
    whole(key, least) {
      if (!has(key)) return null;
      const value = found[key];
      const fits = Number.isSafeInteger(value) && Number(value) >= least;
      return fits ? Number(value) : wrong(key, `a whole number from ${least}`);
    },
    duration(key) {
      if (!has(key)) return null;
      const value = found[key];
      const ms = typeof value === "string" ? parseDuration(value) : null;
      return ms !== null ? ms : wrong(key, DURATION_EXPECTED);
    },
    yesNo(key) {
      if (!has(key)) return null;
      const value = found[key];
      return typeof value === "boolean" ? value : wrong(key, "true or false");
    },
    word(key, words) {
      if (!has(key)) return null;
      const known = words.find((word) => word === found[key]);
      return known ?? wrong(key, `one of ${words.join(", ")}`);
    },
    map(key) {
      if (!has(key)) return null;
      const value = found[key];
      return isMap(value) ? fieldsOf(sheet, [...path, key], value) : wrong(key, "a map");
    },
    maps(key) {
      if (!has(key)) return null;
      const values = found[key];
      if (!Array.isArray(values)) return wrong(key, "a list");
      const maps: Fields[] = [];
      for (const [at, value] of values.entries()) {
        if (isMap(value)) maps.push(fieldsOf(sheet, [...path, key, at], value));
        else {
          const place = { file, line: yaml.lineOf([...path, key, at]) };
          findings.push(finding("wrong_value", place, `${[...path, key, at].join(".")} is not a map`));
        }
      }
      return maps;
    },
  };
}

/** The value, which must be there; a key that is there and wrong has been told already. */
export function needed<T>(fields: Fields, key: string, value: T | null): T | null {
  if (!fields.has(key)) fields.report("key_missing", null, `${[...fields.path, key].join(".")} is missing`);
  return value;
}

export function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function shown(value: unknown): string {
  if (value === null || value === undefined) return "empty";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (typeof value === "object") return "a map";
  const text = JSON.stringify(value);
  return text.length <= 60 ? text : `${text.slice(0, 59)}…`;
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value.trim() !== "" && value.length <= TEXT_LIMIT;
}
