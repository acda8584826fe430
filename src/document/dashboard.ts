import type { Problem } from "../core/codes.ts";
import { escalatedTo } from "../core/escalation.ts";
import { approversOf, askedOf, type Request, type RequestId } from "../core/request.ts";
import { heldBack } from "../core/shadow.ts";
import type { Figures } from "../core/tally.ts";
import { missingIn } from "../core/voting.ts";
import { inOrderOfNeed } from "../core/waiting.ts";
import { renderFigures } from "./figures.ts";
import { hostInside } from "./frontmatter.ts";
import { renderProblem } from "./note.ts";
import { tellMissing } from "./standing.ts";
import { shortTime } from "./timing.ts";
import { inline } from "./visible.ts";

/** The most rows that one table shows; what is beyond is counted. */
const ROWS = 100;

export interface DashboardData {
  readonly host: string;
  /** Requests that are not closed, oldest first. */
  readonly open: readonly Request[];
  /** Of those, the ones whose time is nearly over. */
  readonly soon: ReadonlySet<RequestId>;
  readonly problems: ReadonlyMap<RequestId, readonly Problem[]>;
  /** Decided or finished, newest first; those that failed once more by themselves. */
  readonly recent: readonly Request[];
  readonly failed: readonly Request[];
  readonly figures: Figures;
  /** Foreign notes that could not be made into requests, by file name, and why. */
  readonly unadopted: readonly { readonly name: string; readonly problems: readonly Problem[] }[];
  /** File names in the decision folders that are not notes of a request. */
  readonly strangers: readonly string[];
  /** Notes of other hosts' requests. */
  readonly otherHosts: readonly { readonly name: string; readonly host: string }[];
  /** Notes of open requests that were moved elsewhere, by path. */
  readonly moved: ReadonlyMap<RequestId, string>;
  readonly notices: readonly string[];
}

/**
 * The dashboard's text, what needs a person first. It has no clock in it, so that it only changes when something did;
 * agents' text stands in it escaped, as one line.
 */
export function renderDashboard(data: DashboardData): string {
  const { open, soon, recent, failed } = data;
  const waiting = open.filter(({ status }) => status === "pending");
  const unknown = open.filter(({ status }) => status === "outcome_unknown");
  const running = open.filter(({ status }) => status === "approved" || status === "executing");
  const isSoon = ({ submission }: Request) => soon.has(submission.fields.id);
  const parts = [
    `---\nhost: ${data.host}\n---\n# Approvals`,
    "Written by Countersign; what you write here is replaced. How to decide: [[Handbook]].",
    ...data.notices.map((notice) => `> [!warning] ${notice}`),
    ...section("Did it happen?", unknown, ["Note", "Title", "What is known"], (request) => [
      link(request),
      titleOf(request),
      request.status === "outcome_unknown" ? inline(request.cause) : "",
    ]),
    ...list("Not understood", tellProblems(data, isUnclear)),
    ...list("Changes proposed", tellProblems(data, isProposal)),
    ...list("Not adopted", notAdopted(data)),
    ...section(
      `Waiting (${waiting.length})`,
      inOrderOfNeed(waiting, isSoon),
      ["Note", "Title", "Requester", "Waits for", "Since", "Until"],
      (request) => [
        link(request),
        titleOf(request),
        inline(request.submission.fields.requester),
        waitsFor(request),
        request.submission.fields.created,
        `${howSoon(request, isSoon(request))}${request.submission.fields.expires}`,
      ],
    ),
    ...(waiting.length === 0 ? ["## Waiting\n\nNo request waits for a decision."] : []),
    ...section("Approved, not finished", running, ["Note", "Title", "Status"], (request) => [
      link(request),
      titleOf(request),
      tellStatus(request),
    ]),
    ...section("Failed lately", failed, ["Note", "Title", "Why", "At"], (request) => [
      link(request),
      titleOf(request),
      request.status === "failed" ? inline(request.error) : "",
      endOf(request),
    ]),
    ...section("Last decisions", recent, ["Note", "Title", "Outcome", "By", "At"], (request) => [
      link(request),
      titleOf(request),
      request.status.replaceAll("_", " "),
      deciderOf(request),
      endOf(request),
    ]),
    ...renderFigures(data.figures),
    ...list(
      "Not known to this daemon, and left alone",
      data.strangers.map((name) => inline(name)),
    ),
    ...list(
      "Of other hosts, and left alone",
      data.otherHosts.map(({ name, host }) => `${inline(name)} belongs to host ${inline(host)}.`),
    ),
    ...list("Moved away", movedAway(data)),
  ];
  return `${parts.join("\n\n")}\n`;
}

function tellStatus(request: Request): string {
  if (request.status !== "approved" || request.opens === null) return request.status;
  const unless = "decision" in request ? " unless taken back" : "";
  return `approved, starts at ${shortTime(request.opens)}${unless}`;
}

/** Nobody where nobody decided: what the policy answered by itself is told as its own. */
function deciderOf(request: Request): string {
  if ("decision" in request) return inline(request.decision.reviewer);
  if (request.status === "denied") return "policy";
  if (!("allowed_at" in request)) return "";
  return heldBack(request.submission.verdict) === null ? "policy" : "nobody (shadow)";
}

/** Who has approved, and who is needed yet. */
function waitsFor(request: Request): string {
  const approved = approversOf(request).map((name) => inline(name));
  const missing = missingIn(request).map(tellMissing);
  const asked = escalatedTo(request).map((name) => inline(name));
  return [
    missing.length === 0 ? "anyone" : missing.join(" and "),
    ...(missing.length === 0 || approved.length === 0 ? [] : [`approved by ${approved.join(", ")}`]),
    ...(asked.length === 0 ? [] : [`escalated to ${asked.join(", ")}`]),
  ].join("; ");
}

function howSoon({ reminded = 0 }: Request, isSoon: boolean): string {
  return reminded > 1 ? "**very soon**: " : isSoon ? "**soon**: " : "";
}

/** Whether a text is a dashboard of this host's daemon: nothing else may be replaced by it. */
export function isDashboardOf(host: string, text: string): boolean {
  return hostInside(Buffer.from(text)) === host;
}

function tellProblems({ problems }: DashboardData, which: (found: Problem) => boolean): string[] {
  return [...problems].flatMap(([id, found]) =>
    found.filter(which).map((one) => `[[${id}]]: ${renderProblem(one)}`),
  );
}

function isProposal({ code }: Problem): boolean {
  return code === "action_proposed";
}

function isUnclear(found: Problem): boolean {
  return !isProposal(found);
}

function notAdopted({ unadopted }: DashboardData): string[] {
  return unadopted.flatMap(({ name, problems }) =>
    problems.map((one) => `${inline(name)}: ${renderProblem(one)}`),
  );
}

function movedAway({ moved }: DashboardData): string[] {
  return [...moved].map(
    ([id, path]) => `[[${id}]] is now ${inline(path)}; it counts again once it is back where it was.`,
  );
}

function link(request: Request): string {
  return `[[${request.submission.fields.id}]]`;
}

function titleOf(request: Request): string {
  const asked = askedOf(request);
  const title = inline(request.submission.title);
  return asked === 1 ? title : `${title} (asked ${asked} times)`;
}

/** To the second, as the other times are. */
function endOf(request: Request): string {
  return "finished_at" in request ? shortTime(request.finished_at) : "";
}

function section(
  heading: string,
  requests: readonly Request[],
  columns: readonly string[],
  row: (request: Request) => readonly string[],
): string[] {
  if (requests.length === 0) return [];
  const table = [
    `| ${columns.join(" | ")} |`,
    `|${columns.map(() => " --- ").join("|")}|`,
    ...requests.slice(0, ROWS).map((request) => `| ${row(request).join(" | ")} |`),
  ];
  const more = requests.length > ROWS ? `\n\nand ${requests.length - ROWS} more.` : "";
  return [`## ${heading}\n\n${table.join("\n")}${more}`];
}

function list(heading: string, lines: readonly string[]): string[] {
  if (lines.length === 0) return [];
  const more = lines.length > ROWS ? [`- and ${lines.length - ROWS} more`] : [];
  return [`## ${heading}\n\n${[...lines.slice(0, ROWS).map((line) => `- ${line}`), ...more].join("\n")}`];
}
