import { Fault } from "../../core/codes.ts";
import { isJsonObject, type Json, type JsonObject } from "../../core/json.ts";
import { recordableResult, recordableWords } from "../../document/recordable.ts";
import type { Outcome } from "../agent/requester.ts";
import type { ToolCall } from "../agent/tool-call.ts";

/** What an agent's hook is called for, in one form for all of them. */
export type HookEvent = Before | After | End | { readonly type: "none" };

/** A tool is about to be called. */
export interface Before {
  readonly type: "before";
  readonly session: string;
  /** The agent's own id of the call; null where it gives none. */
  readonly callId: string | null;
  /** Where there is no id: when the agent says that this was, which its hooks for one call have in common. */
  readonly moment: string | null;
  readonly call: ToolCall;
  /** Beside a dialog of the agent's own, in which a person may answer first. */
  readonly dialog: boolean;
  /** Whether the agent takes another input from this hook. */
  readonly editable: boolean;
}

/** A tool has been called. */
export interface After {
  readonly type: "after";
  readonly session: string;
  readonly callId: string | null;
  readonly call: ToolCall;
  readonly outcome: Outcome;
}

/** Nothing of this session waits for an answer any more; `turn`: nothing that stood beside a dialog does. */
export interface End {
  readonly type: "end";
  readonly session: string;
  readonly turn: boolean;
}

/** How one agent is understood and answered. Texts are standard output. */
export interface Dialect {
  /** Gives invalid_request for what cannot be told. */
  read(input: JsonObject): HookEvent;
  /** Whether the agent puts another input over the one that it has, so that nothing can be taken out of it. */
  readonly merges?: true;
  allow(event: Before, input: JsonObject | null, reason: string): string;
  /** `event` is null where the input could not be read. */
  deny(event: Before | null, reason: string): string;
  /** The policy needs no person: the agent goes on by its own rules. */
  pass(event: HookEvent): string;
  /** Ends the agent's turn until somebody resumes it; only where the agent has that. */
  readonly defer?: (event: Before) => string;
}

/** A tool's result as it is recorded: enough to know what it was, not a copy of it. */
const RESULT_LIMIT = 2_000;

export function resultOf(value: Json | undefined): Json {
  const text = JSON.stringify(value ?? null);
  return text.length <= RESULT_LIMIT
    ? recordableResult(value ?? null)
    : { excerpt: recordableWords(text, RESULT_LIMIT), characters: text.length };
}

export function failureOf(value: Json | undefined): string {
  const text = typeof value === "string" ? value : JSON.stringify(value ?? "");
  return text.trim() === "" || text === '""'
    ? "The tool failed without saying why."
    : recordableWords(text, RESULT_LIMIT);
}

/** A text that must be there. */
export function textIn(input: JsonObject, ...names: readonly string[]): string {
  const value = optionalText(input, ...names);
  if (value !== null) return value;
  throw new Fault("invalid_request", `The hook's input has no ${names[0]}.`);
}

export function optionalText(input: JsonObject, ...names: readonly string[]): string | null {
  for (const name of names) {
    const value = input[name];
    if (typeof value === "string" && value !== "") return value;
  }
  return null;
}

/** A map, as it is or as JSON in a text. */
export function mapIn(input: JsonObject, ...names: readonly string[]): JsonObject {
  const given = names.map((name) => input[name]).find((value) => value !== undefined);
  const value = typeof given === "string" ? parsed(given) : given;
  if (isJsonObject(value)) return value;
  throw new Fault("invalid_request", `The hook's input has no ${names[0]} that is a map.`);
}

function parsed(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return null;
  }
}

export function line(value: JsonObject): string {
  return `${JSON.stringify(value)}\n`;
}
