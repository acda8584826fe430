import { type Model, type ModelRequest, Usage } from "@openai/agents";

/** A model that calls the tool once for each params, and then says what it was told. */
export function fakeModel(name: string, ...calls: readonly object[]): Model {
  return {
    async getResponse({ input }: ModelRequest) {
      const items = typeof input === "string" ? [] : input;
      const results = items.filter(({ type }) => type === "function_call_result");
      if (results.length === 0) {
        const output = calls.map((params, at) => ({
          type: "function_call" as const,
          callId: `call_${at}`,
          name,
          arguments: JSON.stringify(params),
          status: "completed" as const,
        }));
        return { usage: new Usage(), output };
      }
      const text = JSON.stringify(results.map((item) => ("output" in item ? item.output : null)));
      const content = [{ type: "output_text" as const, text }];
      return {
        usage: new Usage(),
        output: [{ type: "message", role: "assistant", status: "completed", content }],
      };
    },
    getStreamedResponse() {
      throw new Error("unreachable: nothing is streamed here");
    },
  };
}
