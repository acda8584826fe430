import { createHash } from "node:crypto";
import type { RequestView } from "../../core/view.ts";
import { actionOf, isSameCall } from "../agent/tool-call.ts";
import type { After, Before, End } from "./dialect.ts";

/**
 * The key of a call's request. It says whose session and which call it is, so that a second hook for the same call finds
 * the first one's request, and what comes after the call finds it again: `session/call or dialog/which/what`.
 */
export function keyOf({ session, callId, moment, call, dialog }: Before): string {
  const { kind, params } = actionOf(call);
  const what = hash(JSON.stringify([kind, params]));
  return [hash(session), dialog ? "dialog" : "call", hash(callId ?? moment ?? ""), what].join("/");
}

/** What ends with a session, or with its turn: no dialog of the agent's outlives that. */
export function endsWith({ key }: RequestView, { session, turn }: End): boolean {
  return (key ?? "").startsWith(turn ? `${hash(session)}/dialog/` : `${hash(session)}/`);
}

/** Whether this is the request of the call that has been made. */
export function isOf(request: RequestView, { session, callId, call }: After): boolean {
  const [inSession, , which] = (request.key ?? "").split("/");
  if (inSession !== hash(session)) return false;
  if (callId !== null && which === hash(callId)) return true;
  const { kind, params } = actionOf(call);
  return request.kind === kind && isSameCall(request.params, params);
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 20);
}
