import { tellConstraints } from "../../core/constraints.ts";
import type { Json } from "../../core/json.ts";
import type { RequestView } from "../../core/view.ts";
import { visible, visibleLine } from "../../document/visible.ts";

/** Longest single line that is shown whole; a title, a reason, a name. */
const LINE_LIMIT = 300;

/** Characters that JSON leaves as they are and a terminal or editor would act on. */
const UNSEEN = /[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu;

/** JSON on one line, safe for a terminal: what would be invisible or acted on is escaped; the value is the same. */
export function jsonLine(value: Json): string {
  return JSON.stringify(value).replace(UNSEEN, (character) =>
    Array.from(
      { length: character.length },
      (_, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, "0")}`,
    ).join(""),
  );
}

/** One line of untrusted text. */
export function line(text: string): string {
  return visibleLine(text, LINE_LIMIT);
}

/** A time for people, to the second, in UTC. */
export function time(iso: string): string {
  return line(iso.replace("T", " ").replace(/\.\d+Z$/, "Z"));
}

/** A span of time in its largest unit, rounded down: `3d`, `23h`, `5m`, `12s`. */
function span(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  if (seconds >= 172_800) return `${Math.floor(seconds / 86_400)}d`;
  if (seconds >= 3_600) return `${Math.floor(seconds / 3_600)}h`;
  return seconds >= 60 ? `${Math.floor(seconds / 60)}m` : `${seconds}s`;
}

/** Requests as aligned columns, the title last, cut to the terminal's width. */
export function table(requests: readonly RequestView[], now: number, columns: number | null): string {
  const rows = requests.map((request) => [
    line(request.id),
    `${line(request.status)}${request.shadow === null ? "" : " (shadow)"}`,
    line(request.requester),
    request.status === "pending"
      ? `expires in ${span(Date.parse(request.expires) - now)}`
      : time(request.created),
    line(request.title),
  ]);
  const all = [["ID", "STATUS", "REQUESTER", "TIME", "TITLE"], ...rows];
  const widths = [0, 1, 2, 3].map((at) => Math.max(...all.map((row) => row[at]?.length ?? 0)));
  return all
    .map((row) =>
      row
        .map((cell, at) => cell.padEnd(widths[at] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .map((row) => (columns === null ? row : [...row].slice(0, columns).join("")))
    .join("\n");
}

/** All about one request, as a block. */
export function block(request: RequestView, now: number): string {
  const waits = request.status === "pending" ? `, expires in ${span(Date.parse(request.expires) - now)}` : "";
  const behalf = request.on_behalf_of === null ? "" : `, on behalf of ${line(request.on_behalf_of)}`;
  const facts: [string, string | null][] = [
    ["id", line(request.id)],
    ["status", `${request.status}${waits}`],
    ["kind", `${line(request.kind)}${request.executor === "caller" ? ", executed by the caller" : ""}`],
    ["requester", `${line(request.requester)}${behalf}`],
    ["key", request.key === null ? null : line(request.key)],
    ["created", `${time(request.created)} on ${line(request.host)}`],
    ["expires", time(request.expires)],
    ["starts", starts(request)],
    ["attempt", attemptFact(request)],
    ["asked", request.asked > 1 ? `${request.asked} times` : null],
    ["digest", line(request.digest)],
    ["policy", policyOf(request)],
    ["params", pretty(request.params)],
    ["approvals", approvalsOf(request)],
    ...outcomeFacts(request),
  ];
  const history = request.history.map(({ at, event, by, detail }) =>
    [time(at), line(event), by && `by ${line(by)}`, detail && `(${line(detail)})`].filter(Boolean).join(" "),
  );
  return [line(request.title), ...facts.flatMap(fact), ...fact(["history", history.join("\n")])].join("\n");
}

/** Who has approved and who is needed yet, where not just anyone may decide. */
function approvalsOf({ approvals, status }: RequestView): string | null {
  if (approvals === null) return null;
  const { approved_by, missing, delegations } = approvals;
  const needed = missing.map(({ of, count, persons }) => {
    const who =
      of === null ? "anybody" : `${line(of.join(", "))} (${line(persons?.join(", ") || "nobody now")})`;
    return `${count} of ${who}`;
  });
  return [
    `by ${approved_by.length === 0 ? "nobody yet" : line(approved_by.join(", "))}`,
    ...(status === "pending" && needed.length > 0 ? [`needed: ${needed.join(" and ")}`] : []),
    ...delegations.map(({ from, to }) => `passed on by ${line(from)} to ${line(to)}`),
  ].join("\n");
}

/** When it may start, where that is not at once. */
function starts({ not_before, opens, closes }: RequestView): string | null {
  const from = opens ?? not_before;
  const told = [
    ...(from === null ? [] : [`not before ${time(from)}`]),
    ...(closes === null ? [] : [`at ${time(closes)} no more`]),
  ].join(", ");
  return told === "" ? null : told;
}

/** What the policy says of it, and how risky it is. */
function policyOf({ verdict, shadow }: RequestView): string | null {
  if (verdict === null) return null;
  const { says, rule, policy, reason, risk, factors } = verdict;
  const { constraints } = shadow ?? verdict;
  const held = shadow === null ? "held to" : "would have been held to";
  const by = rule === null ? "default" : `rule ${line(rule)}`;
  return [
    shadow === null ? `${says} by ${by}: ${line(reason)}` : `nobody asked, in shadow: ${line(reason)}`,
    ...(constraints === null ? [] : [`${held}: ${line(tellConstraints(constraints).join("; "))}`]),
    `risk ${risk}${factors.map((factor) => `; ${line(factor)}`).join("")}`,
    ...(policy === null ? [] : [line(policy)]),
  ].join("\n");
}

/** What came of a request, in a few lines. */
export function outcome(request: RequestView): string {
  return [`${line(request.id)} ${request.status}`, ...outcomeFacts(request).flatMap(fact)].join("\n");
}

function outcomeFacts(request: RequestView): [string, string | null][] {
  const { decision, status, result, error, shadow } = request;
  const decided =
    decision === null
      ? null
      : `${decision.verb} by ${line(decision.reviewer)} at ${time(decision.decided_at)} (${line(decision.via.replaceAll("_", " "))}, ${line(decision.assurance)})`;
  return [
    ["amended", amendedBy(request)],
    ["denied", status === "denied" && request.verdict !== null ? line(request.verdict.reason) : null],
    ["shadow", shadow === null ? null : `nobody was asked: ${line(request.verdict?.reason ?? "")}`],
    ["decision", decided],
    ["reason", decision?.reason ? line(decision.reason) : null],
    ["result", status === "executed" ? pretty(result) : null],
    ["error", error === null ? null : visible(error).trimEnd()],
    ["retry", retryFact(request)],
  ];
}

function attemptFact({ attempt, previous }: RequestView): string | null {
  if (attempt === 1) return null;
  return previous === null ? String(attempt) : `${attempt}, behind ${line(previous)}`;
}

/** How to ask again, where that makes sense. */
function retryFact({ id, feedback, attempt }: RequestView): string | null {
  if (feedback === null) return null;
  if (feedback.retryable) return `changed, with --previous ${line(id)}, as attempt ${attempt + 1}`;
  return feedback.outcome === "denied" ? null : `no: attempt ${attempt} was the last one`;
}

/** What a person changed in the action, which is no longer quite what was asked for. */
function amendedBy({ amended, amended_by }: RequestView): string | null {
  if (amended_by === null) return null;
  const value = (json: Json | undefined) => (json === undefined ? "not there" : line(JSON.stringify(json)));
  const changes = amended.map(({ param, from, to }) => `${line(param)}: ${value(from)} is now ${value(to)}`);
  return [`by ${line(amended_by)}`, ...changes].join("\n");
}

function fact([name, value]: [string, string | null]): string[] {
  if (value === null) return [];
  const [first = "", ...rest] = value.split("\n");
  return [`  ${name.padEnd(10)}${first}`, ...rest.map((one) => `  ${" ".repeat(10)}${one}`)];
}

function pretty(value: Json): string {
  return visible(typeof value === "string" ? value : JSON.stringify(value, null, 2));
}
