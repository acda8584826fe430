import { accessSync, constants, statSync } from "node:fs";
import { basename, delimiter, isAbsolute, join, resolve } from "node:path";
import type { Environment, RunSettings } from "./configuration.ts";

/** Programs whose first argument is a file of theirs. */
const INTERPRETERS = /^(node|deno|bun|tsx|python\d*(\.\d+)?|ruby|perl|php|bash|sh|zsh)$/;

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
  const settled: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    const given = value ?? daemonEnv[name];
    if (given === undefined) warnings.push(`${kind}: the daemon's environment has no ${name} to pass on.`);
    else settled[name] = given;
  }
  return { settings: { by: "daemon", argv: [program ?? named, ...rest], env: settled }, warnings };
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
