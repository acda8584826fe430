import { isJsonObject, type JsonObject } from "../../core/json.ts";
import type { Outcome } from "../agent/requester.ts";
import type { ToolCall } from "../agent/tool-call.ts";
import { type Dialect, failureOf, line, mapIn, optionalText, resultOf, textIn } from "./dialect.ts";

/** Copilot names no event in its own form: what is there tells which it is. */
export const copilot: Dialect = {
  read(input) {
    const session = textIn(input, "sessionId");
    if (!("toolName" in input)) {
      // The session's end has a reason; its start and its prompts have other fields, and ask nothing of us.
      return "reason" in input ? { type: "end", session, turn: false } : { type: "none" };
    }
    const call = callOf(input);
    const result = input.toolResult;
    if (isJsonObject(result)) {
      return { type: "after", session, callId: null, call, outcome: outcomeOf(result) };
    }
    const dialog = input.hookName === "permissionRequest";
    const moment = input.timestamp === undefined ? null : String(input.timestamp);
    return { type: "before", session, callId: null, moment, call, dialog, editable: !dialog };
  },

  allow(event, modifiedArgs, reason) {
    if (event.dialog) return line({ behavior: "allow" });
    return line({
      permissionDecision: "allow",
      permissionDecisionReason: reason,
      ...(modifiedArgs !== null && { modifiedArgs }),
    });
  },
  deny: (event, reason) =>
    event?.dialog
      ? line({ behavior: "deny", message: reason })
      : line({ permissionDecision: "deny", permissionDecisionReason: reason }),
  pass: () => "",
};

/** What is neither a success nor known as a failure, such as `timeout`, may have done its work. */
function outcomeOf(result: JsonObject): Outcome {
  const { resultType, textResultForLlm } = result;
  if (resultType === "success") return { result: resultOf(result) };
  const isFailure = resultType === "failure" || resultType === "rejected" || resultType === "denied";
  return isFailure ? { failed: failureOf(textResultForLlm) } : { unknown: failureOf(textResultForLlm) };
}

function callOf(input: JsonObject): ToolCall {
  return {
    tool: textIn(input, "toolName"),
    input: mapIn(input, "toolArgs", "toolInput"),
    cwd: optionalText(input, "cwd"),
  };
}
