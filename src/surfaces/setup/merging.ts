import { isJsonObject, type Json, type JsonObject } from "../../core/json.ts";
import { hasComments, parseCommentedJson, putInto, takeOut } from "../../document/commented-json.ts";
import type { AgentName } from "../hooks/dialects.ts";
import { type AgentSettings, isOurs } from "./agent-settings.ts";

/** What there is before anything is. */
export const NOTHING = "{}\n";

/** Agents that read their settings without the comments in them; with the others the file would count for nothing. */
const READS_COMMENTS: ReadonlySet<AgentName> = new Set(["gemini"]);

/** What the agent reads in its settings; null where it reads nothing, or where one of two members counts. */
export function settingsIn(text: string, agent: AgentName): JsonObject | null {
  const value = parseCommentedJson(text);
  if (!READS_COMMENTS.has(agent) && !isPlain(text)) return null;
  return isJsonObject(value) ? value : null;
}

/** The settings with our entries in place of those that we wrote before, and everything else as it stands. */
export function withHooks(
  text: string,
  agent: AgentName,
  { hooks, beside }: Exclude<AgentSettings["content"], string>,
): string {
  let next = withoutHooks(text, agent);
  for (const [name, value] of Object.entries(beside)) {
    if (!(name in settingsOfText(next))) next = putInto(next, [], value, name);
  }
  for (const [event, entry] of Object.entries(hooks)) {
    const all = settingsOfText(next).hooks as JsonObject | undefined;
    if (all === undefined) next = putInto(next, [], { [event]: [entry] }, "hooks");
    else if (event in all) next = putInto(next, ["hooks", event], entry);
    else next = putInto(next, ["hooks"], [entry], event);
  }
  return next;
}

/** The settings without our entries, and without what held nothing else. */
export function withoutHooks(text: string, agent: AgentName): string {
  const { hooks } = settingsOfText(text);
  if (!isJsonObject(hooks)) return text;
  let next = text;
  for (const [event, entries] of Object.entries(hooks)) {
    for (const [at, entry] of [...listIn(entries).entries()].reverse()) {
      if (isOurs(entry, agent)) next = takeOutWith(next, ["hooks", event, at]);
    }
  }
  return next;
}

/** With what it was in, where that holds nothing else, also no comment. */
function takeOutWith(text: string, path: readonly (string | number)[]): string {
  const around = path.slice(0, -1);
  const isAlone = around.length > 0 && sizeOf(valueAt(text, around)) === 1;
  return isAlone && !hasComments(text, [...around]) ? takeOutWith(text, around) : takeOut(text, [...path]);
}

function sizeOf(value: Json | undefined): number {
  return typeof value === "object" && value !== null ? Object.keys(value).length : 0;
}

function valueAt(text: string, path: readonly (string | number)[]): Json | undefined {
  return path.reduce<Json | undefined>((value, key) => (value as JsonObject)[key], settingsOfText(text));
}

function settingsOfText(text: string): JsonObject {
  return parseCommentedJson(text) as JsonObject;
}

function listIn(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : [];
}

function isPlain(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
