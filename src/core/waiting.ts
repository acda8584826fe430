import type { Request, Submission } from "./request.ts";
import { RISKS } from "./verdict.ts";

const HOUR_MS = 3_600_000;

/** From when on a request's time is nearly over (ms): in its last quarter, but at most in its last hour. */
export function soonAt({ submission: { fields } }: Request): number {
  const expires = Date.parse(fields.expires);
  const life = expires - Date.parse(fields.created);
  return expires - Math.min(life / 4, HOUR_MS);
}

/** Requests in the order in which they need somebody: nearly over, then riskiest, then oldest first. */
export function inOrderOfNeed(
  requests: readonly Request[],
  isSoon: (request: Request) => boolean,
): Request[] {
  return requests
    .map((request) => ({ request, soon: isSoon(request) ? 1 : 0, risk: riskOf(request.submission) }))
    .sort((a, b) => b.soon - a.soon || b.risk - a.risk || olderFirst(a.request, b.request))
    .map(({ request }) => request);
}

function olderFirst(a: Request, b: Request): number {
  const [one, other] = [a.submission.fields.id, b.submission.fields.id];
  return one < other ? -1 : one > other ? 1 : 0;
}

/** 0 where nothing says how risky it is. */
function riskOf({ verdict }: Submission): number {
  return verdict === undefined ? 0 : RISKS.indexOf(verdict.risk) + 1;
}
