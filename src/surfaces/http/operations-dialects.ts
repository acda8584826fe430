import { BODY, limit, type Operation, UNDECIDABLE } from "./operation.ts";
import { flag, text } from "./schemas.ts";

/** In the shapes of two other systems, for their clients. */
export const OF_DIALECTS: readonly Operation[] = [
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
