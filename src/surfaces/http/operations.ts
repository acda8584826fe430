import type { Fault } from "../../core/codes.ts";
import { EVENT_TYPES } from "../../core/event.ts";
import type { Json } from "../../core/json.ts";
import { STATUSES } from "../../core/request.ts";
import type { Right } from "./access.ts";
import { exactly, flag, type SCHEMAS, text, textOrNull, whole } from "./schemas.ts";

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
  readonly answers: Readonly<Record<number, keyof typeof SCHEMAS | "stream" | "document">>;
  /** What it refuses with, besides what every route does. */
  readonly refuses: readonly Fault["code"][];
  readonly dialect?: "ToolWeaver" | "Cordum";
}

const BODY: readonly Fault["code"][] = ["invalid_json", "invalid_request", "too_large", "wrong_content_type"];
const TOKEN = { "Requester-Token": "The token that the request was answered with." };
const limit = { type: "integer", minimum: 1, maximum: 1_000 };
const timeout_ms = { type: "integer", minimum: 0, maximum: 60_000 };
const status = { enum: [...STATUSES] };
const reason = textOrNull;
const UNDECIDABLE: readonly Fault["code"][] = [
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
];

/** Every route, and what it takes and answers: the OpenAPI document is made of it, and a test holds the handlers to it. */
export const OPERATIONS: readonly Operation[] = [
  {
    method: "post",
    path: "/v1/requests",
    id: "createRequest",
    summary: "Asks for an action. The same key, or the same open action, is the same request.",
    right: "ask",
    headers: { "Idempotency-Key": "The same as the field `key`." },
    body: exactly(
      {
        kind: text,
        params: { type: "object" },
        title: textOrNull,
        requester: textOrNull,
        on_behalf_of: textOrNull,
        key: textOrNull,
        expires_in_ms: { type: ["integer", "null"], minimum: 1_000 },
      },
      ["params", "title", "requester", "on_behalf_of", "key", "expires_in_ms"],
    ),
    answers: { 200: "Submitted", 201: "Submitted" },
    refuses: [...BODY, "unknown_kind", "invalid_params", "key_reused"],
  },
  {
    method: "get",
    path: "/v1/requests",
    id: "listRequests",
    summary: "Open requests, oldest first; with `all` or a final status the finished ones too.",
    right: "read",
    query: {
      status,
      kind: text,
      requester: text,
      since: { type: "string", format: "date-time" },
      all: flag,
      limit,
      cursor: text,
    },
    answers: { 200: "RequestPage" },
    refuses: ["invalid_request"],
  },
  {
    method: "get",
    path: "/v1/requests/{id}",
    id: "readRequest",
    summary: "One request.",
    right: "read",
    answers: { 200: "Request" },
    refuses: ["not_found"],
  },
  {
    method: "get",
    path: "/v1/requests/{id}/wait",
    id: "waitForRequest",
    summary:
      "Answers when there is an outcome or an approval to claim, or with the request as it stands after 60 s at most: then ask again.",
    right: "read",
    query: { timeout_ms, until: { const: "outcome" } },
    answers: { 200: "Request" },
    refuses: ["not_found", "invalid_request"],
  },
  {
    method: "post",
    path: "/v1/requests/{id}/decide",
    id: "decideRequest",
    summary: "Decides, about the digest that the reviewer saw.",
    right: "decide",
    body: exactly(
      {
        verb: { enum: ["approve", "reject", "request_changes"] },
        digest: textOrNull,
        reviewer: textOrNull,
        reason,
        via: { enum: ["cli", "http"] },
        set: { type: "object" },
        checked: flag,
      },
      ["digest", "reviewer", "reason", "via", "set", "checked"],
    ),
    answers: { 200: "Request" },
    refuses: [...BODY, ...UNDECIDABLE, "not_editable", "invalid_params"],
  },
  {
    method: "post",
    path: "/v1/requests/{id}/delegate",
    id: "delegateRequest",
    summary: "Passes the decision on to somebody else.",
    right: "decide",
    body: exactly({ from: textOrNull, to: text, reason, via: { enum: ["cli", "http"] } }, [
      "from",
      "reason",
      "via",
    ]),
    answers: { 200: "Request" },
    refuses: [...BODY, ...UNDECIDABLE, "delegation_refused"],
  },
  {
    method: "post",
    path: "/v1/requests/{id}/cancel",
    id: "cancelRequest",
    summary: "Withdraws an own request that has not been started.",
    right: "ask",
    headers: TOKEN,
    body: exactly({ by: textOrNull, reason }, ["by", "reason"]),
    answers: { 200: "Request" },
    refuses: [...BODY, "not_found", "token_invalid", "already_started", "already_final"],
  },
  {
    method: "get",
    path: "/v1/requests/{id}/grant",
    id: "readGrant",
    summary: "The grant of an approved action that its requester executes itself.",
    right: "ask",
    headers: TOKEN,
    answers: { 200: "Grant" },
    refuses: ["not_found", "token_invalid", "not_caller", "not_approved"],
  },
  {
    method: "post",
    path: "/v1/requests/{id}/claim",
    id: "claimRequest",
    summary: "Consumes the approval and starts the one execution, by the requester.",
    right: "ask",
    headers: TOKEN,
    body: exactly({ grant: text }),
    answers: { 200: "Request" },
    refuses: [
      ...BODY,
      "not_found",
      "token_invalid",
      "not_caller",
      "not_approved",
      "grant_invalid",
      "grant_expired",
      "already_started",
      "already_final",
      "halted",
    ],
  },
  {
    method: "post",
    path: "/v1/requests/{id}/complete",
    id: "completeRequest",
    summary: "Says what came of a claimed action: `result`, or `failed`.",
    right: "ask",
    headers: TOKEN,
    body: exactly({ result: {}, failed: textOrNull }, ["result", "failed"]),
    answers: { 200: "Request" },
    refuses: [...BODY, "not_found", "token_invalid", "not_caller", "not_executing", "already_final"],
  },
  {
    method: "post",
    path: "/v1/requests/{id}/resolve",
    id: "resolveRequest",
    summary: "Settles an unknown outcome.",
    right: "decide",
    body: exactly({ happened: flag, by: textOrNull, reason }, ["by", "reason"]),
    answers: { 200: "Request" },
    refuses: [...BODY, "not_found", "not_unknown"],
  },
  ...(["halt", "resume"] as const).map(
    (verb): Operation => ({
      method: "post",
      path: `/v1/${verb}`,
      id: verb,
      summary: verb === "halt" ? "Stops all executions at once." : "Starts executions again.",
      right: "halt",
      body: exactly({ by: textOrNull }, ["by"]),
      answers: { 200: "Health" },
      refuses: BODY,
    }),
  ),
  {
    method: "get",
    path: "/v1/channels",
    id: "listChannels",
    summary: "The channels by which people are told what happens, and how they fare.",
    right: "halt",
    answers: { 200: "Channels" },
    refuses: [],
  },
  {
    method: "post",
    path: "/v1/channels/{name}/test",
    id: "testChannel",
    summary: "Sends a sample message now, and says what came of it.",
    right: "halt",
    answers: { 200: "Delivery" },
    refuses: ["unknown_channel"],
  },
  {
    method: "post",
    path: "/v1/channels/{name}/enable",
    id: "enableChannel",
    summary: "Switches a channel on again that kept failing.",
    right: "halt",
    answers: { 200: "Channel" },
    refuses: ["unknown_channel"],
  },
  {
    method: "get",
    path: "/v1/events",
    id: "followEvents",
    summary: "What happens, as server-sent events; an event's id is its number in the journal.",
    right: "read",
    query: { after: whole, id: text, requester: text },
    headers: { "Last-Event-ID": "Goes on behind this event." },
    answers: { 200: "stream" },
    refuses: ["invalid_request"],
  },
  {
    method: "get",
    path: "/v1/audit",
    id: "readAudit",
    summary: "What happened, a page at a time; `next` is the `after` of the next page.",
    right: "read",
    query: {
      after: whole,
      id: text,
      event: { enum: [...EVENT_TYPES] },
      requester: text,
      since: { type: "string", format: "date-time" },
      limit,
    },
    answers: { 200: "EventPage" },
    refuses: ["invalid_request"],
  },
  {
    method: "get",
    path: "/v1/health",
    id: "readHealth",
    summary: "Which daemon this is, and whether executions are halted.",
    right: "read",
    answers: { 200: "Health" },
    refuses: [],
  },
  {
    method: "get",
    path: "/v1/grant-key",
    id: "readGrantKey",
    summary: "The public key (JWK) that verifies grants.",
    right: "read",
    answers: { 200: "GrantKey" },
    refuses: [],
  },
  {
    method: "get",
    path: "/openapi.json",
    id: "readOpenApi",
    summary: "This document.",
    right: "read",
    answers: { 200: "document" },
    refuses: [],
  },
  {
    method: "get",
    path: "/approval/pending",
    id: "toolWeaverPending",
    summary: "All pending requests.",
    right: "read",
    answers: { 200: "ToolWeaverPending" },
    refuses: [],
    dialect: "ToolWeaver",
  },
  {
    method: "get",
    path: "/approval/{id}",
    id: "toolWeaverRequest",
    summary: "One request.",
    right: "read",
    answers: { 200: "ToolWeaverRequest" },
    refuses: ["not_found"],
    dialect: "ToolWeaver",
  },
  ...(["approve", "reject"] as const).map(
    (verb): Operation => ({
      method: "post",
      path: `/approval/{id}/${verb}`,
      id: `toolWeaver${verb === "approve" ? "Approve" : "Reject"}`,
      summary: `${verb === "approve" ? "Approves" : "Rejects"} a request; a reviewer named beside the token's is a claim.`,
      right: "decide",
      body: { type: "object", properties: { reviewer: text, reason: text, digest: text } },
      answers: { 200: verb === "approve" ? "ToolWeaverApproved" : "ToolWeaverRejected" },
      // Refusals of the decision are 400 there; see its dialect.
      refuses: [...BODY, "digest_mismatch"],
      dialect: "ToolWeaver",
    }),
  ),
  {
    method: "get",
    path: "/api/v1/approvals",
    id: "cordumApprovals",
    summary: "The queue; with the resolved ones unless `include_resolved=false`.",
    right: "read",
    query: { include_resolved: flag, limit, cursor: text },
    answers: { 200: "CordumApprovals" },
    refuses: ["invalid_request"],
    dialect: "Cordum",
  },
  {
    method: "get",
    path: "/api/v1/approvals/{id}",
    id: "cordumApproval",
    summary: "One approval.",
    right: "read",
    answers: { 200: "CordumApproval" },
    refuses: ["not_found"],
    dialect: "Cordum",
  },
  ...(["approve", "reject"] as const).map(
    (verb): Operation => ({
      method: "post",
      path: `/api/v1/approvals/{id}/${verb}`,
      id: `cordum${verb === "approve" ? "Approve" : "Reject"}`,
      summary: `${verb === "approve" ? "Approves" : "Rejects"} a job; with \`job_hash\` only what the reviewer saw.`,
      right: "decide",
      body: {
        type: "object",
        properties: { reason: text, note: text, job_hash: text, resolved_by: text },
      },
      answers: { 200: verb === "approve" ? "CordumApproved" : "CordumRejected" },
      refuses: [...BODY, ...UNDECIDABLE],
      dialect: "Cordum",
    }),
  ),
  {
    method: "get",
    path: "/api/v1/jobs/{id}/decisions",
    id: "cordumDecisions",
    summary: "What policy and people decided about a job.",
    right: "read",
    query: { limit },
    answers: { 200: "CordumDecisions" },
    refuses: ["not_found"],
    dialect: "Cordum",
  },
];
