import type { CallToolResult } from "@modelcontextprotocol/server";
import { tellChanges } from "../../core/amendment.ts";
import { Fault } from "../../core/codes.ts";
import { isJsonObject, type JsonObject } from "../../core/json.ts";
import type { RequestView } from "../../core/view.ts";
import { meaning } from "../agent/meaning.ts";

/** After how long it makes sense to call again. */
const RETRY_AFTER_S = 5;

const SAME_CALL = "make the same call again, with the same arguments";
const WORDS = { wait: SAME_CALL, again: "Make the call again with the changes" };

/** A no, or whatever else came of a request that this call does not carry out. */
export function refusal(request: RequestView): CallToolResult {
  return failing(meaning(request, WORDS), { "countersign/id": request.id });
}

/**
 * That nothing is decided, or done, yet. A client holds what is no error against the tool's output schema, and would
 * throw this away.
 */
export function pending(request: Pick<RequestView, "id" | "title">, structured: boolean): CallToolResult {
  const text = `${request.id} is pending: it waits for a person to decide about “${request.title}”. Nothing was done. To go on waiting, ${SAME_CALL}.`;
  return later(request.id, text, structured);
}

export function underWay(id: string, structured: boolean): CallToolResult {
  return later(
    id,
    `${id} is being carried out, and is not done yet. For its result, ${SAME_CALL}.`,
    structured,
  );
}

function later(id: string, text: string, structured: boolean): CallToolResult {
  return {
    ...(structured && { isError: true }),
    content: [{ type: "text", text }],
    _meta: { "countersign/pending": { id, retry_after_s: RETRY_AFTER_S } },
  };
}

/** An error of ours as the model reads it; what it stands for was never passed on. */
export function failure(error: unknown, hint?: string): CallToolResult {
  const fault = error instanceof Fault ? error : new Fault("internal");
  return failing(`${fault.message} ${hint ?? fault.hint} [${fault.code}] The tool was not called.`);
}

export function failing(text: string, _meta?: Record<string, unknown>): CallToolResult {
  return { isError: true, content: [{ type: "text", text }], ...(_meta && { _meta }) };
}

/** What the server answered, with the request's id, and with what a person made of the input. */
export function told(answer: CallToolResult, request: RequestView): CallToolResult {
  const _meta = { ...answer._meta, "countersign/id": request.id };
  if (request.amended.length === 0) return { ...answer, _meta };
  const [from, to] = [sideOf(request, "from"), sideOf(request, "to")];
  const changes = tellChanges(from, to, "now").join("; ").replaceAll("**", "");
  const text = `Countersign: ${request.amended_by ?? "a person"} changed this call before it was made: ${changes}.`;
  return { ...answer, content: [...answer.content, { type: "text", text }], _meta };
}

function sideOf({ amended }: RequestView, side: "from" | "to"): JsonObject {
  return Object.fromEntries(
    amended.flatMap((change) => {
      const value = change[side];
      return value === undefined ? [] : [[change.param, value]];
    }),
  );
}

/** What was recorded of a call that another process carried out. */
export function recorded(request: RequestView, structured: boolean): CallToolResult {
  const { result } = request;
  const text = typeof result === "string" ? result : JSON.stringify(result);
  const isStructured = structured && isJsonObject(result);
  return told(
    { content: [{ type: "text", text }], ...(isStructured && { structuredContent: { ...result } }) },
    request,
  );
}
