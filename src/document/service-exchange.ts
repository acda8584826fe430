import type { Json, JsonObject } from "../core/json.ts";
import type { Request } from "../core/request.ts";

/** In which words a service is asked and answers: Countersign's own, or those of the Agent Governance Toolkit. */
export type ServiceDialect = "countersign" | "agt";

/** What a service says. `abstain` is no vote, and no fault either. */
export interface ServiceAnswer {
  readonly says: "approve" | "reject" | "abstain";
  readonly reason: string | null;
}

const REASON_CHARACTERS = 1_000;

/** What a service is asked about a request, as JSON. */
export function questionFor(request: Request, dialect: ServiceDialect): JsonObject {
  const { fields, digest, title, next_effect, verdict } = request.submission;
  const { id, kind, params, requester, on_behalf_of, rule, policy, created, expires } = fields;
  if (dialect === "agt") {
    return {
      type: "approval_request",
      rule_name: rule ?? "",
      policy_name: policy ?? "",
      agent_id: requester,
      action: kind,
      context: params,
      approvers: (verdict?.approvers ?? []).flatMap(({ of }) => of ?? []),
      requested_at: created,
      id,
      digest,
    };
  }
  return {
    version: 1,
    id,
    digest,
    kind,
    params,
    requester,
    on_behalf_of,
    title,
    next_effect,
    rule,
    policy,
    reason: verdict?.reason ?? "",
    risk: verdict?.risk ?? "low",
    factors: [...(verdict?.factors ?? [])],
    created,
    expires,
  };
}

/** What a service has answered to that question; a sentence where it is no answer to it. */
export function readAnswer(
  answer: Json,
  question: JsonObject,
  dialect: ServiceDialect,
): ServiceAnswer | { readonly wrong: string } {
  if (answer === null || typeof answer !== "object" || Array.isArray(answer))
    return wrong("it is no JSON object");
  const { id, digest, reason = null } = answer as JsonObject;
  if (id !== question.id || digest !== question.digest) {
    return wrong("it does not repeat the id and the digest of the request that it was asked about");
  }
  if (reason !== null && typeof reason !== "string") return wrong("its reason is no text");
  const said = reason === null ? null : reason.slice(0, REASON_CHARACTERS).toWellFormed();
  const says = dialect === "agt" ? approvedIn(answer as JsonObject) : decisionIn(answer as JsonObject);
  if (says !== null) return { says, reason: said };
  const expected = dialect === "agt" ? "`approved`: true or false" : "`decision`: approve, reject or abstain";
  return wrong(`it says nothing clear: expected ${expected}, and not ${shown(answer as JsonObject)}`);
}

function decisionIn({ decision }: JsonObject): ServiceAnswer["says"] | null {
  return decision === "approve" || decision === "reject" || decision === "abstain" ? decision : null;
}

function approvedIn({ approved }: JsonObject): ServiceAnswer["says"] | null {
  return approved === true ? "approve" : approved === false ? "reject" : null;
}

function wrong(what: string): { wrong: string } {
  return { wrong: `The answer does not count: ${what}.` };
}

function shown(answer: JsonObject): string {
  const text = JSON.stringify(answer.decision ?? answer.approved ?? null);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
