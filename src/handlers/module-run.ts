import { randomUUID } from "node:crypto";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import type { Json } from "../core/json.ts";
import { type CommandLink, LONGEST_TIMER_MS, type Report } from "./command-link.ts";
import type { Came, ModuleCall } from "./module-program.ts";

/** A file of the operator's that exports a function, as the configuration names it. */
export interface ModuleSpec {
  /** Absolute. */
  readonly file: string;
  /** Absolute: the folder of the configuration file. */
  readonly cwd: string;
  /** All that it finds in its environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly timeout_ms: number;
}

export interface ModuleLimits {
  /** What it gives may be so long; what is longer is cut. */
  readonly output_limit_bytes: number;
  /** Between being told that its time is over and being ended, in ms. */
  readonly kill_grace_ms: number;
}

export type ModuleReport =
  /** What it gave, as JSON text; null where that is no JSON. */
  | { readonly came: "returned"; readonly text: string | null; readonly cut: boolean }
  | { readonly came: "threw"; readonly why: string }
  /** The function was never called. */
  | { readonly came: "unready"; readonly why: string }
  /** It was called, or may have been, and did not come to its end. */
  | { readonly came: "nothing"; readonly why: string };

export interface StartedModule {
  /** Never rejects. */
  readonly report: Promise<ModuleReport>;
  stop(): void;
}

/** The largest heap that a module may have, in MiB; one that needs more is ended. */
const HEAP_MIB = 256;
const OUTPUT_GRACE_MS = 500;
const ERROR_LIMIT_BYTES = 2_048;

/** From sources this file ends in .ts, which every Node.js that Countersign runs on takes as it is. */
const PROGRAM = fileURLToPath(new URL(`./module-program${extname(import.meta.url)}`, import.meta.url));

/** Calls the function of that name that a module exports, in a process of its own. */
export function startModule(
  { start }: Pick<CommandLink, "start">,
  spec: ModuleSpec,
  { name, argument }: { readonly name: string; readonly argument: Json },
  limits: ModuleLimits,
): StartedModule {
  const { file, cwd, env } = spec;
  const marker = randomUUID();
  const call: ModuleCall = { file, name, argument, marker };
  const timeout_ms = Math.min(spec.timeout_ms, LONGEST_TIMER_MS);
  const started = start({
    run: [process.execPath, `--max-old-space-size=${HEAP_MIB}`, PROGRAM],
    cwd,
    env,
    input: JSON.stringify(call),
    timeout_ms,
    ...limits,
    output_grace_ms: OUTPUT_GRACE_MS,
    error_limit_bytes: ERROR_LIMIT_BYTES,
  });
  return {
    report: started.report.then((report) => readReport(report, marker, timeout_ms)),
    stop: started.stop,
  };
}

function readReport(report: Report, marker: string, timeout_ms: number): ModuleReport {
  if (report.type === "not_started")
    return { came: "unready", why: `it could not be started (${report.code})` };
  if (report.type === "lost")
    return { came: "nothing", why: "the process that watched it ended unexpectedly" };
  const { stopped, code, signal, stdout, stderr } = report;
  if (stopped === "timeout") return nothing(`it took longer than ${timeout_ms / 1_000} s`, stderr);
  if (stopped === "abort") return nothing("it was called off", stderr);
  const framed = new RegExp(`^${marker} (\\w+)\\n([^]*)`, "m").exec(stdout);
  if (framed === null) return nothing(howEnded(code, signal), stderr);
  const [, came, rest = ""] = framed;
  const end = rest.indexOf(`\n${marker} end\n`);
  const text = end === -1 ? rest : rest.slice(0, end);
  switch (came as Came) {
    case "unready":
    case "threw":
      return { came: came as "unready" | "threw", why: text };
    case "unsaid":
      return { came: "returned", text: null, cut: false };
    case "returned":
      return { came: "returned", text, cut: end === -1 };
  }
}

function howEnded(code: number | null, signal: string | null): string {
  return signal === null
    ? `it ended with exit code ${code} and gave nothing`
    : `it was ended by the signal ${signal}`;
}

function nothing(why: string, stderr: string): ModuleReport {
  const words = stderr.trim().split("\n").at(-1) ?? "";
  return { came: "nothing", why: words === "" ? why : `${why}; its last words: ${words}` };
}
