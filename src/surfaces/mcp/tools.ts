import {
  type CallToolResult,
  fromJsonSchema,
  type McpServer,
  type ServerContext,
} from "@modelcontextprotocol/server";
import type { JsonObject } from "../../core/json.ts";
import type { RequestView } from "../../core/view.ts";
import { parseStrictJson } from "../../document/json.ts";
import type { Held, HeldCalls, Holding } from "../agent/held-calls.ts";
import type { Outcome, Requester } from "../agent/requester.ts";
import { ANSWER_SCHEMA, answer, brief, failure } from "./answer.ts";
import { permissionPrompt } from "./permission-prompt.ts";

const text = { type: "string", minLength: 1 } as const;
const id = { ...text, description: "The request's id." } as const;
const timeout_s = {
  type: "number",
  exclusiveMinimum: 0,
  description: "How long to wait for an answer in this call, in seconds; the request itself goes on waiting.",
} as const;

/** Reading changes nothing; asking puts a note before a person, and may end in something being done. */
const READS = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false };
const ASKS = { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: false };

/** What the tools work with: whoever asks in one call of theirs. */
interface Connection {
  readonly held: HeldCalls;
  who(ctx: ServerContext): Requester;
  /** A request of theirs. Gives not_found for everybody else's. */
  own(ctx: ServerContext, id: string): Promise<RequestView>;
  /** Waits as long as the client lets a call last, and keeps it awake meanwhile. */
  waiting(
    ctx: ServerContext,
    asked_s: number | undefined,
    work: (holding: Holding) => Promise<Held>,
  ): Promise<Held>;
}

export function addTools(server: McpServer, { held, who, own, waiting }: Connection): void {
  server.registerTool(
    "request_approval",
    {
      title: "Ask for an action",
      description:
        "Asks a person to approve an action, and waits for the answer. The same call again, while it waits, is the same request.",
      inputSchema: fromJsonSchema<{
        kind: string;
        params?: JsonObject;
        title?: string;
        key?: string;
        previous?: string;
        timeout_s?: number;
      }>({
        type: "object",
        required: ["kind"],
        additionalProperties: false,
        properties: {
          kind: { ...text, description: "The kind of action, as the operator configured it." },
          params: { type: "object", description: "The action's params: exactly what would be done." },
          title: { ...text, description: "One line that a person reads first." },
          key: { ...text, description: "Makes asking twice the same as asking once, for ever." },
          previous: {
            ...text,
            description: "The id of the request that was refused and that this one changes.",
          },
          timeout_s,
        },
      }),
      outputSchema: fromJsonSchema(ANSWER_SCHEMA),
      annotations: { ...ASKS, destructiveHint: true },
    },
    ({ kind, params, title, key, previous, timeout_s }, ctx) =>
      told(async () => {
        const action = {
          kind,
          params: plain(params ?? {}),
          ...(title !== undefined && { title }),
          ...(key !== undefined && { key }),
          ...(previous !== undefined && { previous }),
        };
        const { request, begun } = await waiting(ctx, timeout_s, (holding) =>
          held.hold(who(ctx), action, { ...holding, lasting: key !== undefined }),
        );
        return answer(request, begun);
      }),
  );

  server.registerTool(
    "wait_for_approval",
    {
      title: "Wait for an answer",
      description: "Waits on for a request that was pending.",
      inputSchema: fromJsonSchema<{ id: string; timeout_s?: number }>({
        type: "object",
        required: ["id"],
        additionalProperties: false,
        properties: { id, timeout_s },
      }),
      outputSchema: fromJsonSchema(ANSWER_SCHEMA),
      annotations: ASKS,
    },
    ({ id, timeout_s }, ctx) =>
      told(async () => {
        await own(ctx, id);
        const { request, begun } = await waiting(ctx, timeout_s, (holding) =>
          held.holdById(who(ctx), id, holding),
        );
        return answer(request, begun);
      }),
  );

  server.registerTool(
    "check_approval",
    {
      title: "Look at a request",
      description: "Says how a request stands, without waiting.",
      inputSchema: fromJsonSchema<{ id: string }>(onlyId()),
      outputSchema: fromJsonSchema(ANSWER_SCHEMA),
      annotations: READS,
    },
    ({ id }, ctx) => told(async () => answer(await own(ctx, id))),
  );

  server.registerTool(
    "list_requests",
    {
      title: "List open requests",
      description: "Your requests that are not final yet, oldest first.",
      inputSchema: fromJsonSchema<object>({ type: "object", additionalProperties: false }),
      outputSchema: fromJsonSchema({
        type: "object",
        required: ["requests"],
        properties: { requests: { type: "array", items: { type: "object" } } },
      }),
      annotations: READS,
    },
    (_none, ctx) =>
      told(async () => {
        const requests = (await who(ctx).open()).map(brief);
        return {
          content: [{ type: "text", text: JSON.stringify({ requests }) }],
          structuredContent: { requests },
        };
      }),
  );

  server.registerTool(
    "cancel_request",
    {
      title: "Withdraw a request",
      description: "Withdraws a request of yours that has not been begun.",
      inputSchema: fromJsonSchema<{ id: string; reason?: string }>({
        type: "object",
        required: ["id"],
        additionalProperties: false,
        properties: { id, reason: { ...text, description: "Why it is not needed any more." } },
      }),
      outputSchema: fromJsonSchema(ANSWER_SCHEMA),
      annotations: { ...ASKS, idempotentHint: true },
    },
    ({ id, reason }, ctx) =>
      told(async () => {
        await own(ctx, id);
        return answer(await who(ctx).withdraw(id, reason ?? "withdrawn by who asked"));
      }),
  );

  server.registerTool(
    "report_outcome",
    {
      title: "Say what came of it",
      description: "Says what came of an action that you carried out yourself after `proceed: true`.",
      inputSchema: fromJsonSchema<{
        id: string;
        outcome: "done" | "failed" | "unknown";
        result?: unknown;
        error?: string;
      }>({
        type: "object",
        required: ["id", "outcome"],
        additionalProperties: false,
        properties: {
          id,
          outcome: {
            enum: ["done", "failed", "unknown"],
            description: "unknown: it may have happened, and you cannot tell. A person finds out.",
          },
          result: { description: "With done: what came of it, as JSON." },
          error: { ...text, description: "With failed and unknown: why." },
        },
      }),
      outputSchema: fromJsonSchema(ANSWER_SCHEMA),
      annotations: { ...ASKS, idempotentHint: true },
    },
    ({ id, outcome, result, error }, ctx) =>
      told(async () => {
        await own(ctx, id);
        const said = (): Outcome => {
          if (outcome === "done") return { result: plain(result ?? null) };
          if (outcome === "failed") return { failed: error ?? "It failed without saying why." };
          return { unknown: error ?? "It does not say why." };
        };
        return answer(await who(ctx).report(id, said()));
      }),
  );

  server.registerTool(
    "permission_prompt",
    {
      title: "Ask for a tool call",
      description: "For a client's permission prompts (--permission-prompt-tool): answers allow or deny.",
      inputSchema: fromJsonSchema<{ tool_name?: unknown; input?: unknown; tool_use_id?: unknown }>({
        type: "object",
      }),
      annotations: ASKS,
    },
    (asked, ctx) =>
      permissionPrompt(asked, who(ctx), (action) =>
        waiting(ctx, undefined, (holding) => held.hold(who(ctx), action, holding)),
      ),
  );
}

function onlyId() {
  return { type: "object", required: ["id"], additionalProperties: false, properties: { id } } as const;
}

async function told(work: () => Promise<CallToolResult>): Promise<CallToolResult> {
  try {
    return await work();
  } catch (error) {
    return failure(error);
  }
}

/** Held to what the daemon takes, so that what is refused is refused with the place. */
function plain<T>(value: T): T & JsonObject {
  return parseStrictJson(JSON.stringify(value)) as T & JsonObject;
}
