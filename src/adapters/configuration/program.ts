import { accessSync, constants, statSync } from "node:fs";
import { basename, delimiter, isAbsolute, join, resolve } from "node:path";
import type { Environment } from "../environment.ts";

/** Programs whose first argument is a file of theirs. */
const INTERPRETERS = /^(node|deno|bun|tsx|python\d*(\.\d+)?|ruby|perl|php|bash|sh|zsh)$/;

/** A program of the operator's. */
export interface RunSettings {
  readonly by: "daemon";
  /** Argument vector; the program is an absolute path unless it was not found. */
  readonly argv: readonly [string, ...string[]];
  /** The program's whole environment. */
  readonly env: Readonly<Record<string, string>>;
}

interface Program {
  readonly kind: string;
  readonly argv: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string | null>>;
}

/**
 * What is run for a kind: paths made absolute, the program found now rather than with the empty search path that it
 * will have, and its environment. What is missing is a warning: it may be installed later, and a program that cannot
 * be started has done nothing.
 */
export function settleProgram(
  { kind, argv, env }: Program,
  directory: string,
  daemonEnv: Environment,
): { settings: RunSettings; warnings: readonly string[] } {
  const warnings: string[] = [];
  const [first, ...rest] = argv.map((argument) =>
    /^\.\.?\//.test(argument) ? resolve(directory, argument) : argument,
  );
  const named = first ?? "";
  const program = named.includes("/") ? resolve(directory, named) : find(named, daemonEnv.PATH);
  if (program === null) warnings.push(`${kind}: the program ${named} is not in PATH.`);
  else if (!isExecutable(program)) warnings.push(`${kind}: ${program} is not there or not executable.`);
  const script = rest[0];
  if (script !== undefined && isAbsolute(script) && INTERPRETERS.test(basename(named)) && !isFile(script)) {
    warnings.push(`${kind}: ${script} is not there.`);
  }
  const settled = settleEnvironment(kind, env, daemonEnv, warnings);
  return { settings: { by: "daemon", argv: [program ?? named, ...rest], env: settled }, warnings };
}

/** A file of the operator's that is loaded in a process of its own. */
export interface ModuleSettings {
  readonly by: "module";
  /** Absolute. */
  readonly file: string;
  /** The process's whole environment. */
  readonly env: Readonly<Record<string, string>>;
}

interface Module {
  /** Whose it is, for warnings. */
  readonly owner: string;
  readonly file: string;
  readonly env: Readonly<Record<string, string | null>>;
}

/** A module's absolute path and environment; what is missing is a warning, as with programs. */
export function settleModule(
  { owner, file, env }: Module,
  directory: string,
  daemonEnv: Environment,
): { settings: ModuleSettings; warnings: readonly string[] } {
  const path = resolve(directory, file);
  const warnings = isFile(path) ? [] : [`${owner}: ${path} is not there.`];
  const settled = settleEnvironment(owner, env, daemonEnv, warnings);
  return { settings: { by: "module", file: path, env: settled }, warnings };
}

function settleEnvironment(
  owner: string,
  env: Readonly<Record<string, string | null>>,
  daemonEnv: Environment,
  warnings: string[],
): Record<string, string> {
  const settled: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    const given = value ?? daemonEnv[name];
    if (given === undefined) warnings.push(`${owner}: the environment has no ${name} to pass on.`);
    else settled[name] = given;
  }
  return settled;
}

function find(name: string, path = ""): string | null {
  const folders = path.split(delimiter).filter(isAbsolute);
  return folders.map((folder) => join(folder, name)).find(isExecutable) ?? null;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return isFile(file);
  } catch {
    return false;
  }
}

function isFile(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false })?.isFile() ?? false;
}
