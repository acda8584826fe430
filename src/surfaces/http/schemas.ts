import type { ChannelView } from "../../core/channel.ts";
import { ERRORS } from "../../core/codes/errors.ts";
import { REFUSALS } from "../../core/codes/refusals.ts";
import { EVENT_TYPES } from "../../core/event.ts";
import type { EventView } from "../../core/event-view.ts";
import type { Json, JsonObject } from "../../core/json.ts";
import { OCCASIONS } from "../../core/occasion.ts";
import { STATUSES } from "../../core/request.ts";
import { SWITCHES, type SwitchRecord } from "../../core/switch.ts";
import type { RequestView } from "../../core/view.ts";

/** JSON Schemas (2020-12) of what goes in and out, by the names under which the OpenAPI document has them. */

type Schema = JsonObject;

export const text = { type: "string" } as const;
export const textOrNull = { type: ["string", "null"] } as const;
export const flag = { type: "boolean" } as const;
export const whole = { type: "integer", minimum: 0 } as const;
const time = { type: "string", format: "date-time" } as const;
const timeOrNull = { type: ["string", "null"], format: "date-time" } as const;
const anyObject = { type: "object" } as const;
const hash = { type: "string", pattern: "^[0-9a-f]{64}$" } as const;
const digest = { type: "string", pattern: "^sha256:[0-9a-f]{64}$" } as const;

/** All of these properties, and no others. */
export function exactly(
  properties: Readonly<Record<string, Json>>,
  optional: readonly string[] = [],
): Schema {
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return { type: "object", properties, required, additionalProperties: false };
}

function listOf(items: Json): Schema {
  return { type: "array", items };
}

export function refTo(name: keyof typeof SCHEMAS): Schema {
  return { $ref: `#/components/schemas/${name}` };
}

const nullable = (schema: Json): Schema => ({ oneOf: [schema, { type: "null" }] });

const CHANNEL = exactly({
  name: text,
  kind: text,
  events: listOf({ enum: [...OCCASIONS] }),
  trusted: flag,
  state: { enum: ["ready", "sending", "retrying", "off"] },
  waiting: whole,
  tries: whole,
  next_try: timeOrNull,
  why: textOrNull,
  delivered: whole,
  told: whole,
  given_up: whole,
  last: nullable(exactly({ at: time, id: text, what: text })),
} satisfies Record<keyof ChannelView, Json>);

/** What the policy says grows with the policy. */
const VERDICT = {
  type: "object",
  properties: { says: text, policy: textOrNull, rule: textOrNull, reason: text, risk: text },
  required: ["says", "policy", "rule", "reason", "risk"],
} as const;

const REQUEST = {
  id: text,
  status: { enum: [...STATUSES] },
  title: text,
  next_effect: text,
  kind: text,
  params: anyObject,
  amended: listOf(anyObject),
  amended_by: textOrNull,
  requester: text,
  on_behalf_of: textOrNull,
  host: text,
  key: textOrNull,
  created: time,
  expires: time,
  not_before: timeOrNull,
  asked: { type: "integer", minimum: 1 },
  digest,
  action_digest: digest,
  executor: { enum: ["daemon", "caller"] },
  verdict: nullable(VERDICT),
  // What would have been: nobody was asked, because the kind is in shadow.
  shadow: nullable(VERDICT),
  decision: nullable(
    exactly({
      verb: { enum: ["approve", "reject", "request_changes"] },
      reviewer: text,
      claimed: textOrNull,
      reason: textOrNull,
      assurance: text,
      via: text,
      decided_at: time,
    } satisfies Record<keyof NonNullable<RequestView["decision"]>, Json>),
  ),
  approvals: nullable(
    exactly({
      approved_by: listOf(text),
      missing: listOf(exactly({ of: nullable(listOf(text)), count: whole, persons: nullable(listOf(text)) })),
      delegations: listOf(exactly({ from: text, to: text })),
    } satisfies Record<keyof NonNullable<RequestView["approvals"]>, Json>),
  ),
  opens: timeOrNull,
  closes: timeOrNull,
  started_at: timeOrNull,
  finished_at: timeOrNull,
  result: {},
  error: textOrNull,
  attempt: { type: "integer", minimum: 1 },
  previous: textOrNull,
  feedback: nullable(
    exactly({
      outcome: { enum: [...STATUSES] },
      reason: textOrNull,
      reviewer: textOrNull,
      retryable: flag,
    } satisfies Record<keyof NonNullable<RequestView["feedback"]>, Json>),
  ),
  history: listOf(exactly({ at: time, event: text, by: textOrNull, detail: textOrNull })),
} satisfies Record<keyof RequestView, Json>;

const EVENT = {
  seq: whole,
  id: text,
  revision: whole,
  event: { enum: [...EVENT_TYPES] },
  at: time,
  requester: text,
  kind: text,
  by: textOrNull,
  reason: textOrNull,
} satisfies Record<keyof EventView, Json>;

const CORDUM_ITEM = {
  job: exactly({ id: text, state: text, topic: text }),
  decision: text,
  policy_snapshot: text,
  policy_rule_id: text,
  policy_reason: text,
  job_hash: digest,
  approval_required: flag,
  approval_ref: text,
  approval_status: { enum: ["pending", "approved", "rejected", "expired", "invalidated"] },
  approval_actionability: { enum: ["actionable", "resolved", "expired", "invalidated"] },
  decision_summary: exactly({ title: text, why: text, next_effect: text }),
  resolution: text,
  resolved_by: text,
  resolved_comment: text,
  resolved_at: whole,
};
const CORDUM_OPTIONAL = ["resolution", "resolved_by", "resolved_comment", "resolved_at"];

const TOOLWEAVER_BRIEF = {
  request_id: text,
  title: text,
  description: text,
  created_at: time,
  expires_at: time,
};

export const SCHEMAS = {
  Request: exactly(REQUEST),
  Submitted: exactly({
    request: { $ref: "#/components/schemas/Request" },
    created: flag,
    joined: flag,
    own: flag,
    token: textOrNull,
  }),
  RequestPage: exactly({ requests: listOf({ $ref: "#/components/schemas/Request" }), next: textOrNull }),
  Event: exactly(EVENT),
  EventPage: exactly({
    events: listOf({ $ref: "#/components/schemas/Event" }),
    next: { type: ["integer", "null"] },
  }),
  SwitchPage: exactly({
    switches: listOf(
      exactly({
        n: { type: "integer", minimum: 1 },
        switch: { enum: [...SWITCHES] },
        by: text,
        at: time,
        journal: exactly({ seq: whole, hash }),
        prev: hash,
        hash,
      } satisfies Record<keyof SwitchRecord, Json>),
    ),
    next: { type: ["integer", "null"] },
  }),
  Grant: exactly({ grant: text, expires: time, claimed_with: { type: ["string", "null"] } }),
  GrantKey: anyObject,
  Channels: exactly({ channels: listOf(CHANNEL) }),
  Channel: CHANNEL,
  Delivery: {
    oneOf: [
      exactly({ ok: { const: true }, what: text }),
      exactly({
        ok: { const: false },
        why: text,
        fault: { enum: ["message", "channel", "passing"] },
        after_ms: { type: ["number", "null"], minimum: 0 },
      }),
    ],
  },
  Health: exactly({
    version: text,
    pid: whole,
    vault: text,
    state: text,
    halted: flag,
    shadow: listOf(text),
    clock_frozen: flag,
    watcher_lag_ms: nullable(anyObject),
  }),
  Error: exactly({
    error: exactly({
      code: { enum: [...Object.keys(REFUSALS), ...Object.keys(ERRORS)] },
      message: text,
      hint: text,
    }),
  }),
  ToolWeaverPending: exactly({ pending_count: whole, requests: listOf(exactly(TOOLWEAVER_BRIEF)) }),
  ToolWeaverRequest: exactly({
    ...TOOLWEAVER_BRIEF,
    proposed_action: anyObject,
    status: { enum: ["pending", "approved", "rejected", "expired"] },
  }),
  ToolWeaverApproved: exactly({ status: text, request_id: text, reviewer: text, approved_at: time }),
  ToolWeaverRejected: exactly({
    status: text,
    request_id: text,
    reviewer: text,
    reason: text,
    rejected_at: time,
  }),
  ToolWeaverError: exactly({ error: text }),
  CordumApproval: exactly(CORDUM_ITEM, CORDUM_OPTIONAL),
  CordumApprovals: exactly({ items: listOf(exactly(CORDUM_ITEM, CORDUM_OPTIONAL)), next_cursor: text }, [
    "next_cursor",
  ]),
  CordumDecisions: listOf(
    exactly({ ...CORDUM_ITEM, rule_id: text, reason: text, checked_at: whole }, CORDUM_OPTIONAL),
  ),
  CordumApproved: exactly({ job_id: text, trace_id: text }),
  CordumRejected: exactly({ job_id: text }),
  CordumError: exactly({ error: text, status: whole, code: text, retryable: flag }, ["code", "retryable"]),
} as const satisfies Record<string, Schema>;
