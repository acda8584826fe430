import { type IncomingMessage, request } from "node:http";
import { ERRORS, Fault, REFUSALS } from "../../core/codes.ts";
import type { Json, JsonObject } from "../../core/json.ts";

/** How long the daemon may take to begin its answer, beyond what the question itself asks it to wait. */
const ANSWER_MS = 30_000;

interface Question {
  /** `any` is for reading, which both sockets allow: the reviewers' where the agents' is not open to this user. */
  readonly socket: "agent" | "reviewer" | "any";
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly body?: JsonObject;
  readonly token?: string;
  /** How long the daemon has been asked to wait before it answers, in milliseconds. */
  readonly wait_ms?: number;
}

export interface Client {
  /**
   * The daemon's answer. Rejects with the daemon's own faults, with `unreachable` when there is no daemon or it went
   * away before it answered, and with `not_allowed` when this user may not use the socket.
   */
  ask(question: Question): Promise<JsonObject>;
}

export function createClient(sockets: { agent: string; reviewer: string }): Client {
  return {
    async ask(question) {
      if (question.socket !== "any") return send(sockets[question.socket], question);
      try {
        return await send(sockets.agent, question);
      } catch (error) {
        if (error instanceof Fault && error.code === "not_allowed") return send(sockets.reviewer, question);
        throw error;
      }
    },
  };
}

/** The path of a request's route; the id is a person's or agent's text. */
export function requestPath(id: string, rest = ""): string {
  return `/v1/requests/${encodeURIComponent(id)}${rest}`;
}

function send(socketPath: string, { method, path, body, token, wait_ms = 0 }: Question): Promise<JsonObject> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const headers: Record<string, string> = { host: "countersign" };
  if (text !== undefined) {
    headers["content-type"] = "application/json";
    headers["content-length"] = String(Buffer.byteLength(text));
  }
  if (token !== undefined) headers.authorization = `Bearer ${token}`;
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath, method, path, headers, agent: false }, (answer) => {
      receive(answer).then(resolve, reject);
    });
    sent.setTimeout(wait_ms + ANSWER_MS, () => sent.destroy(new Error("no answer in time")));
    sent.on("error", (cause) => reject(faultOf(cause, socketPath)));
    sent.end(text);
  });
}

async function receive(answer: IncomingMessage): Promise<JsonObject> {
  const chunks: Buffer[] = [];
  let value: Json;
  try {
    for await (const chunk of answer) chunks.push(chunk as Buffer);
    value = JSON.parse(Buffer.concat(chunks).toString("utf8")) as Json;
  } catch (cause) {
    throw new Fault("unreachable", "The daemon's answer broke off.", undefined, { cause });
  }
  if (!isObject(value)) throw new Fault("internal", "The daemon's answer is not a JSON object.");
  if ((answer.statusCode ?? 500) < 400) return value;
  throw told(value);
}

/** The daemon's error as the same fault here. */
function told({ error }: JsonObject): Fault {
  if (error === undefined || !isObject(error)) return new Fault("internal");
  const { code, message, hint } = error;
  const known = typeof code === "string" && (Object.hasOwn(ERRORS, code) || Object.hasOwn(REFUSALS, code));
  if (!known)
    return new Fault("internal", String(message), "The daemon is of another version than this command.");
  return new Fault(code as Fault["code"], String(message), String(hint));
}

function faultOf(cause: Error, socketPath: string): Fault {
  const code = "code" in cause ? String(cause.code) : "";
  if (code === "EACCES" || code === "EPERM") {
    return new Fault(
      "not_allowed",
      `This user may not use the socket ${socketPath}.`,
      "Its owner can open the socket's directory to a group.",
      { cause },
    );
  }
  const absent = code === "ENOENT" || code === "ECONNREFUSED" || code === "ENOTDIR";
  const message = absent
    ? "No daemon is running for this vault."
    : "The daemon went away before it answered.";
  const hint = absent
    ? undefined
    : "What was asked may have been recorded: look with `countersign list` before asking again.";
  return new Fault("unreachable", message, hint, { cause });
}

function isObject(value: Json): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
