import { Fault } from "../../core/codes.ts";
import type { JsonObject } from "../../core/json.ts";
import type { ToolCall } from "../agent/tool-call.ts";
import { type Dialect, line, mapIn, optionalText, resultOf, textIn } from "./dialect.ts";

const SILENT: ReadonlySet<string> = new Set([
  "beforeSubmitPrompt",
  "sessionStart",
  "afterAgentResponse",
  "afterAgentThought",
]);

/** Cursor takes silence for a failure, so that every answer is one. */
export const cursor: Dialect = {
  read(input) {
    const name = textIn(input, "hook_event_name");
    if (SILENT.has(name)) return { type: "none" };
    const session = textIn(input, "conversation_id", "session_id");
    if (name === "sessionEnd" || name === "stop") return { type: "end", session, turn: name === "stop" };
    const callId = optionalText(input, "tool_use_id");
    const before = { type: "before", session, callId, moment: null, dialog: false } as const;
    const after = { type: "after", session, callId } as const;
    switch (name) {
      case "beforeShellExecution":
        return { ...before, call: shell(input), editable: false };
      case "beforeMCPExecution":
        return { ...before, call: mcp(input), editable: false };
      case "preToolUse":
        // Cursor takes over another path, and not another text, without a word.
        return { ...before, call: tool(input), editable: false };
      case "afterShellExecution":
        return { ...after, call: shell(input), outcome: { result: resultOf(input.output) } };
      case "afterMCPExecution":
        return { ...after, call: mcp(input), outcome: { result: resultOf(input.result_json) } };
      case "postToolUse":
        return { ...after, call: tool(input), outcome: { result: resultOf(input.tool_output) } };
      default:
        throw new Fault("invalid_request", `The hook event ${name} is not known here.`);
    }
  },

  allow: () => line({ permission: "allow" }),
  deny: (_event, reason) => line({ permission: "deny", user_message: reason, agent_message: reason }),
  pass: () => line({ permission: "allow" }),
};

function shell(input: JsonObject): ToolCall {
  return { tool: "Shell", input: { command: textIn(input, "command") }, cwd: optionalText(input, "cwd") };
}

function mcp(input: JsonObject): ToolCall {
  const server = optionalText(input, "url", "command") ?? "unnamed";
  return { tool: textIn(input, "tool_name"), input: mapIn(input, "tool_input"), cwd: null, server };
}

function tool(input: JsonObject): ToolCall {
  return {
    tool: textIn(input, "tool_name"),
    input: mapIn(input, "tool_input"),
    cwd: optionalText(input, "cwd"),
  };
}
