#!/usr/bin/env node
// Nothing else is imported before this Node.js is known to be able to load it; what follows is imported by the command
// that needs it, so that commands that only ask the daemon start at once.
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Deps, GlobalOptions, Io } from "./surfaces/cli/context.ts";
import { nodeTooOld } from "./surfaces/cli/node-version.ts";
import type { Outside } from "./wiring/start.ts";

const { version }: { version: string } = JSON.parse(
  readFileSync(new URL("../package.json", import.meta.url), "utf8"),
);
const argv = process.argv.slice(2);
const env = process.env;

/** To an agent's hook every failure is a no, and this is the exit code that all agents take for one. */
const isHook = argv.includes("hook");
const failed = isHook ? 2 : 1;
if (isHook) process.once("uncaughtException", breakOff);

const problem = nodeTooOld(process.versions.node);
if (problem === null) process.exitCode = await main();
else {
  process.stderr.write(`${problem}\n`);
  process.exitCode = failed;
}

function breakOff(error: Error): void {
  process.stderr.write(`countersign: internal error, nothing was approved: ${error.message}\n`);
  process.exit(failed);
}

/** The one catch: whatever is no fault is a bug, and is not spread out before the user. */
async function main(): Promise<number> {
  const io = terminal();
  try {
    const { runCli } = await import("./surfaces/cli/program.ts");
    return await runCli(argv, env, io, dependencies());
  } catch (error) {
    if (isHook) breakOff(error as Error);
    const { Fault } = await import("./core/codes.ts");
    const { asksForJson, tellFault } = await import("./surfaces/cli/program.ts");
    tellFault(new Fault("internal", undefined, await keepForReport(error)), asksForJson(argv), io);
    return failed;
  }
}

/** Keeps what the user is spared in a file, and says where. */
async function keepForReport(error: unknown): Promise<string> {
  const { appendFile, mkdir } = await import("node:fs/promises");
  const { homedir } = await import("node:os");
  const { join } = await import("node:path");
  const directory = join(env.XDG_STATE_HOME || join(homedir(), ".local/state"), "countersign");
  const file = join(directory, "errors.log");
  const told = error instanceof Error ? (error.stack ?? error.message) : String(error);
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await appendFile(file, `${new Date().toISOString()} ${told}\n`, { mode: 0o600 });
    return `The details are in ${file}; please report it.`;
  } catch {
    return `Please report it: ${told.split("\n")[0]}`;
  }
}

function terminal(): Io {
  // A reader that has enough (`| head`) is no error of ours.
  process.stdout.on("error", () => {});
  return {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    async readInput() {
      const chunks: Buffer[] = [];
      for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
      return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks));
    },
    async readDocument() {
      const chunks: Buffer[] = [];
      for await (const chunk of process.stdin) {
        chunks.push(chunk as Buffer);
        if (isJson(Buffer.concat(chunks).toString("utf8"))) break;
      }
      return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks));
    },
    columns: process.stdout.isTTY ? process.stdout.columns : null,
  };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function dependencies(): Deps {
  return {
    version,
    locate: async (options) => (await import("./adapters/locations.ts")).locate(options, env, process.cwd()),
    init,
    async verifyGrant(grant, key, { digest, shadow }) {
      const { Fault } = await import("./core/codes.ts");
      const { verifyGrant } = await import("./handlers/grant.ts");
      const expected = {
        now: Date.now(),
        started: true as const,
        shadow,
        ...(digest !== null && { digest }),
      };
      const verdict = await verifyGrant(grant, key as Parameters<typeof verifyGrant>[1], expected);
      if (verdict.ok) return { ...verdict.claims };
      throw new Fault(verdict.refusal.code, verdict.refusal.message, verdict.refusal.hint);
    },
    async start(options) {
      // Node makes its threads with the first call to the disk; its four would all be held up by the fsyncs of notes.
      env.UV_THREADPOOL_SIZE ??= "16";
      const { startDaemon } = await import("./wiring/start.ts");
      // Loading has made V8 keep room enough for young objects. Each burst would double it, and it is hardly ever given
      // back: a tenth of a gigabyte with 10,000 open requests, for no speed that could be measured.
      (await import("node:v8")).setFlagsFromString("--semi-space-growth-factor=1");
      return startDaemon(options, outside());
    },
    async readSwitches(options) {
      return (await import("./wiring/offline.ts")).readAuditSwitches(options, outside());
    },
    async *readAuditSince(options, since) {
      yield* (await import("./wiring/offline.ts")).readAuditSince(options, outside(), since);
    },
    async *readAudit(options) {
      yield* (await import("./wiring/offline.ts")).readAudit(options, outside());
    },
    kindsInShadow: async (options) => (await import("./wiring/offline.ts")).kindsInShadow(options, outside()),
    openPeople: async (options) => (await import("./wiring/offline.ts")).openKnownPeople(options, outside()),
    async readGateway(options, wanted) {
      const { locate } = await import("./adapters/locations.ts");
      const { loadGateway } = await import("./adapters/configuration/gateway.ts");
      return loadGateway(locate(options, env, process.cwd()).configuration, env, wanted);
    },
    program: () => programWords(),
    async addToolActions(options) {
      const { locate } = await import("./adapters/locations.ts");
      const { addToolActions } = await import("./adapters/tool-actions.ts");
      const { configuration } = locate(options, env, process.cwd());
      return { file: configuration, actions: await addToolActions(configuration) };
    },
    async toolActionGaps(options) {
      const { locate } = await import("./adapters/locations.ts");
      const { toolActionGaps } = await import("./adapters/tool-actions.ts");
      return toolActionGaps(locate(options, env, process.cwd()).configuration);
    },
    stopped: () =>
      new Promise((resolve) => {
        for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.once(signal, () => resolve());
      }),
    openPolicies: async (options) => (await import("./wiring/offline.ts")).openPolicies(options, outside()),
    verifyAudit: async (options) => (await import("./wiring/offline.ts")).verifyAudit(options, outside()),
  };
}

/** Its name alone where that leads here, so that an update of Node.js leaves what is written down true. */
function programWords(): string[] {
  const main = fileURLToPath(import.meta.url);
  const found = (env.PATH ?? "")
    .split(delimiter)
    .map((folder) => join(folder, "countersign"))
    .find((path) => existsSync(path));
  if (found !== undefined && realpathSync(found) === realpathSync(main)) return ["countersign"];
  return [process.execPath, ...process.execArgv, main];
}

function outside(): Outside {
  return {
    env,
    cwd: process.cwd(),
    version,
    onStop(stop) {
      for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, stop);
    },
  };
}

async function init(options: GlobalOptions & { readonly obsidian?: boolean }) {
  const { mkdir } = await import("node:fs/promises");
  const { resolve } = await import("node:path");
  const { locate } = await import("./adapters/locations.ts");
  const { setUp } = await import("./adapters/setup.ts");
  const { renderStarterPeople } = await import("./people/starter.ts");
  const { renderStarter } = await import("./policy/starter.ts");
  const { osUser } = await import("./surfaces/cli/options.ts");
  const chosen = resolve(options.vault ?? env.COUNTERSIGN_VAULT ?? ".");
  const isNew = (await mkdir(chosen, { recursive: true })) !== undefined;
  const { vault, configuration } = locate({ ...options, vault: chosen }, env, process.cwd());
  const report = await setUp({
    vault,
    configuration,
    starters: { people: renderStarterPeople, policy: renderStarter },
    // Beside `src/` in a checkout and beside `dist/` in the package.
    handbook: fileURLToPath(new URL("../vault/Handbook.md", import.meta.url)),
    obsidian: options.obsidian ?? false,
    user: osUser(env),
    env,
  });
  return { vault, configuration, kept: report.kept, made: [...(isNew ? [`${vault}/`] : []), ...report.made] };
}
