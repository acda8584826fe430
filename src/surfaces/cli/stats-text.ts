import type { Decided, Spread, Statistics } from "../../core/statistics.ts";
import type { WouldHave } from "../../core/verdict.ts";
import { line } from "./text.ts";

/** More rows than these are counted in one line. */
const ROWS = 20;

/** The figures as people read them: what waits first, then what was decided, how fast and by whom. */
export function statsText(found: Statistics, lag: Spread | null): string {
  const { waiting, requests, decided, policy, outcomes, unknown, reasons } = found;
  const shadow = Object.entries(found.shadow);
  const risks = Object.entries(waiting.by_risk).filter(([, count]) => count > 0);
  const ages = `${waiting.by_age.under_1h} under an hour, ${waiting.by_age.under_1d} under a day, ${waiting.by_age.older} older`;
  const oldest = waiting.oldest_ms === null ? "" : `; the oldest for ${spanText(waiting.oldest_ms)}`;
  const facts: [string, string][] = [
    ["waiting now", waiting.count === 0 ? "0" : `${waiting.count} (${ages}${oldest})`],
    ...(risks.length === 0
      ? []
      : [["  by risk", risks.map(([risk, n]) => `${riskText(risk)} ${n}`).join(", ")] as [string, string]]),
    ["asked for", `${requests.asked}, ${requests.joined} joined, ${requests.retried} tried again`],
    ["decided", decidedText(decided)],
    ["by the policy", `${policy.allowed} allowed, ${policy.denied} denied`],
    ...(shadow.length === 0
      ? []
      : [["in shadow", shadowText(shadow.map(([, would]) => would))] as [string, string]]),
    ["expired", String(outcomes.expired)],
    ["cancelled", String(outcomes.cancelled)],
    [
      "carried out",
      `${outcomes.executed} executed, ${outcomes.failed} failed, ${unknown} with an unknown end`,
    ],
    ...(lag === null ? [] : [["watcher", watcherText(lag)] as [string, string]]),
  ];
  const span =
    found.from === null ? "Nothing has happened." : `${day(found.from)} to ${day(found.to ?? found.from)}`;
  const people = [
    ...rowsOf("all", { "": decided }),
    ...rowsOf("rule", found.by_rule),
    ...rowsOf("reviewer", found.by_reviewer),
  ];
  const handlers = Object.entries(found.handlers).map(([kind, { count, time_ms }]) => [
    line(kind),
    String(count),
    ...spreadText(time_ms),
  ]);
  return [
    span,
    ...facts.map(([name, text]) => `  ${name.padEnd(15)}${text}`),
    ...(decided.count === 0
      ? []
      : [
          "",
          ...aligned([
            ["TIME TO DECISION", "COUNT", "APPROVED", "50 %", "90 %", "99 %", "UNDER 3 s"],
            ...people,
          ]),
        ]),
    ...(shadow.length === 0
      ? []
      : [
          "",
          ...aligned([
            ["IN SHADOW, WOULD HAVE BEEN", "ASKED", "DENIED", "CONSTRAINED"],
            ...cut(shadow.map(shadowRow)),
          ]),
        ]),
    ...(handlers.length === 0
      ? []
      : ["", ...aligned([["HANDLER", "COUNT", "50 %", "90 %", "99 %"], ...cut(handlers)])]),
    ...(reasons.length === 0
      ? []
      : [
          "",
          "WHY NOT",
          ...reasons.map(({ reason, count }) => `  ${String(count).padStart(4)}  ${line(reason)}`),
        ]),
  ].join("\n");
}

function shadowText(rules: readonly Statistics["shadow"][string][]): string {
  const sum = (what: WouldHave) => rules.reduce((total, would) => total + would[what], 0);
  const asked = `${sum("require_approval")} let through that would have been asked for`;
  return `${asked}, ${sum("deny")} denied, ${sum("allow_with_constraints")} constrained`;
}

function shadowRow([rule, would]: [string, Statistics["shadow"][string]]): string[] {
  const { require_approval, deny, allow_with_constraints } = would;
  return [`rule ${line(rule)}`, ...[require_approval, deny, allow_with_constraints].map(String)];
}

function rowsOf(what: string, all: Readonly<Record<string, Decided>>): string[][] {
  const rows = Object.entries(all).map(([name, one]) => [
    name === "" ? what : `${what} ${line(name)}`,
    String(one.count),
    share(one.approved, one.count),
    ...spreadText(one.time_ms),
    String(one.hasty),
  ]);
  return cut(rows);
}

function cut(rows: string[][]): string[][] {
  return rows.length <= ROWS ? rows : [...rows.slice(0, ROWS), [`and ${rows.length - ROWS} more`]];
}

function decidedText({ count, approved, rejected, changes_requested, hasty }: Decided): string {
  if (count === 0) return "0";
  const parts = [
    `${approved} approved (${share(approved, count)})`,
    `${rejected} rejected (${share(rejected, count)})`,
    `${changes_requested} sent back (${share(changes_requested, count)})`,
    `${hasty} in under 3 s`,
  ];
  return `${count}: ${parts.join(", ")}`;
}

function watcherText(lag: Spread): string {
  const [half, most, nearly] = spreadText(lag);
  return `tells of a save within ${half} (half of them), ${most} (90 %), ${nearly} (99 %)`;
}

function riskText(risk: string): string {
  return risk === "none" ? "not judged" : risk;
}

function share(part: number, whole: number): string {
  return whole === 0 ? "-" : `${Math.round((100 * part) / whole)} %`;
}

function spreadText(spread: Spread | null): string[] {
  return spread === null ? ["-", "-", "-"] : [spread.p50, spread.p90, spread.p99].map(spanText);
}

function spanText(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  const seconds = ms / 1_000;
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  if (seconds < 5_400) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${(seconds / 3_600).toFixed(1)} h` : `${Math.round(seconds / 86_400)} d`;
}

function day(iso: string): string {
  return iso.slice(0, 10);
}

/** Columns side by side; numbers to the right. */
function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
      .join("  ")
      .trimEnd(),
  );
}
