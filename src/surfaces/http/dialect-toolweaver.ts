import { Hono } from "hono";
import type { Application } from "../../application/application.ts";
import type { Fault } from "../../core/codes.ts";
import type { Status } from "../../core/request.ts";
import type { RequestView } from "../../core/view.ts";
import { NAME_LIMIT, TEXT_LIMIT } from "./body.ts";
import { type Call, faultOf, fieldsIn, isHidden, may, ownNameOf, type Wiring } from "./call.ts";
import { reviewerOf } from "./routes-deciding.ts";
import { type HttpStatus, statusOf } from "./status.ts";

/** What ToolWeaver's four statuses say of ours: whatever came of an approved action, it was approved. */
const TOLD = {
  pending: "pending",
  approved: "approved",
  executing: "approved",
  executed: "approved",
  failed: "approved",
  outcome_unknown: "approved",
  rejected: "rejected",
  changes_requested: "rejected",
  cancelled: "rejected",
  denied: "rejected",
  expired: "expired",
} as const satisfies Record<Status, string>;

/** The webhook interface of ToolWeaver's guide to approval gates: its paths, fields and codes. */
export function addToolWeaverRoutes(
  app: Hono<Wiring>,
  application: Application,
  onBug: (error: unknown) => void,
): void {
  const dialect = new Hono<Wiring>();
  dialect.onError((error, c) => {
    const fault = faultOf(c, error, onBug);
    return c.json({ error: sentence(c, fault) }, codeOf(c, fault));
  });

  dialect.get("/pending", may("read"), async (c) => {
    const own = ownNameOf(c.get("caller"));
    const { requests } = await application.list({
      status: "pending",
      ...(own !== null && { requester: own }),
    });
    return c.json({ pending_count: requests.length, requests: requests.map(briefOf) });
  });

  dialect.get("/:id", may("read"), async (c) => {
    const request = await application.show(c.req.param("id"));
    if (isHidden(c.get("caller"), request.requester)) return c.json({ error: "Request not found" }, 404);
    const { kind, params, status } = request;
    const { created_at, expires_at, ...brief } = briefOf(request);
    return c.json({
      ...brief,
      proposed_action: { kind, params },
      status: TOLD[status],
      created_at,
      expires_at,
    });
  });

  for (const [path, verb] of [
    ["/:id/approve", "approve"],
    ["/:id/reject", "reject"],
  ] as const) {
    dialect.post(path, may("decide"), async (c) => {
      // What other fields a client sends was never refused there.
      const fields = await fieldsIn(c);
      const named = fields.optional("reviewer", NAME_LIMIT);
      const said = fields.optional("reason", TEXT_LIMIT);
      const digest = fields.optional("digest", NAME_LIMIT);
      const by = reviewerOf(c.get("caller"), named);
      const { id, status, decision } = await application.decide(c.req.param("id"), {
        verb,
        ...by,
        reason: said ?? (verb === "reject" ? "No reason provided" : null),
        via: "http",
        ...(digest !== null && { digest }),
      });
      const at = moment(decision?.decided_at ?? new Date().toISOString());
      const answer = { status: TOLD[status], request_id: id, reviewer: named ?? by.reviewer ?? "unknown" };
      if (verb === "approve") return c.json({ ...answer, approved_at: at });
      return c.json({ ...answer, reason: said ?? "No reason provided", rejected_at: at });
    });
  }
  app.route("/approval", dialect);
}

function briefOf(request: RequestView) {
  return {
    request_id: request.id,
    title: request.title,
    description: request.next_effect || request.verdict?.reason || request.title,
    created_at: moment(request.created),
    expires_at: moment(request.expires),
  };
}

/** With an offset: Python's `fromisoformat` did not take the letter Z for long. */
function moment(time: string): string {
  return time.replace(/Z$/, "+00:00");
}

function sentence(c: Call, { code, message }: Fault): string {
  if (code !== "not_found") return message;
  return c.req.method === "GET" ? "Request not found" : `Request ${c.req.param("id")} not found`;
}

/** Whatever is wrong with a decision is a 400 there, but for a digest, which it does not know. */
function codeOf(c: Call, { code }: Fault): HttpStatus {
  const status = statusOf(code);
  const isRefusal = c.req.method !== "GET" && [404, 409, 422].includes(status);
  return isRefusal && code !== "digest_mismatch" && code !== "unknown_route" ? 400 : status;
}
