import { Hono } from "hono";
import type { Application } from "../../application/application.ts";
import { Fault, type RefusalCode } from "../../core/codes.ts";
import type { Status } from "../../core/request.ts";
import type { RequestView } from "../../core/view.ts";
import { NAME_LIMIT, TEXT_LIMIT } from "./body.ts";
import { type Call, faultOf, fieldsIn, isHidden, may, ownNameOf, type Wiring } from "./call.ts";
import { reviewerOf } from "./routes-deciding.ts";
import { statusOf } from "./status.ts";

/** What Cordum calls a job in each status, and what became of its approval. */
const TOLD = {
  pending: ["APPROVAL", "pending"],
  approved: ["PENDING", "approved"],
  executing: ["RUNNING", "approved"],
  outcome_unknown: ["RUNNING", "approved"],
  executed: ["SUCCEEDED", "approved"],
  failed: ["FAILED", "approved"],
  rejected: ["DENIED", "rejected"],
  changes_requested: ["DENIED", "rejected"],
  denied: ["DENIED", "invalidated"],
  cancelled: ["CANCELLED", "invalidated"],
  expired: ["TIMEOUT", "expired"],
} as const satisfies Record<Status, readonly [string, string]>;

const ACTIONABILITY = {
  pending: "actionable",
  approved: "resolved",
  rejected: "resolved",
  invalidated: "invalidated",
  expired: "expired",
} as const;

/** Its codes for a decision that cannot be taken; all others are `approval_not_actionable`. */
const CONFLICTS: Partial<Record<Fault["code"], string>> = {
  not_pending: "approval_already_resolved",
  already_started: "approval_already_resolved",
  already_final: "approval_already_resolved",
  digest_mismatch: "approval_stale_request",
} satisfies Partial<Record<RefusalCode, string>>;

/** The approval queue of Cordum's gateway: its paths, fields and codes, and the reading of one approval, which it lacks. */
export function addCordumRoutes(
  app: Hono<Wiring>,
  application: Application,
  onBug: (error: unknown) => void,
): void {
  const dialect = new Hono<Wiring>();
  dialect.onError((error, c) => {
    const { code, message } = faultOf(c, error, onBug);
    const status = statusOf(code);
    const conflict = { code: CONFLICTS[code] ?? "approval_not_actionable", retryable: false };
    return c.json({ error: message, status, ...(status === 409 && conflict) }, status);
  });

  dialect.get("/approvals", may("read"), async (c) => {
    const { limit: most, cursor, include_resolved } = c.req.query();
    const filter = include_resolved === "false" ? { status: "pending" as const } : { all: true };
    const own = ownNameOf(c.get("caller"));
    const page = {
      // Not only sieved out of a page: the place where the next one begins would tell of them.
      ...(own !== null && { requester: own }),
      ...(most !== undefined && { limit: limitOf(most) }),
      ...(cursor !== undefined && { cursor }),
    };
    if (page.cursor !== undefined && page.limit === undefined) page.limit = 100;
    const { requests, next } = await application.list({ ...filter, ...page });
    const items = requests.filter(wasForPeople).map(itemOf);
    return c.json({ items, ...(next !== null && { next_cursor: next }) });
  });

  dialect.get("/approvals/:id", may("read"), async (c) => c.json(itemOf(await seen(c, application))));

  dialect.get("/jobs/:id/decisions", may("read"), async (c) => {
    const request = await seen(c, application);
    const { policy_rule_id, policy_reason } = itemOf(request);
    const checked_at = micros(request.created);
    return c.json([{ ...itemOf(request), rule_id: policy_rule_id, reason: policy_reason, checked_at }]);
  });

  for (const verb of ["approve", "reject"] as const) {
    dialect.post(`/approvals/:id/${verb}`, may("decide"), async (c) => {
      // What other fields a client sends was never refused there.
      const fields = await fieldsIn(c);
      const why = fields.optional("reason", TEXT_LIMIT);
      const note = fields.optional("note", TEXT_LIMIT);
      const digest = fields.optional("job_hash", NAME_LIMIT) ?? fields.optional("digest", NAME_LIMIT);
      const named = fields.optional("resolved_by", NAME_LIMIT);
      const { id } = await application.decide(c.req.param("id"), {
        verb,
        ...reviewerOf(c.get("caller"), named),
        reason: why !== null && note !== null ? `${why} (${note})` : (why ?? note),
        via: "http",
        ...(digest !== null && { digest }),
      });
      return c.json({ job_id: id, ...(verb === "approve" && { trace_id: id }) });
    });
  }
  app.route("/api/v1", dialect);
}

async function seen(c: Call, application: Application): Promise<RequestView> {
  const id = c.req.param("id") ?? "";
  const request = await application.show(id);
  if (isHidden(c.get("caller"), request.requester))
    throw new Fault("not_found", `There is no request ${id}.`);
  return request;
}

/** What the policy allowed or denied by itself was never in the queue. */
function wasForPeople({ verdict, decision, status }: RequestView): boolean {
  if (decision !== null) return true;
  return status !== "denied" && verdict?.says !== "allow";
}

function itemOf(request: RequestView) {
  const { id, status, kind, digest, verdict, decision, title, next_effect } = request;
  const [state, approval_status] = TOLD[status];
  return {
    job: { id, state, topic: kind },
    decision: (verdict?.says ?? "require_approval").toUpperCase(),
    policy_snapshot: verdict?.policy ?? "",
    policy_rule_id: verdict?.rule ?? "",
    policy_reason: verdict?.reason ?? "",
    job_hash: digest,
    approval_required: verdict === null || verdict.says === "require_approval",
    approval_ref: id,
    approval_status,
    approval_actionability: ACTIONABILITY[approval_status],
    decision_summary: {
      title,
      why: verdict?.reason ?? `${request.requester} asks for it, and there is no policy that allows it.`,
      next_effect: next_effect || `Approve to carry out ${kind}.`,
    },
    ...(status !== "pending" && {
      resolution: approval_status,
      ...(decision !== null && {
        resolved_by: decision.reviewer,
        resolved_comment: decision.reason ?? "",
        resolved_at: micros(decision.decided_at),
      }),
    }),
  };
}

function micros(time: string): number {
  return Date.parse(time) * 1_000;
}

function limitOf(text: string): number {
  const limit = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (limit >= 1 && limit <= 1_000) return limit;
  throw new Fault("invalid_request", "limit must be a whole number from 1 to 1000.");
}
