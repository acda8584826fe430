import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface FakeModel {
  readonly port: number;
  close(): Promise<void>;
}

/** A tool that an agent offers its model, and how it is called. */
export interface ToolUse {
  readonly name: string;
  readonly input: object;
  /** Where the provider has tools in groups. */
  readonly namespace?: string;
}

/**
 * A model of each of the agents' providers on loopback, that calls one tool once and then repeats what it was told. It
 * knows each provider's form by its path.
 */
export async function startFakeModel(
  use: (offered: readonly string[]) => ToolUse | null,
): Promise<FakeModel> {
  const server = createServer((question, answer) => void respond(question, answer, use));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { port: (server.address() as AddressInfo).port, close };
}

type Body = { readonly [name: string]: unknown };

async function respond(
  question: IncomingMessage,
  answer: ServerResponse,
  use: (offered: readonly string[]) => ToolUse | null,
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of question) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString("utf8");
  const body = (text === "" ? {} : JSON.parse(text)) as Body;
  const path = question.url ?? "";
  if (path.includes("count_tokens")) return void json(answer, { input_tokens: 10 });
  if (path.includes("/messages")) return void anthropic(answer, body, use);
  if (path.includes("/responses")) return void responses(answer, body, use);
  if (path.includes("/chat/completions")) return void completions(answer, body, use);
  if (path.includes("generateContent") || path.includes("GenerateContent")) {
    return void gemini(answer, path, body, use);
  }
  if (path.endsWith("/models"))
    return void json(answer, { object: "list", data: [{ id: "fake-1", object: "model" }] });
  answer.writeHead(404).end();
}

function json(answer: ServerResponse, value: object): void {
  answer.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(value));
}

function stream(
  answer: ServerResponse,
  events: readonly (readonly [string | null, object | string])[],
): void {
  answer.writeHead(200, { "content-type": "text/event-stream" });
  for (const [name, data] of events) {
    if (name !== null) answer.write(`event: ${name}\n`);
    answer.write(`data: ${typeof data === "string" ? data : JSON.stringify(data)}\n\n`);
  }
  answer.end();
}

const usage = { input_tokens: 10, output_tokens: 10 };

function anthropic(
  answer: ServerResponse,
  body: Body,
  use: (offered: readonly string[]) => ToolUse | null,
): void {
  const messages = body.messages as { content: unknown }[];
  const last = JSON.stringify(messages.at(-1)?.content ?? "");
  const offered = ((body.tools ?? []) as { name: string }[]).map(({ name }) => name);
  const call = last.includes("tool_result") ? null : use(offered);
  const block =
    call === null
      ? { type: "text", text: "" }
      : { type: "tool_use", id: toolId(), name: call.name, input: {} };
  const delta =
    call === null
      ? { type: "text_delta", text: last.includes("tool_result") ? `TOLD ${last}` : "nothing to do" }
      : { type: "input_json_delta", partial_json: JSON.stringify(call.input) };
  const message = { id: "msg_1", type: "message", role: "assistant", model: body.model, content: [], usage };
  stream(answer, [
    ["message_start", { type: "message_start", message }],
    ["content_block_start", { type: "content_block_start", index: 0, content_block: block }],
    ["content_block_delta", { type: "content_block_delta", index: 0, delta }],
    ["content_block_stop", { type: "content_block_stop", index: 0 }],
    [
      "message_delta",
      { type: "message_delta", delta: { stop_reason: call === null ? "end_turn" : "tool_use" }, usage },
    ],
    ["message_stop", { type: "message_stop" }],
  ]);
}

function responses(
  answer: ServerResponse,
  body: Body,
  use: (offered: readonly string[]) => ToolUse | null,
): void {
  const input = JSON.stringify(body.input ?? "");
  const told = input.includes("function_call_output");
  const offered = ((body.tools ?? []) as { name?: string }[]).flatMap(({ name }) => name ?? []);
  const call = told ? null : use(offered);
  const item =
    call === null
      ? {
          type: "message",
          role: "assistant",
          id: "m1",
          content: [{ type: "output_text", text: `TOLD ${input.slice(-3_000)}` }],
        }
      : {
          type: "function_call",
          id: "f1",
          call_id: toolId(),
          name: call.name,
          ...(call.namespace && { namespace: call.namespace }),
          arguments: JSON.stringify(call.input),
        };
  const done = { id: "r1", usage: { ...usage, total_tokens: 20 } };
  stream(answer, [
    ["response.created", { type: "response.created", response: { id: "r1" } }],
    ["response.output_item.done", { type: "response.output_item.done", item }],
    ["response.completed", { type: "response.completed", response: done }],
  ]);
}

function completions(
  answer: ServerResponse,
  body: Body,
  use: (offered: readonly string[]) => ToolUse | null,
): void {
  const messages = body.messages as { role: string; content: unknown }[];
  const told = messages.some(({ role }) => role === "tool");
  const offered = ((body.tools ?? []) as { function: { name: string } }[]).map((tool) => tool.function.name);
  const call = told ? null : use(offered);
  const said = told
    ? `TOLD ${JSON.stringify(messages.filter(({ role }) => role === "tool"))}`
    : "nothing to do";
  const delta =
    call === null
      ? { role: "assistant", content: said }
      : {
          role: "assistant",
          tool_calls: [
            {
              index: 0,
              id: toolId(),
              type: "function",
              function: { name: call.name, arguments: JSON.stringify(call.input) },
            },
          ],
        };
  const base = { id: "c1", object: "chat.completion.chunk", created: 1, model: "fake-1" };
  const finish_reason = call === null ? "stop" : "tool_calls";
  if (body.stream !== true) {
    const message = { ...delta, content: call === null ? said : null };
    const total = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 };
    json(answer, {
      ...base,
      object: "chat.completion",
      choices: [{ index: 0, message, finish_reason }],
      usage: total,
    });
    return;
  }
  stream(answer, [
    [null, { ...base, choices: [{ index: 0, delta, finish_reason: null }] }],
    [
      null,
      {
        ...base,
        choices: [{ index: 0, delta: {}, finish_reason }],
        usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
      },
    ],
    [null, "[DONE]"],
  ]);
}

function gemini(
  answer: ServerResponse,
  path: string,
  body: Body,
  use: (offered: readonly string[]) => ToolUse | null,
): void {
  const contents = JSON.stringify(body.contents ?? "");
  const told = contents.includes("functionResponse");
  const offered = ((body.tools ?? []) as { functionDeclarations?: { name: string }[] }[]).flatMap((tool) =>
    (tool.functionDeclarations ?? []).map(({ name }) => name),
  );
  const call = told ? null : use(offered);
  const plain = path.includes("stream")
    ? `TOLD ${contents.slice(-3_000)}`
    : '{"reasoning":"x","model_choice":"flash"}';
  const part = call === null ? { text: plain } : { functionCall: { name: call.name, args: call.input } };
  const value = {
    candidates: [{ content: { role: "model", parts: [part] }, finishReason: "STOP", index: 0 }],
    usageMetadata: { promptTokenCount: 1, candidatesTokenCount: 1, totalTokenCount: 2 },
  };
  if (path.includes("stream")) stream(answer, [[null, value]]);
  else json(answer, value);
}

let count = 0;
/** New ones in each run too, as a provider's are. */
function toolId(): string {
  count += 1;
  return `toolu_${process.pid}_${Date.now()}_${count}`;
}
