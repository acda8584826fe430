/**
 * For LangGraph JS: a node stops at an `interrupt`, a person decides, and the graph goes on with what was approved.
 *
 * ```ts
 * const gate = createGate(countersign, { interrupt, Command });
 * const pay = gate.guard("payment", async ({ cents }) => …);
 * graph.addNode("pay", async ({ cents }) => ({ receipt: await pay({ cents }) }));
 * const result = await gate.invoke(graph.compile({ checkpointer }), { cents: 500 }, { configurable: { thread_id } });
 * ```
 */
import { randomUUID } from "node:crypto";
import type { JsonObject, JsonShape } from "../../core/json.ts";
import type { Act } from "./carrying-out.ts";
import type { Countersign } from "./countersign.ts";
import { createToolGate, NotApprovedError, type ToolAnswer, type ToolGateOptions } from "./tool-calls.ts";

interface GateOptions extends ToolGateOptions {
  /** The two of `@langchain/langgraph`. */
  readonly interrupt: (value: unknown) => unknown;
  readonly Command: new (how: { resume: unknown }) => unknown;
}

interface Graph<Input, Config, Output> {
  invoke(input: Input, config?: Config): Promise<Output>;
}

interface Interrupted {
  readonly id?: string;
  readonly value?: unknown;
}

/** What a node asks with, and how a graph tells it from interrupts of others. */
interface Question {
  readonly countersign: { readonly kind: string; readonly params: JsonObject };
}

type Answer = ToolAnswer & { readonly call: string };

export function createGate(countersign: Countersign, options: GateOptions) {
  const { interrupt, Command, ...rest } = options;
  const gate = createToolGate(countersign, rest);
  return {
    /** A function for a node. The node begins anew when the graph goes on, so nothing of weight may stand before it. */
    guard<Params extends JsonShape<Params> = JsonObject, Output = unknown>(
      kind: string,
      act: Act<Params, Output>,
    ): (params: Params) => Promise<Output> {
      return async (params) => {
        const question: Question = { countersign: { kind, params: params as JsonObject } };
        const answer = interrupt(question) as Answer;
        if (!answer.approved) throw new NotApprovedError(answer.reason);
        return gate.run(answer.call, act, answer.request);
      };
    },

    /** Invokes a graph and answers its questions until it ends, or stops at an interrupt that is not one of them. */
    async invoke<Input, Config, Output>(
      graph: Graph<Input, Config, Output>,
      input: Input,
      config?: Config,
    ): Promise<Output> {
      let output = await graph.invoke(input, config);
      for (;;) {
        const questions = questionsIn(output);
        if (questions.length === 0) return output;
        const answers = await Promise.all(questions.map(answer));
        // Each goes back to the interrupt that it answers; others stay open.
        const resume = Object.fromEntries(questions.map(({ id }, at) => [id, answers[at]]));
        output = await graph.invoke(new Command({ resume }) as Input, config);
      }
    },
  };

  async function answer({ question }: { question: Question }): Promise<Answer> {
    // An interrupt's id is its node's, and a counter's is this process's: an answer may be met again in another one.
    const call = randomUUID();
    const { kind: tool, params } = question.countersign;
    return { ...(await gate.decide({ id: call, tool, params })), call };
  }
}

function questionsIn(output: unknown): { id: string; question: Question }[] {
  const found = (output as { __interrupt__?: readonly Interrupted[] } | null)?.__interrupt__ ?? [];
  return found.flatMap(({ id, value }) =>
    id !== undefined && isQuestion(value) ? [{ id, question: value }] : [],
  );
}

function isQuestion(value: unknown): value is Question {
  return typeof value === "object" && value !== null && "countersign" in value;
}
