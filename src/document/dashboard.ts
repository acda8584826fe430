import type { Problem } from "../core/codes.ts";
import type { Request, RequestId } from "../core/request.ts";
import { renderProblem } from "./note.ts";
import { inline } from "./visible.ts";

/** The most rows that one table shows; what is beyond is counted. */
const ROWS = 100;

export interface DashboardData {
  /** Requests that are not closed, oldest first. */
  readonly open: readonly Request[];
  readonly problems: ReadonlyMap<RequestId, readonly Problem[]>;
  /** Decided or finished, newest first. */
  readonly recent: readonly Request[];
  /** File names in the decision folders that are not notes of a request. */
  readonly strangers: readonly string[];
  /** Notes of open requests that were moved elsewhere, by path. */
  readonly moved: ReadonlyMap<RequestId, string>;
  readonly notices: readonly string[];
}

/**
 * The dashboard's text. It has no clock in it, so that it only changes when something did; agents' text stands in it
 * escaped, as one line.
 */
export function renderDashboard(data: DashboardData): string {
  const waiting = data.open.filter(({ status }) => status === "pending");
  const unknown = data.open.filter(({ status }) => status === "outcome_unknown");
  const running = data.open.filter(({ status }) => status === "approved" || status === "executing");
  const parts = [
    "# Approvals",
    "Written by Countersign; what you write here is replaced. How to decide: [[Handbook]].",
    ...data.notices.map((notice) => `> [!warning] ${notice}`),
    ...section("Did it happen?", unknown, ["Note", "Title", "What is known"], (request) => [
      link(request),
      inline(request.submission.title),
      request.status === "outcome_unknown" ? inline(request.cause) : "",
    ]),
    ...list("Not understood", tellProblems(data, isUnclear)),
    ...list("Changes proposed", tellProblems(data, isProposal)),
    ...list("Moved away", movedAway(data)),
    ...section(
      `Waiting (${waiting.length})`,
      waiting,
      ["Note", "Title", "Requester", "Since", "Until"],
      (request) => [
        link(request),
        inline(request.submission.title),
        inline(request.submission.fields.requester),
        request.submission.fields.created,
        request.submission.fields.expires,
      ],
    ),
    ...(waiting.length === 0 ? ["## Waiting\n\nNo request waits for a decision."] : []),
    ...section("Approved, not finished", running, ["Note", "Title", "Status"], (request) => [
      link(request),
      inline(request.submission.title),
      request.status,
    ]),
    ...section("Last decisions", data.recent, ["Note", "Title", "Outcome", "By", "At"], (request) => [
      link(request),
      inline(request.submission.title),
      request.status,
      "decision" in request ? inline(request.decision.reviewer) : "",
      "finished_at" in request ? request.finished_at : "",
    ]),
    ...list(
      "Not known to this daemon, and left alone",
      data.strangers.map((name) => inline(name)),
    ),
  ];
  return `${parts.join("\n\n")}\n`;
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

function movedAway({ moved }: DashboardData): string[] {
  return [...moved].map(
    ([id, path]) => `[[${id}]] is now ${inline(path)}; it counts again once it is back where it was.`,
  );
}

function link(request: Request): string {
  return `[[${request.submission.fields.id}]]`;
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
