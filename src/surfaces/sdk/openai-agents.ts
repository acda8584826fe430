/**
 * For the OpenAI Agents SDK: a run's interruptions are answered by people, and a tool runs only what they approved.
 *
 * ```ts
 * const gate = createGate(countersign);
 * const pay = tool({ name: "payment", parameters, needsApproval: true, execute: gate.execute(async ({ cents }) => …) });
 * const result = await gate.run(run, agent, "Pay ACME");
 * ```
 */
import type { JsonObject, JsonShape } from "../../core/json.ts";
import type { Act } from "./carrying-out.ts";
import type { Countersign } from "./countersign.ts";
import { createToolGate, type ToolGateOptions } from "./tool-calls.ts";

interface Interruption {
  readonly name?: string | undefined;
  readonly arguments?: string | undefined;
  readonly rawItem: object;
}

interface State<Item> {
  approve(item: Item): void;
  reject(item: Item, options?: { message?: string }): void;
}

interface Result<Item> {
  readonly interruptions?: readonly Item[];
  readonly state: State<Item>;
}

/** What the SDK gives a tool's function behind its input. */
interface Details {
  readonly toolCall?: { readonly callId?: string };
}

export function createGate(countersign: Countersign, options: ToolGateOptions = {}) {
  const gate = createToolGate(countersign, options);
  return {
    /** A tool's function that runs only for calls that were approved. */
    execute<Params extends JsonShape<Params> = JsonObject, Output = unknown>(
      act: Act<Params, Output>,
    ): (params: Params, context?: unknown, details?: Details) => Promise<Output> {
      return (_, __, details) => gate.run(details?.toolCall?.callId, act);
    },

    /** Runs an agent to its end; all calls that wait at the same time are asked about at the same time. */
    async run<Agent, Item extends Interruption, Ran extends Result<Item>>(
      run: (agent: Agent, input: never) => Promise<Ran>,
      agent: Agent,
      input: unknown,
    ): Promise<Ran> {
      let result = await run(agent, input as never);
      while (result.interruptions !== undefined && result.interruptions.length > 0) {
        const { state } = result;
        await Promise.all(result.interruptions.map((item) => answer(item, state)));
        result = await run(agent, state as never);
      }
      return result;
    },
  };

  async function answer<Item extends Interruption>(item: Item, state: State<Item>): Promise<void> {
    const params = paramsOf(item.arguments);
    const id = "callId" in item.rawItem ? String(item.rawItem.callId) : null;
    if (params === null || id === null || item.name === undefined) {
      state.reject(item, { message: "This kind of call cannot be approved here." });
      return;
    }
    const answered = await gate.decide({ id, tool: item.name, params });
    if (answered.approved) state.approve(item);
    else state.reject(item, { message: answered.reason });
  }
}

function paramsOf(text: string | undefined): JsonObject | null {
  try {
    const value: unknown = JSON.parse(text ?? "");
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject ? (value as JsonObject) : null;
  } catch {
    return null;
  }
}
