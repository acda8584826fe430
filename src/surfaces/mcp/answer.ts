import type { CallToolResult } from "@modelcontextprotocol/server";
import { Fault } from "../../core/codes.ts";
import type { Json, JsonObject } from "../../core/json.ts";
import type { RequestView } from "../../core/view.ts";
import { meaning, reasonOf } from "../agent/meaning.ts";

/** After how long it makes sense to ask again about what is still pending. */
const RETRY_AFTER_S = 5;

/** What every tool that is about one request answers, as a JSON Schema. */
export const ANSWER_SCHEMA = {
  type: "object",
  properties: {
    id: { type: "string", description: "The request's id." },
    status: {
      type: "string",
      description:
        "pending: nothing is decided yet. executing: approved, and yours to carry out now. executed: done. Everything else: do not do it.",
    },
    proceed: {
      type: "boolean",
      description: "True only where you are to carry the action out yourself, now, once.",
    },
    message: { type: "string", description: "What this means, and what to do next." },
    title: { type: "string" },
    kind: { type: "string" },
    params: {
      type: "object",
      description: "The action as it stands: with `proceed`, exactly what may be done.",
    },
    amended: { type: "boolean", description: "Whether a person changed the params." },
    decided_by: { type: ["string", "null"] },
    reason: { type: ["string", "null"], description: "The reviewer's reason, or the policy's." },
    shadow: {
      type: ["string", "null"],
      description:
        "Set where nobody was asked only because the operator tries the rules: what they would have said.",
    },
    result: { description: "What came of it, where the daemon carried it out." },
    error: { type: ["string", "null"] },
    retry_after_s: {
      type: ["number", "null"],
      description: "Set while it waits: ask again after this long.",
    },
  },
  required: ["id", "status", "proceed", "message", "title", "kind", "params", "amended", "retry_after_s"],
} as const;

/** A request as an agent is told of it; `proceed` where it has just become the caller's to carry out. */
export function answer(request: RequestView, proceed = false): CallToolResult {
  const { id, status, title, kind, params, amended, decision, result, error, shadow } = request;
  const told: JsonObject = {
    id,
    status,
    proceed,
    message: meaning(request, { proceed }),
    title,
    kind,
    params,
    amended: amended.length > 0,
    decided_by: decision?.reviewer ?? null,
    reason: reasonOf(request),
    shadow: shadow === null ? null : (request.verdict?.reason ?? null),
    result,
    error,
    retry_after_s: isWaiting(request) ? RETRY_AFTER_S : null,
  };
  return {
    content: [{ type: "text", text: `${told.message}\n${JSON.stringify(told)}` }],
    structuredContent: told,
  };
}

function isWaiting({ status }: RequestView): boolean {
  return status === "pending" || status === "approved" || status === "executing";
}

/** An error as the model reads it: one sentence and what to do. */
export function failure(error: unknown): CallToolResult {
  const { code, message, hint } = error instanceof Fault ? error : new Fault("internal");
  return {
    isError: true,
    content: [{ type: "text", text: `${message} ${hint} [${code}] Nothing was approved.` }],
  };
}

/** A list of requests, without their history. */
export function brief({ id, status, title, kind, created, expires }: RequestView): { [name: string]: Json } {
  return { id, status, title, kind, created, expires };
}
