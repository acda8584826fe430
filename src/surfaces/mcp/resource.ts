import type { RequestView } from "../../core/view.ts";
import { fencedJson, visibleLine } from "../../document/visible.ts";

/** A request for whoever reads it beside its note: from the record, and without any place where one could decide. */
export function describeRequest(request: RequestView): string {
  const { id, status, title, kind, params, requester, created, expires, next_effect, decision } = request;
  return [
    `# ${visibleLine(title, 300)}`,
    "",
    `- id: ${id}`,
    `- status: ${status}`,
    `- kind: ${kind}`,
    `- requester: ${requester}`,
    `- created: ${created}`,
    `- expires: ${expires}`,
    ...(decision === null ? [] : [`- ${decision.verb} by ${visibleLine(decision.reviewer, 100)}`]),
    "",
    ...(next_effect === "" ? [] : [visibleLine(next_effect, 1_000), ""]),
    fencedJson(params),
    "",
  ].join("\n");
}
