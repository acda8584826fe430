import { createHash } from "node:crypto";
import type { CallToolResult } from "@modelcontextprotocol/server";
import { Fault } from "../../core/codes.ts";
import type { JsonObject } from "../../core/json.ts";
import { parseStrictJson } from "../../document/json.ts";
import type { Held } from "../agent/held-calls.ts";
import { meaning } from "../agent/meaning.ts";
import type { Requester } from "../agent/requester.ts";
import { actionOf, approvedInput, type ToolCall } from "../agent/tool-call.ts";
import type { Action } from "../sdk/countersign.ts";

interface Prompt {
  readonly tool_name?: unknown;
  readonly input?: unknown;
  readonly tool_use_id?: unknown;
}

/**
 * Claude Code's `--permission-prompt-tool`: one text block with JSON that allows or denies. Everything but an approval
 * of exactly this call denies, and every error does.
 */
export async function permissionPrompt(
  asked: Prompt,
  requester: Requester,
  hold: (action: Omit<Action, "requester">) => Promise<Held>,
): Promise<CallToolResult> {
  try {
    return say(await behaviour(asked, requester, hold));
  } catch (error) {
    const { message, hint } = error instanceof Fault ? error : new Fault("internal");
    return say(deny(`${message} ${hint} Nothing was approved.`));
  }
}

async function behaviour(
  asked: Prompt,
  requester: Requester,
  hold: (action: Omit<Action, "requester">) => Promise<Held>,
): Promise<JsonObject> {
  const call = callIn(asked);
  const { request, begun } = await hold({ ...actionOf(call), ...keyOf(asked, call) });
  if (!begun && (request.status === "pending" || request.status === "approved")) {
    // The prompt cannot be answered later, so nobody is left who would act on a yes.
    await requester.withdraw(request.id, "nobody waits for it any more").catch(() => {});
    return deny("Nobody decided in time, and nobody approved it.");
  }
  if (request.executor === "daemon") {
    const hint = `Give the action ${request.kind} \`caller: true\` in countersign.yaml.`;
    throw new Fault("not_caller", undefined, hint);
  }
  if (!begun) return deny(meaning(request));
  const updatedInput = approvedInput(call, request.params);
  if (updatedInput === null) {
    await requester.report(request.id, { failed: "The call could not be changed as it was approved." });
    return deny("It was approved with a change that cannot be made to this call, so nothing is done.");
  }
  // What the tool then does is not told here: what has happened is that the agent may go ahead.
  await requester.report(request.id, { result: { handed_to: requester.name } }).catch(() => {});
  return { behavior: "allow", updatedInput };
}

function callIn({ tool_name, input }: Prompt): ToolCall {
  const isObject = typeof input === "object" && input !== null && !Array.isArray(input);
  if (typeof tool_name === "string" && tool_name !== "" && isObject) {
    return { tool: tool_name, input: parseStrictJson(JSON.stringify(input)) as JsonObject, cwd: null };
  }
  throw new Fault("invalid_request", "A permission prompt needs tool_name and input.");
}

/** Two calls that say the same are two calls. */
function keyOf({ tool_use_id }: Prompt, call: ToolCall): { key?: string } {
  if (typeof tool_use_id !== "string" || tool_use_id === "") return {};
  const said = JSON.stringify([tool_use_id, call.tool, call.input]);
  return { key: `prompt/${createHash("sha256").update(said).digest("hex").slice(0, 32)}` };
}

function deny(message: string): JsonObject {
  return { behavior: "deny", message: `Countersign: ${message}` };
}

function say(answer: JsonObject): CallToolResult {
  return { content: [{ type: "text", text: JSON.stringify(answer) }] };
}
