import type { Fault } from "../../core/codes.ts";
import type { Json } from "../../core/json.ts";
import type { Right } from "./access.ts";
import type { SCHEMAS } from "./schemas.ts";

/** A route, and what it takes and answers: the OpenAPI document is made of these, and a test holds the handlers to it. */
export interface Operation {
  readonly method: "get" | "post";
  readonly path: string;
  readonly id: string;
  readonly summary: string;
  readonly right: Right;
  readonly query?: Readonly<Record<string, Json>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Json;
  /** What it answers when all is well, by status. */
  readonly answers: Readonly<Record<number, keyof typeof SCHEMAS | "stream" | "document" | "text">>;
  /** What it refuses with, besides what every route does. */
  readonly refuses: readonly Fault["code"][];
  readonly dialect?: "ToolWeaver" | "Cordum";
}

/** What is refused wherever a body is taken. */
export const BODY: readonly Fault["code"][] = [
  "invalid_json",
  "invalid_request",
  "too_large",
  "wrong_content_type",
  "busy",
];

/** What is refused wherever somebody decides. */
export const UNDECIDABLE: readonly Fault["code"][] = [
  "not_found",
  "not_pending",
  "already_started",
  "already_final",
  "too_late",
  "digest_mismatch",
  "not_entitled",
  "own_request",
  "reviewer_missing",
  "already_voted",
  "checklist_open",
  "assurance_too_low",
  "clock_frozen",
];

/** Of a page. */
export const limit = { type: "integer", minimum: 1, maximum: 1_000 };
