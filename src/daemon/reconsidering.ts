import type { Request } from "../core/request.ts";
import { inShadow, withoutPolicy } from "../core/shadow.ts";
import { deadlineUnder, type Verdict } from "../core/verdict.ts";
import type { World } from "../core/world.ts";
import { digestOf } from "../document/digest.ts";
import type { KindSettings, PolicyPort } from "./ports.ts";

/** What the policy, as it is now, says of an approved request, and what the request becomes where it asks anew. */
export function reconsidered(
  request: Request,
  settings: KindSettings | null,
  policy: PolicyPort,
): Pick<World, "verdict" | "renewed"> {
  if (request.status !== "approved") return { verdict: null, renewed: null };
  const { submission } = request;
  const { fields } = submission;
  const { kind, params, requester, on_behalf_of, key, created } = fields;
  const said = submission.verdict;
  const question = {
    id: fields.id,
    kind,
    params,
    requester,
    on_behalf_of,
    key,
    action_tags: said?.action_tags ?? settings?.tags ?? [],
    editable: said?.editable ?? settings?.editable ?? [],
    created: Date.parse(created),
  };
  // The draw that was made when it was asked for stands.
  const { digest } = request.amendment?.asked ?? submission;
  const found = policy.judge(question, () => digest) ?? policyGone(said);
  if (found === null) return { verdict: null, renewed: null };
  // What was asked for in earnest stays so; what was not is judged in earnest once its kind is out of shadow.
  const verdict = settings?.shadow === true && said?.shadow !== undefined ? inShadow(found) : found;
  const { policy: snapshot, rule } = verdict;
  const expires = deadlineUnder(submission, verdict);
  return { verdict, renewed: { digest: digestOf({ ...fields, policy: snapshot, rule, expires }), expires } };
}

/** Without a policy every action needs a person, also what one had allowed. */
function policyGone(before: Verdict | undefined): Verdict | null {
  if (before === undefined) return null;
  const said = before.shadow ?? before;
  if (said.policy === null) return withoutPolicy(said);
  const reason = "There is no policy any more, so every action needs a person.";
  return { ...said, says: "require_approval", policy: null, rule: null, reason, expires_ms: null };
}
