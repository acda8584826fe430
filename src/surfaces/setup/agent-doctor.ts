import { isJsonObject, type Json, type JsonObject } from "../../core/json.ts";
import type { AgentName } from "../hooks/dialects.ts";
import { type AgentSettings, isOurs } from "./agent-settings.ts";
import { settingsIn } from "./merging.ts";

/** A hook's own limit must be longer than its wait by this much: where the limit ends first, the tool runs. */
const MARGIN_MS = 30_000;

const GATES: Readonly<Record<AgentName, readonly string[]>> = {
  "claude-code": ["PreToolUse"],
  codex: ["PreToolUse"],
  gemini: ["BeforeTool"],
  copilot: ["preToolUse"],
  cursor: ["beforeShellExecution", "beforeMCPExecution", "preToolUse"],
  opencode: [],
};

/** Something that is to be mended, or known. */
export interface Warning {
  readonly says: string;
  /** Whether tools may run without having been asked about; what only refuses too much, or is elsewhere, is not that. */
  readonly open: boolean;
}

const open = (says: string): Warning => ({ says, open: true });
export const hint = (says: string): Warning => ({ says, open: false });

/**
 * What keeps an agent's gate from holding. `text` is what the settings' file holds; null where it is not
 * there, which is no matter: then this agent was not set up here. `wait_ms` is how long our hook waits without a word.
 */
export function agentWarnings(
  agent: AgentName,
  { file, content }: AgentSettings,
  text: string | null,
  wait_ms: (words: string) => number,
  isThere: (path: string) => boolean,
): readonly Warning[] {
  if (text === null) return [];
  if (agent === "opencode") {
    if (text === content) return [];
    if (isOurs(text, agent) && withoutWords(text) === withoutWords(String(content))) {
      // It asks all the same: about another vault, for another time, or by a program in another place.
      return [hint(`${file} asks in other words than setup writes here: write it again with --write.`)];
    }
    return [open(`${file} is not what setup writes: write it again with --write.`)];
  }
  const settings = settingsIn(text, agent);
  if (settings === null) {
    const says = `${file} is not JSON that ${agent} reads, or has a name twice, so nothing can be said about its hooks.`;
    return [mayHoldOurs(text, agent) ? open(says) : hint(says)];
  }
  const hooks = isJsonObject(settings.hooks) ? settings.hooks : {};
  const ours = Object.values(hooks).some((entries) => listIn(entries).some((entry) => isOurs(entry, agent)));
  if (!ours) return [];
  const warnings: Warning[] = [];
  if (settings.disableAllHooks === true)
    warnings.push(open(`${file} has disableAllHooks: nothing is gated.`));
  for (const event of GATES[agent]) {
    const gates = oursIn(hooks[event], agent);
    if (gates.length === 0) {
      const beside = agent === "claude-code" && oursIn(hooks.PermissionRequest, agent).length > 0;
      warnings.push(
        beside
          ? // As it was asked for.
            hint(
              `${file} has our hook beside the agent's own dialog alone: what the agent lets run without asking is not gated.`,
            )
          : open(`${file} has no hook of ours for ${event}: that is not gated.`),
      );
    }
    const entry = typeof content === "string" ? undefined : content.hooks[event];
    const matcher = matcherOf(entry);
    if (
      matcher !== null &&
      gates.length > 0 &&
      !gates.some((gate) => [null, "*", matcher].includes(matcherOf(gate)))
    ) {
      warnings.push(
        open(
          `${file}: the matcher of ${event} is not the one that setup writes, so that some tools may not be gated: write it again with --write.`,
        ),
      );
    }
    const elsewhere = gates.map(vaultIn).find((vault) => vault !== vaultIn(entry ?? null));
    if (entry !== undefined && elsewhere !== undefined) {
      warnings.push(hint(`${file}: ${event} asks in another vault than this one: ${elsewhere}.`));
    }
    for (const hook of gates.flatMap(hooksIn)) {
      warnings.push(...hookWarnings(agent, file, event, hook, wait_ms));
      const lost = programIn(hook, agent).find((path) => !isThere(path));
      if (lost !== undefined) {
        const runs = RUNS_WITHOUT.has(agent);
        const then = runs ? "and then the tool runs" : "so that every call is refused";
        const says = `${file}: ${event} starts ${lost}, which is not there, ${then}: write it again with --write.`;
        warnings.push(runs ? open(says) : hint(says));
      }
    }
  }
  return warnings;
}

/** Agents that run the tool when its hook cannot be started, whatever the hook says. */
const RUNS_WITHOUT: ReadonlySet<AgentName> = new Set(["codex", "gemini"]);

/** The absolute paths among the words that start our program. */
function programIn({ command, exec, args }: JsonObject, agent: AgentName): readonly string[] {
  const first = typeof exec === "string" ? exec : typeof command === "string" ? command : "";
  if (Array.isArray(args)) {
    return [first, ...args.slice(0, args.indexOf("hook"))].flatMap((word) =>
      typeof word === "string" && word.startsWith("/") ? word : [],
    );
  }
  const words = first.slice(0, first.indexOf(` hook ${agent} `));
  return [...words.matchAll(/'(\/[^']*)'|(?<!\S)(\/\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? "");
}

function hookWarnings(
  agent: AgentName,
  file: string,
  event: string,
  hook: JsonObject,
  wait_ms: (words: string) => number,
): readonly Warning[] {
  const warnings: string[] = [];
  const limit_ms = limitOf(agent, hook);
  const wait = wait_ms(JSON.stringify(hook));
  if (limit_ms < wait + MARGIN_MS) {
    const seconds = Math.ceil((wait + MARGIN_MS) / 1_000);
    warnings.push(
      `${file}: the limit of ${event} (${limit_ms / 1_000} s) ends before our wait does, and then the tool runs: give it ${seconds} s or more.`,
    );
  }
  if (agent === "claude-code" && hook.onFailure !== "block") {
    warnings.push(
      `${file}: ${event} lets the tool run when the hook cannot be started: set "onFailure": "block".`,
    );
  }
  if (agent === "cursor" && hook.failClosed !== true) {
    warnings.push(`${file}: ${event} lets the tool run when the hook fails: set "failClosed": true.`);
  }
  return warnings.map(open);
}

/** The plug-in but for the line with the words that start our program. */
function withoutWords(plugin: string): string {
  return plugin.replace(/^const \[command, \.\.\.args\] = \[.*\];$/m, "");
}

/** Where it cannot be read. */
function mayHoldOurs(text: string, agent: AgentName): boolean {
  return ["hook", agent, "--vault"].every((word) => text.includes(word));
}

/** The agent's limit for a hook, and what it is where the file does not say. */
function limitOf(agent: AgentName, hook: JsonObject): number {
  const said = agent === "copilot" ? hook.timeoutSec : hook.timeout;
  const usual = { "claude-code": 600, codex: 600, gemini: 60_000, copilot: 30, cursor: 60, opencode: 0 }[
    agent
  ];
  const value = typeof said === "number" ? said : usual;
  return agent === "gemini" ? value : value * 1_000;
}

/** What does not show in any file. */
export const UNSEEN: Readonly<Partial<Record<AgentName, string>>> = {
  "claude-code": "`claude --bare` and `claude --safe-mode` skip all hooks: then nothing is gated.",
};

/** The vault in an entry's words, as it stands there. */
function vaultIn(entry: Json): string {
  const text = JSON.stringify(entry);
  return (/"--vault","((?:[^"\\]|\\.)*)"/.exec(text) ?? / --vault ('[^']*'|[^" ]+)/.exec(text))?.[1] ?? "";
}

/** Which tools an entry is for; null where it is for all. */
function matcherOf(entry: Json | undefined): string | null {
  const matcher = isJsonObject(entry) ? entry.matcher : undefined;
  return typeof matcher === "string" && matcher !== "" ? matcher : null;
}

function oursIn(entries: Json | undefined, agent: AgentName): readonly Json[] {
  return listIn(entries).filter((entry) => isOurs(entry, agent));
}

function hooksIn(entry: Json): readonly JsonObject[] {
  if (!isJsonObject(entry)) return [];
  return "hooks" in entry ? listIn(entry.hooks).filter(isJsonObject) : [entry];
}

function listIn(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : [];
}
