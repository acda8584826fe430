import type { ClientRequest, IncomingMessage, RequestOptions } from "node:http";
import { ERRORS } from "../../core/codes/errors.ts";
import { REFUSALS } from "../../core/codes/refusals.ts";
import { Fault } from "../../core/codes.ts";
import { isJsonObject, type Json, type JsonObject } from "../../core/json.ts";
import { BODY_LIMIT_BYTES } from "../body-limit.ts";

// An import of it would make all that it exports, Node's own fetch among them: more than the rest of a command's start.
const { request } = process.getBuiltinModule("node:http");

/** How long the daemon may take to begin its answer, beyond what the question itself asks it to wait. */
const ANSWER_MS = 30_000;

/** Where a daemon is asked: one of its sockets, or its address with the token that lets the caller in. */
export type Place = { readonly socket: string } | { readonly url: URL; readonly token: string };

export interface Question {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly body?: JsonObject;
  /** What only the requester has. */
  readonly token?: string;
  /** How long the daemon has been asked to wait before it answers, in milliseconds. */
  readonly wait_ms?: number;
  readonly signal?: AbortSignal;
}

export interface Client {
  /**
   * The daemon's answer. Rejects with the daemon's own faults, with `unreachable` when there is no daemon or it went
   * away before it answered, and with `not_allowed` when this user may not use the socket.
   */
  ask(question: Question & { readonly socket: "agent" | "reviewer" | "any" }): Promise<JsonObject>;
}

/** `any` is for reading, which both sockets allow: the reviewers' where the agents' is not open to this user. */
export function createClient(sockets: { agent: string; reviewer: string }): Client {
  return {
    async ask(question) {
      const through = (name: "agent" | "reviewer") => askAt({ socket: sockets[name] }, question);
      if (question.socket !== "any") return through(question.socket);
      try {
        return await through("agent");
      } catch (error) {
        if (error instanceof Fault && error.code === "not_allowed") return through("reviewer");
        throw error;
      }
    },
  };
}

/** The path of a request's route; the id is a person's or agent's text. */
export function requestPath(id: string, rest = ""): string {
  return `/v1/requests/${encodeURIComponent(id)}${rest}`;
}

/** Whether a question cannot have been heard, so that asking it again cannot be asking twice. */
export function wasNeverHeard(error: unknown): boolean {
  if (!(error instanceof Fault)) return false;
  return error.code === "busy" || (error.code === "unreachable" && isAbsence(error.cause));
}

/** Asks once. Rejects as `Client.ask` does, and with the signal's reason when that aborts. */
export async function askAt(place: Place, question: Question): Promise<JsonObject> {
  const { path, body, token, wait_ms = 0, signal } = question;
  signal?.throwIfAborted();
  const text = body === undefined ? undefined : textOf(body);
  const headers: Record<string, string> = {};
  if (text !== undefined) {
    headers["content-type"] = "application/json";
    const length = Buffer.byteLength(text);
    if (length > BODY_LIMIT_BYTES) throw new Fault("too_large");
    headers["content-length"] = String(length);
  }
  if (token !== undefined) headers["requester-token"] = token;
  const send =
    "url" in place && place.url.protocol === "https:" ? (await import("node:https")).request : request;
  return new Promise((resolve, reject) => {
    const options: RequestOptions = {
      ...addressOf(place, path, headers),
      method: question.method,
      agent: false,
    };
    const sent: ClientRequest = send({ ...options, ...(signal && { signal }) }, (answer) => {
      receive(answer).then(resolve, (error) => reject(signal?.aborted ? signal.reason : error));
    });
    sent.setTimeout(wait_ms + ANSWER_MS, () => sent.destroy(new Error("no answer in time")));
    sent.on("error", (cause) => reject(signal?.aborted ? signal.reason : faultOf(cause, place)));
    sent.end(text);
  });
}

function textOf(body: JsonObject): string {
  try {
    return JSON.stringify(body);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message.split("\n", 1)[0] : "it cannot be read";
    throw new Fault("invalid_json", `What is to be sent has no form as JSON: ${why}.`, undefined, { cause });
  }
}

/** A token as it can go into a header. Gives `usage` for any other: it would be found out only when it is needed. */
export function sendable(token: string): string {
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new Fault(
    "usage",
    "A token is one line of ASCII without blanks.",
    "If it is read from a file, take off the line's end.",
  );
}

function addressOf(place: Place, path: string, headers: Record<string, string>): RequestOptions {
  if ("socket" in place)
    return { socketPath: place.socket, path, headers: { ...headers, host: "countersign" } };
  const { url, token } = place;
  const base = url.pathname.replace(/\/$/, "");
  return {
    // Brackets belong to the address as it is written, not to the address.
    hostname: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: url.port,
    path: `${base}${path}`,
    headers: { ...headers, host: url.host, authorization: `Bearer ${token}` },
  };
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
  if (!isJsonObject(value)) throw new Fault("internal", "The daemon's answer is not a JSON object.");
  if ((answer.statusCode ?? 500) < 400) return value;
  throw told(value);
}

/** The daemon's error as the same fault here. */
function told({ error }: JsonObject): Fault {
  if (error === undefined || !isJsonObject(error)) return new Fault("internal");
  const { code, message, hint } = error;
  const known = typeof code === "string" && (Object.hasOwn(ERRORS, code) || Object.hasOwn(REFUSALS, code));
  if (!known)
    return new Fault("internal", String(message), "The daemon is of another version than this program.");
  return new Fault(code as Fault["code"], String(message), String(hint));
}

function faultOf(cause: Error, place: Place): Fault {
  const code = "code" in cause ? String(cause.code) : "";
  if ("socket" in place && (code === "EACCES" || code === "EPERM")) {
    return new Fault(
      "not_allowed",
      `This user may not use the socket ${place.socket}.`,
      "Its owner can open the socket's directory to a group.",
      { cause },
    );
  }
  if (!isAbsence(cause)) {
    const hint = "What was asked may have been recorded: look with `countersign list` before asking again.";
    return new Fault("unreachable", "The daemon went away before it answered.", hint, { cause });
  }
  if (code === BUSY) {
    return new Fault("unreachable", "More ask the daemon at once than it takes.", "Ask again.", { cause });
  }
  const message =
    "socket" in place ? "No daemon is running for this vault." : `No daemon answers at ${place.url.origin}.`;
  return new Fault("unreachable", message, undefined, { cause });
}

/** What a Unix socket says to whom it cannot even put into its queue. */
const BUSY = "EAGAIN";

/** Nobody was there to hear it. */
function isAbsence(cause: unknown): boolean {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  return ["ENOENT", "ECONNREFUSED", "ENOTDIR", "ENOTFOUND", "EHOSTUNREACH", BUSY].includes(code);
}
