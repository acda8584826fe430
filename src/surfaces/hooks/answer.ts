import { Fault } from "../../core/codes.ts";
import { formatDuration } from "../../core/duration.ts";
import { isJsonObject, type Json, type JsonObject } from "../../core/json.ts";
import type { RequestView } from "../../core/view.ts";
import { parseStrictJson } from "../../document/json.ts";
import { meaning } from "../agent/meaning.ts";
import type { Asked, Requester } from "../agent/requester.ts";
import { actionOf, approvedInput, isHarmless } from "../agent/tool-call.ts";
import { endsWith, isOf, keyOf } from "./call-key.ts";
import type { After, Before, Dialect, End, HookEvent } from "./dialect.ts";

/** What the hook's process says and ends with. */
export interface HookAnswer {
  readonly out: string;
  readonly err: string;
  readonly exit: number;
}

export interface HookPorts {
  readonly dialect: Dialect;
  readonly requester: Requester;
  readonly now: () => number;
  readonly random: () => string;
  /** How long to wait for a decision: shorter than the agent lets its hook take. */
  readonly timeout_ms: number;
  /** How long the request lives, where that is not for the configuration to say. */
  readonly expires_in_ms: number | null;
  /** Answers at once that a person decides later; the agent's driver resumes the session. */
  readonly defer: boolean;
  /** Aborts when the agent is gone. */
  readonly gone: AbortSignal;
}

/** Two hooks for one call come within this time of each other; what comes later is another call. */
const TWINS_MS = 10_000;

/** How many requests of one call there may be: each one behind the first is one that was made and ended. */
const AGAIN_LIMIT = 3;

/** Never rejects: whatever goes wrong is a no with its reason, in every way in which an agent could hear it. */
export async function answerHook(text: string, ports: HookPorts): Promise<HookAnswer> {
  let event: HookEvent | null = null;
  try {
    event = eventIn(text, ports.dialect);
    if (event.type === "after") return silent(await settle(event, ports));
    if (event.type === "end") return silent(await end(event, ports));
    if (event.type === "none" || isHarmless(event.call)) return silent(ports.dialect.pass(event));
    return await decide(event, ports);
  } catch (error) {
    const why = sentenceOf(error);
    if (event === null || event.type === "before") return denied(ports.dialect, event, why);
    // Nothing is left to refuse: the person is told, and the agent is not held up.
    return { out: ports.dialect.pass(event), err: `Countersign: ${why}\n`, exit: 1 };
  }
}

/** The no that every agent heeds: its own JSON, the reason on standard error too, and exit code 2. */
export function denied(dialect: Dialect, before: Before | null, why: string): HookAnswer {
  const reason = `Countersign: ${why}`;
  return { out: dialect.deny(before, reason), err: `${reason}\n`, exit: 2 };
}

function silent(out: string): HookAnswer {
  return { out, err: "", exit: 0 };
}

function sentenceOf(error: unknown): string {
  if (error instanceof Fault) return `${error.message} ${error.hint} Nothing was approved.`;
  return "The hook itself failed, so nothing was approved.";
}

function eventIn(text: string, dialect: Dialect): HookEvent {
  try {
    return dialect.read(inputOf(parseStrictJson(text)));
  } catch (error) {
    const after = afterIn(text, dialect);
    if (after === null) throw error;
    return after;
  }
}

/** What a tool gave may hold what no action may, such as a number beyond what is exact: that it ran must not get lost over it. */
function afterIn(text: string, dialect: Dialect): After | null {
  try {
    const event = dialect.read(inputOf(JSON.parse(text) as Json));
    return event.type === "after" ? event : null;
  } catch {
    return null;
  }
}

function inputOf(value: Json): JsonObject {
  if (isJsonObject(value)) return value;
  throw new Fault("invalid_json", "The hook's input is not a JSON object.");
}

async function decide(event: Before, ports: HookPorts): Promise<HookAnswer> {
  const { dialect, requester, timeout_ms } = ports;
  const { request, created } = await ask(event, ports);
  if (request.executor === "daemon") {
    await requester.withdraw(request.id, "an agent's call cannot be carried out by the daemon").catch(noop);
    const hint = `Give the action ${request.kind} \`caller: true\` in countersign.yaml.`;
    throw new Fault("not_caller", undefined, hint);
  }
  if (ports.defer && dialect.defer !== undefined && request.status === "pending") {
    return silent(dialect.defer(event));
  }
  const end = performance.now() + timeout_ms;
  for (let known = request; ; ) {
    if (known.status === "executing" && isTwin(event, known, ports.now())) return allow(event, known, ports);
    const decided = await waitFor(known.id, end, created, ports);
    if (decided === "gone") return denied(dialect, event, "The agent went away before anybody decided.");
    if (decided === "late") {
      return denied(dialect, event, `No decision within ${formatDuration(timeout_ms)}; nobody approved.`);
    }
    if (!UNDECIDED.has(decided.status)) return denied(dialect, event, meaning(decided));
    const answer = decided.status === "approved" ? await carryOut(event, decided, ports) : null;
    if (answer !== null) return answer;
    known = decided;
  }
}

const UNDECIDED: ReadonlySet<RequestView["status"]> = new Set(["pending", "approved", "executing"]);

/** Asks, or finds what another hook for the same call asked. */
async function ask(
  event: Before,
  { requester, now, random, expires_in_ms, defer }: HookPorts,
): Promise<Asked> {
  const action = actionOf(event.call);
  const params = defer ? { ...action.params, resume: `claude -p --resume ${event.session}` } : action.params;
  const base = keyOf(event);
  for (let key = base, tries = 0; tries < AGAIN_LIMIT; key = `${base}/${random()}`, tries += 1) {
    const expires = expires_in_ms === null ? {} : { expires_in_ms };
    const asked = await requester.ask({ ...action, params, key, ...expires });
    if (asked.created || (asked.own && standsFor(event, asked.request, now()))) return asked;
  }
  throw new Fault("internal", "No request could be made for this call.");
}

/** Whether a request that this call's key finds is an answer to it, or one to an earlier call that looks the same. */
function standsFor(event: Before, request: RequestView, now: number): boolean {
  switch (request.status) {
    case "pending":
    case "approved":
      return event.callId !== null || now - Date.parse(request.created) <= TWINS_MS;
    case "executing":
      return isTwin(event, request, now);
    // A no to this very call stays one, however long it took to be read.
    case "rejected":
    case "changes_requested":
    case "denied":
    case "expired":
      return event.callId !== null || now - Date.parse(request.created) <= TWINS_MS;
    default:
      return false;
  }
}

/** Whether another hook for the same call has just consumed the approval: without an id of the call nobody knows. */
function isTwin({ callId }: Before, { started_at }: RequestView, now: number): boolean {
  return callId !== null && started_at !== null && now - Date.parse(started_at) <= TWINS_MS;
}

/** Waits for news; one of two hooks for a call looks up in between whether the other has begun it. */
async function waitFor(
  id: string,
  end: number,
  alone: boolean,
  { requester, timeout_ms, gone }: HookPorts,
): Promise<RequestView | "gone" | "late"> {
  const left = end - performance.now();
  try {
    return await requester.wait(id, {
      timeout_ms: Math.max(0, alone ? left : Math.min(left, TWINS_MS / 2)),
      signal: gone,
    });
  } catch (error) {
    if (gone.aborted) {
      await requester.withdraw(id, "agent went away").catch(noop);
      return "gone";
    }
    if (!(error instanceof Fault && error.code === "no_answer")) throw error;
    if (performance.now() < end) return requester.show(id);
    // Nobody is left who would act on a yes.
    await requester.withdraw(id, `no decision within ${formatDuration(timeout_ms)}`).catch(noop);
    return "late";
  }
}

/** Consumes the approval, and lets the agent go on with what was approved; null where the wait goes on. */
async function carryOut(event: Before, approved: RequestView, ports: HookPorts): Promise<HookAnswer | null> {
  const { dialect, requester, gone } = ports;
  const { id } = approved;
  if (!takesOver(event, approved, dialect)) {
    await requester.withdraw(id, "the agent cannot take over the changes").catch(noop);
    const changed = JSON.stringify(approved.params);
    return denied(
      dialect,
      event,
      `Approved with changes that this hook cannot make. Call it again as: ${changed}`,
    );
  }
  if (gone.aborted) {
    await requester.withdraw(id, "agent went away").catch(noop);
    return denied(dialect, event, "The agent went away.");
  }
  let begun: RequestView;
  try {
    begun = await requester.begin(id);
  } catch (error) {
    const code = error instanceof Fault ? error.code : null;
    if (code === "already_started") {
      const now = await requester.show(id);
      if (isTwin(event, now, ports.now())) return allow(event, now, ports);
    }
    // Taken back in the last moment, or the daemon is just away.
    if (code === "not_approved" || code === "unreachable") return null;
    await requester.withdraw(id, "the agent was told that it may not").catch(noop);
    throw error;
  }
  return begun.status === "executing" ? allow(event, begun, ports) : denied(dialect, event, meaning(begun));
}

/** Whether this hook can make the agent do what was approved, and nothing else. */
function takesOver(
  { call, editable }: Before,
  { amended, params }: RequestView,
  { merges }: Dialect,
): boolean {
  if (amended.length === 0) return true;
  const input = approvedInput(call, params);
  if (!editable || input === null) return false;
  return merges === undefined || Object.keys(call.input).every((name) => name in input);
}

async function allow(
  event: Before,
  begun: RequestView,
  { dialect, requester }: HookPorts,
): Promise<HookAnswer> {
  if (begun.decision === null) {
    // The policy needs nobody, so it has no opinion: what the agent's own rules make of it is not followed up.
    await requester.report(begun.id, { result: { passed_to: requester.name } }).catch(noop);
    return silent(dialect.pass(event));
  }
  const input = approvedInput(event.call, begun.params);
  if (input === null || !takesOver(event, begun, dialect)) {
    return denied(dialect, event, "What was approved is not this call.");
  }
  const reason = `Approved by ${begun.decision.reviewer} (${begun.id}).`;
  return silent(dialect.allow(event, begun.amended.length > 0 ? input : null, reason));
}

/** Says what came of a call; a request that still waits was answered somewhere else, and is withdrawn. */
async function settle(event: After, { requester, dialect }: HookPorts): Promise<string> {
  const found = (await requester.open()).filter((request) => isOf(request, event));
  const begun = found.find(({ status }) => status === "executing");
  if (begun !== undefined) await requester.report(begun.id, event.outcome).catch(noop);
  else {
    for (const { id, status } of found) {
      if (status === "pending" || status === "approved") {
        await requester.withdraw(id, "answered in the agent's own dialog").catch(noop);
      }
    }
  }
  return dialect.pass({ type: "none" });
}

async function end(event: End, { requester, dialect }: HookPorts): Promise<string> {
  for (const request of await requester.open()) {
    // A deferred call waits for a session that is to be resumed.
    if (request.status !== "pending" || "resume" in request.params || !endsWith(request, event)) continue;
    const because = event.turn ? "answered in the agent's own dialog" : "the agent's session ended";
    await requester.withdraw(request.id, because).catch(noop);
  }
  return dialect.pass({ type: "none" });
}

/** What could not be withdrawn or reported is decided, ended, or expires by itself. */
function noop(): void {}
