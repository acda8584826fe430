/**
 * For the Vercel AI SDK: `toolApproval` waits for a person, and a tool runs only what was approved.
 *
 * ```ts
 * const gate = createGate(countersign);
 * const tools = { payment: tool({ inputSchema, execute: gate.execute(async ({ cents }) => …) }) };
 * await generateText({ model, prompt, tools, toolApproval: gate.toolApproval });
 * ```
 *
 * The SDK does not tell `toolApproval` that a generation is aborted: give its `abortSignal` to the gate too, as `signal`, and
 * what was asked is withdrawn.
 */
import type { JsonObject, JsonShape } from "../../core/json.ts";
import type { Act } from "./carrying-out.ts";
import type { Countersign } from "./countersign.ts";
import { createToolGate, type ToolGateOptions } from "./tool-calls.ts";

interface GateOptions extends ToolGateOptions {
  /** The tools that need a person (default: all of them). */
  readonly tools?: readonly string[];
}

type Approval = { type: "approved" } | { type: "denied"; reason: string } | undefined;

export function createGate(countersign: Countersign, options: GateOptions = {}) {
  const gate = createToolGate(countersign, options);
  return {
    /** A tool's function that runs only for calls that were approved. */
    execute<Params extends JsonShape<Params> = JsonObject, Output = unknown>(
      act: Act<Params, Output>,
    ): (params: Params, call: { readonly toolCallId: string }) => Promise<Output> {
      return (_, { toolCallId }) => gate.run(toolCallId, act);
    },

    /** Resolves once somebody has decided. */
    toolApproval: async ({
      toolCall,
    }: {
      readonly toolCall: { readonly toolCallId: string; readonly toolName: string; readonly input: unknown };
    }): Promise<Approval> => {
      const { toolCallId: id, toolName: tool, input } = toolCall;
      if (options.tools !== undefined && !options.tools.includes(tool)) return undefined;
      if (typeof input !== "object" || input === null || Array.isArray(input)) {
        return { type: "denied", reason: "Only calls with named params can be approved." };
      }
      const answer = await gate.decide({ id, tool, params: input as JsonObject });
      return answer.approved ? { type: "approved" } : { type: "denied", reason: answer.reason };
    },
  };
}
