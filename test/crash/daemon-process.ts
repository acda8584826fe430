import { execFile, execFileSync, spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

const REPOSITORY = new URL("../..", import.meta.url).pathname;

export interface Program {
  readonly main: string;
  /** Where Node.js keeps what it has compiled, so that starting it often costs less. */
  readonly compiled: string;
  remove(): void;
}

/**
 * The program as it is shipped, plain JavaScript: built once for all the files of a run, or, with declarations, in a
 * folder of this test's own.
 */
export function buildProgram({ declarations = false } = {}): Program {
  const shared = declarations ? undefined : process.env.COUNTERSIGN_TEST_PROGRAM;
  if (shared === undefined) {
    const own = mkdtempSync(join(tmpdir(), "cs-program-"));
    build(own, declarations);
    return programIn(own, () => rmSync(own, { recursive: true, force: true }));
  }
  const root = join(shared, "program");
  if (!existsSync(root)) shareBuild(shared, root);
  return programIn(root, () => {});
}

function programIn(root: string, remove: () => void): Program {
  return { main: join(root, "dist/main.js"), compiled: join(root, "compiled"), remove };
}

/** Whole or not at all: of two that build at the same time, the first one's is taken. */
function shareBuild(shared: string, root: string): void {
  const own = mkdtempSync(join(shared, "building-"));
  build(own, false);
  try {
    renameSync(own, root);
  } catch (error) {
    rmSync(own, { recursive: true });
    if (!existsSync(root)) throw error;
  }
}

function build(root: string, declarations: boolean): void {
  const compiler = join(REPOSITORY, "node_modules/typescript/bin/tsc");
  const words = [
    "-p",
    join(REPOSITORY, "src"),
    "--outDir",
    join(root, "dist"),
    "--declaration",
    String(declarations),
    // Types are checked elsewhere, and checking them takes six times as long as all the rest.
    ...(declarations ? [] : ["--noCheck"]),
  ];
  try {
    execFileSync(process.execPath, [compiler, ...words], { stdio: "pipe" });
  } catch (error) {
    // What matters here is the program that came out.
    if (!existsSync(join(root, "dist/main.js"))) throw error;
  }
  symlinkSync(join(REPOSITORY, "node_modules"), join(root, "node_modules"));
  cpSync(join(REPOSITORY, "package.json"), join(root, "package.json"));
  mkdirSync(join(root, "vault"));
  cpSync(join(REPOSITORY, "vault/Handbook.md"), join(root, "vault/Handbook.md"));
}

export interface Ran {
  /** Null when a signal ended it. */
  readonly exit: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs a program to its end. */
export function run(program: string, words: readonly string[], env: NodeJS.ProcessEnv): Promise<Ran> {
  return new Promise((resolve) => {
    execFile(program, words, { env }, (error, out, err) => {
      const exit = error === null ? 0 : typeof error.code === "number" ? error.code : null;
      resolve({ exit, out, err });
    });
  });
}

/** Runs one command of the program. */
export function countersign(
  { main, compiled }: Program,
  words: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<Ran> {
  return run(process.execPath, [main, ...words], { ...env, NODE_COMPILE_CACHE: compiled });
}

export interface DaemonProcess {
  readonly pid: number;
  /** True once it serves, false when it is gone before that. */
  readonly ready: Promise<boolean>;
  readonly ended: Promise<{ exit: number | null; signal: NodeJS.Signals | null }>;
  isGone(): boolean;
  /** Standard error so far. */
  log(): string;
  /** Resolves once standard error has it. */
  logged(pattern: RegExp): Promise<RegExpExecArray>;
  /** What it said on standard output once it was ready. */
  said(): string;
  signal(signal: NodeJS.Signals): void;
}

/** `countersign start`, as a process of its own; `through` are words to put before it. */
export function launch(
  { main, compiled }: Program,
  vault: string,
  given: NodeJS.ProcessEnv,
  through: readonly string[] = [],
): DaemonProcess {
  const [program = "", ...words] = [...through, process.execPath, main, "start", "--vault", vault, "--json"];
  const env = { ...given, NODE_COMPILE_CACHE: compiled };
  const child = spawn(program, words, { env, stdio: ["ignore", "pipe", "pipe"] });
  const { pid } = child;
  if (pid === undefined) throw new Error(`${program} could not be started`);
  let out = "";
  let err = "";
  let gone = false;
  const looking = new Set<() => void>();
  child.stderr.setEncoding("utf8").on("data", (text) => {
    err += text;
    for (const look of looking) look();
  });
  const ended = new Promise<{ exit: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    // Not "close": what the daemon has started may hold its standard error open longer.
    child.once("exit", (exit, signal) => {
      gone = true;
      resolve({ exit, signal });
    });
  });
  const ready = new Promise<boolean>((resolve) => {
    child.stdout.setEncoding("utf8").on("data", (text) => {
      out += text;
      if (out.includes("\n")) resolve(true);
    });
    void ended.then(() => resolve(false));
  });
  return {
    pid,
    ready,
    ended,
    isGone: () => gone,
    log: () => err,
    logged: (pattern) =>
      new Promise((resolve) => {
        const look = () => {
          const found = pattern.exec(err);
          if (found === null) return;
          looking.delete(look);
          resolve(found);
        };
        looking.add(look);
        look();
      }),
    said: () => out,
    signal: (name) => void child.kill(name),
  };
}

export interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** One HTTP request over a Unix socket; null when no answer came, because the daemon is gone. */
export function call(
  socketPath: string,
  method: string,
  path: string,
  body?: object,
): Promise<Answer | null> {
  const headers = body === undefined ? {} : { "content-type": "application/json" };
  return new Promise((resolve) => {
    const asked = httpRequest({ socketPath, method, path, headers, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (part) => {
        text += part;
      });
      response.on("error", () => resolve(null));
      response.on("close", () =>
        resolve(response.complete ? { status: response.statusCode ?? 0, body: JSON.parse(text) } : null),
      );
    });
    asked.on("error", () => resolve(null));
    asked.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
