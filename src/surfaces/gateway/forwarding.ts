import { type CallToolResult, ProtocolError } from "@modelcontextprotocol/client";
import { Fault } from "../../core/codes.ts";
import { isJsonObject } from "../../core/json.ts";
import type { RequestView } from "../../core/view.ts";
import { isRefusal, recordable, recordOf, wasNotHeard, wordsOf } from "../../outgoing/mcp-result.ts";
import type { Outcome, Requester } from "../agent/requester.ts";
import { failing, told } from "./answer.ts";
import type { OfferedTool } from "./catalogue.ts";
import type { ProgressLine } from "./progress.ts";

/** A call whose approval has been consumed. */
export interface Order {
  readonly request: RequestView;
  readonly requester: Requester;
  readonly progress: ProgressLine | null;
}

export interface ForwardingPorts {
  /** The tool of that server, by the names in the record; null where there is none of ours. */
  readonly find: (server: string, tool: string) => Promise<OfferedTool | null>;
  /** Says what came of it; insists while the daemon is away. */
  readonly report: (requester: Requester, id: string, outcome: Outcome) => Promise<void>;
}

/** As long as a timer can be: how long a call may take is for the agent and the server to say. */
const CALL_MS = 2_147_483_647;

/**
 * Makes exactly the recorded call, once, and records what came of it: server, tool and input are those of the journal,
 * with what a person changed in them. Rejects with the server's own error where it answered with one.
 */
export async function forward(
  order: Order,
  ports: ForwardingPorts,
  signal: AbortSignal,
): Promise<CallToolResult> {
  const { request, requester } = order;
  const report = (outcome: Outcome) => ports.report(requester, request.id, outcome);
  const ready = await readyFor(order, ports, signal);
  if ("why" in ready) {
    await report({ failed: ready.why });
    return failing(`${request.id} was approved, and the tool was not called: ${ready.why}`, {
      "countersign/id": request.id,
    });
  }
  let answer: CallToolResult;
  try {
    answer = await ready.call();
  } catch (error) {
    const outcome = outcomeOfError(error, request, signal);
    await report(outcome);
    // What the server has said of it itself is the agent's to read.
    if (error instanceof ProtocolError) throw error;
    return failing(wordsFor(request, outcome), { "countersign/id": request.id });
  }
  await report(answer.isError === true ? { failed: wordsOf(answer) } : { result: recordOf(answer) });
  return told(answer, request);
}

type Ready = { readonly why: string } | { readonly call: () => Promise<CallToolResult> };

/** Up to here nothing has been sent, so that everything that is wrong is a plain failure. */
async function readyFor(order: Order, { find }: ForwardingPorts, signal: AbortSignal): Promise<Ready> {
  const { request, requester, progress } = order;
  const { server, tool: name, input } = request.params;
  if (typeof server !== "string" || typeof name !== "string" || !isJsonObject(input)) {
    return { why: "what was approved is not a call of a tool." };
  }
  try {
    const tool = await find(server, name);
    if (tool === null) return { why: `there is no tool ${name} of ${server} behind this gateway.` };
    if (tool.changed)
      return { why: `the description of ${name} has changed, and nobody has accepted it yet.` };
    const grant = await requester.proof(request.id);
    const constraints = request.verdict?.constraints ?? null;
    if (signal.aborted) return { why: "it was cancelled before." };
    const said = {
      name,
      arguments: { ...input },
      // What the agent has said beside the call nobody has seen, so none of it goes along.
      _meta: {
        "countersign/id": request.id,
        "countersign/idempotency-key": request.id,
        "countersign/grant": grant,
        ...(constraints && { "countersign/constraints": { ...constraints } }),
      },
    };
    const options = {
      signal,
      timeout: Math.min(CALL_MS, (constraints?.max_runtime_sec ?? CALL_MS) * 1_000),
      // Whether the result fits the tool's schema is for the agent's client to judge.
      toolDefinition: withoutOutputSchema(tool),
      ...(progress !== null && { onprogress: progress.pass }),
    };
    return { call: () => tool.upstream.use((client) => client.callTool(said, options)) };
  } catch (error) {
    return { why: recordable(error instanceof Error ? error.message : String(error)) };
  }
}

function withoutOutputSchema({ shown }: OfferedTool): OfferedTool["shown"] {
  const { outputSchema: _, ...rest } = shown;
  return rest;
}

function outcomeOfError(
  error: unknown,
  { verdict, decision, params }: RequestView,
  signal: AbortSignal,
): Outcome {
  const why = recordable(error instanceof Error ? error.message : String(error));
  if (isRefusal(error)) return { failed: `The MCP server does not take it: ${why}` };
  if (error instanceof Fault || wasNotHeard(error))
    return { failed: `The MCP server was not reached: ${why}` };
  const broken: unknown = signal.aborted ? signal.reason : error;
  const cause = `The tool was called, but there is no result: ${broken instanceof Error ? broken.message : why}`;
  // Where the policy needs nobody and the tool only reads, nobody has to find out either.
  const reads = isJsonObject(params.hints) && params.hints.read_only === true;
  return decision === null && verdict !== null && reads ? { failed: cause } : { unknown: cause };
}

function wordsFor({ id }: RequestView, outcome: Outcome): string {
  if ("unknown" in outcome) {
    return `${id} was begun, and what came of it is not known. ${outcome.unknown} A person finds out; never do it again by yourself.`;
  }
  return `${id} failed. ${"failed" in outcome ? outcome.failed : ""}`;
}
