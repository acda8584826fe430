import { MockLanguageModelV4 } from "ai/test";

type Prompt = Parameters<MockLanguageModelV4["doGenerate"]>[0]["prompt"];

/** A model that calls the tool once for each input, and then says what it was told. */
export function fakeModel(toolName: string, ...inputs: readonly object[]): MockLanguageModelV4 {
  const usage = {
    inputTokens: { total: 1, noCache: 1, cacheRead: 0, cacheWrite: 0 },
    outputTokens: { total: 1, text: 1, reasoning: 0 },
  };
  return new MockLanguageModelV4({
    doGenerate: async ({ prompt }: { prompt: Prompt }) => {
      const results = prompt.filter(({ role }) => role === "tool");
      const content =
        results.length === 0
          ? inputs.map((input, at) => ({
              type: "tool-call" as const,
              toolCallId: `call_${at}`,
              toolName,
              input: JSON.stringify(input),
            }))
          : [{ type: "text" as const, text: JSON.stringify(results) }];
      const reason = results.length === 0 ? ("tool-calls" as const) : ("stop" as const);
      return { content, finishReason: { unified: reason, raw: reason }, usage, warnings: [] };
    },
  });
}
