import { Fault } from "../../core/codes.ts";
import type { JsonObject } from "../../core/json.ts";
import type { ToolCall } from "../agent/tool-call.ts";
import {
  type Before,
  type Dialect,
  failureOf,
  type HookEvent,
  line,
  mapIn,
  optionalText,
  resultOf,
  textIn,
} from "./dialect.ts";

/** Events of Claude Code's that ask nothing of us; a name that is not known here may be one that gates. */
const SILENT: ReadonlySet<string> = new Set([
  "PostToolBatch",
  "Notification",
  "UserPromptSubmit",
  "UserPromptExpansion",
  "SessionStart",
  "SubagentStart",
  "SubagentStop",
  "StopFailure",
  "PreCompact",
  "PostCompact",
]);

/** Claude Code, and those that took over the form of its hooks. */
export const claudeCode: Dialect = {
  read: (input) => readClaudeForm(input, { dialogEdits: true }),

  allow(event, updatedInput, reason) {
    if (event.dialog)
      return dialogAnswer({ behavior: "allow", ...(updatedInput !== null && { updatedInput }) });
    return gateAnswer("allow", reason, updatedInput === null ? {} : { updatedInput });
  },

  deny: denyInClaudeForm,
  pass: () => "",
  defer: (event) => {
    if (event.dialog) throw new Fault("usage", "--defer is for PreToolUse alone.");
    return gateAnswer("defer", "A person decides later.");
  },
};

export function denyInClaudeForm(event: Before | null, reason: string): string {
  return event?.dialog ? dialogAnswer({ behavior: "deny", message: reason }) : gateAnswer("deny", reason);
}

export function gateAnswer(
  decision: "allow" | "deny" | "defer",
  reason: string,
  more: JsonObject = {},
): string {
  return line({
    hookSpecificOutput: {
      hookEventName: "PreToolUse",
      permissionDecision: decision,
      permissionDecisionReason: reason,
      ...more,
    },
  });
}

export function dialogAnswer(decision: JsonObject): string {
  return line({ hookSpecificOutput: { hookEventName: "PermissionRequest", decision } });
}

/** `dialogEdits`: whether an approval beside a dialog can carry another input. */
export function readClaudeForm(input: JsonObject, { dialogEdits }: { dialogEdits: boolean }): HookEvent {
  const name = textIn(input, "hook_event_name");
  if (SILENT.has(name)) return { type: "none" };
  const session = textIn(input, "session_id", "sessionId");
  if (name === "SessionEnd" || name === "Stop") return { type: "end", session, turn: name === "Stop" };
  const callId = optionalText(input, "tool_use_id");
  if (name === "PostToolUse") {
    return {
      type: "after",
      session,
      callId,
      call: callOf(input),
      outcome: { result: resultOf(input.tool_response) },
    };
  }
  if (name === "PostToolUseFailure") {
    return {
      type: "after",
      session,
      callId,
      call: callOf(input),
      // What was interrupted may have done its work, or a part of it.
      outcome:
        input.is_interrupt === true
          ? { unknown: failureOf(input.error) }
          : { failed: failureOf(input.error) },
    };
  }
  const dialog = name === "PermissionRequest";
  if (!dialog && name !== "PreToolUse") {
    throw new Fault("invalid_request", `The hook event ${name} is not known here.`);
  }
  return {
    type: "before",
    session,
    callId,
    moment: null,
    call: callOf(input),
    dialog,
    editable: !dialog || dialogEdits,
  };
}

function callOf(input: JsonObject): ToolCall {
  return {
    tool: textIn(input, "tool_name"),
    input: mapIn(input, "tool_input"),
    cwd: optionalText(input, "cwd"),
  };
}
