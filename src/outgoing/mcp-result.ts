import { createHash } from "node:crypto";
import {
  type CallToolResult,
  ProtocolError,
  SdkError,
  SdkErrorCode,
  SdkHttpError,
} from "@modelcontextprotocol/client";
import type { Json } from "../core/json.ts";
import { recordableResult, recordableWords } from "../document/recordable.ts";

/** JSON-RPC: the server has not understood, or not taken, what it was asked. */
const NOT_TAKEN = new Set([-32_700, -32_600, -32_601, -32_602]);

const WORDS_CHARACTERS = 2_000;

/** There was nobody who could have heard it. */
const NOT_HEARD = new Set(["ECONNREFUSED", "ENOTFOUND", "EHOSTUNREACH", "ENETUNREACH"]);

/** Whether the server said that it has not done what it was asked. */
export function isRefusal(error: unknown): boolean {
  return error instanceof ProtocolError && NOT_TAKEN.has(error.code);
}

/** Whether the server cannot have begun: nobody answered at its place, or its door turned the question away. */
export function wasNotHeard(error: unknown): boolean {
  if (error instanceof SdkHttpError) return error.status >= 400 && error.status < 500 && error.status !== 408;
  if (error instanceof SdkError) return error.code === SdkErrorCode.NotConnected;
  return error instanceof Error && "code" in error && NOT_HEARD.has(String(error.code));
}

/** What a person and the record need of a tool's result: bounded, and binary content by its digest. */
export function recordOf(answer: CallToolResult): Json {
  return recordableResult(resultOf(answer));
}

/** The words of a result that is an error. */
export function wordsOf(answer: CallToolResult): string {
  const result = resultOf(answer);
  return recordable(typeof result === "string" ? result : JSON.stringify(result));
}

/** As much of an error's words, whoever wrote them, as the record takes. */
export function recordable(words: string): string {
  return recordableWords(words, WORDS_CHARACTERS);
}

/** Its structured content, or its texts, or all that there is. */
function resultOf({ structuredContent, content }: CallToolResult): Json {
  if (structuredContent !== undefined) return structuredContent as Json;
  const texts = content.map((part) => (part.type === "text" ? part.text : null));
  if (texts.every((text) => text !== null)) return texts.join("\n");
  return content.map((part) => withoutBytes(part as unknown as Part)) as Json;
}

interface Part {
  readonly [name: string]: unknown;
  readonly data?: string;
  readonly resource?: { readonly blob?: string };
}

function withoutBytes(part: Part): Json {
  const { data, resource } = part;
  if (typeof data === "string") return { ...part, data: named(data) } as unknown as Json;
  if (typeof resource?.blob !== "string") return part as unknown as Json;
  return { ...part, resource: { ...resource, blob: named(resource.blob) } } as unknown as Json;
}

function named(base64: string): Json {
  const bytes = Buffer.from(base64, "base64");
  return { bytes: bytes.byteLength, sha256: createHash("sha256").update(bytes).digest("hex") };
}
