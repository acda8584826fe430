import { Fault } from "../../core/codes.ts";
import { isJsonObject, type JsonObject } from "../../core/json.ts";
import type { ToolCall } from "../agent/tool-call.ts";
import { type Dialect, failureOf, line, mapIn, optionalText, resultOf, textIn } from "./dialect.ts";

const SILENT: ReadonlySet<string> = new Set([
  "SessionStart",
  "BeforeAgent",
  "BeforeModel",
  "AfterModel",
  "BeforeToolSelection",
  "PreCompress",
  "Notification",
]);

export const gemini: Dialect = {
  merges: true,

  read(input) {
    const name = textIn(input, "hook_event_name");
    if (SILENT.has(name)) return { type: "none" };
    const session = textIn(input, "session_id");
    if (name === "SessionEnd" || name === "AfterAgent")
      return { type: "end", session, turn: name === "AfterAgent" };
    const call = callOf(input);
    if (name === "BeforeTool") {
      const moment = optionalText(input, "timestamp");
      return { type: "before", session, callId: null, moment, call, dialog: false, editable: true };
    }
    if (name !== "AfterTool") throw new Fault("invalid_request", `The hook event ${name} is not known here.`);
    const answer = input.tool_response;
    const error = isJsonObject(answer) ? answer.error : undefined;
    const failed = error !== undefined && error !== null && error !== "";
    const outcome = failed ? { failed: failureOf(error) } : { result: resultOf(answer) };
    return { type: "after", session, callId: null, call, outcome };
  },

  allow: (_event, tool_input, reason) =>
    line({
      decision: "allow",
      reason,
      ...(tool_input !== null && { hookSpecificOutput: { hookEventName: "BeforeTool", tool_input } }),
    }),
  deny: (_event, reason) => line({ decision: "deny", reason }),
  pass: () => "",
};

function callOf(input: JsonObject): ToolCall {
  const call = {
    tool: textIn(input, "tool_name"),
    input: mapIn(input, "tool_input"),
    cwd: optionalText(input, "cwd"),
  };
  const context = input.mcp_context;
  if (!isJsonObject(context)) return call;
  const server = optionalText(context, "server_name");
  return server === null ? call : { ...call, tool: optionalText(context, "tool_name") ?? call.tool, server };
}
