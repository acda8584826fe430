import type { Finding } from "../../core/codes.ts";
import { tellConstraints } from "../../core/constraints.ts";
import { formatDuration } from "../../core/duration.ts";
import type { ApproverGroup, Requirements } from "../../core/verdict.ts";
import type { Judgement } from "../../policy/judge.ts";
import type { LimitFound } from "../../policy/limits.ts";
import { line } from "./text.ts";

/** One line per finding, and its hint. */
export function findingLines(findings: readonly Finding[]): readonly string[] {
  return findings.map(({ file, line: at, warning, message, hint, code }) => {
    const kind = warning ? "warning: " : "";
    return `${line(file)}:${at}: ${kind}${line(message)} [${code}]\n  ${line(hint)}`;
  });
}

export function verdictLine({ verdict, rule, joined }: Judgement): string {
  const also = joined.length === 0 ? "" : `, and ${line(joined.join(", "))}`;
  return `${verdict} by ${rule === null ? "default" : `rule ${line(rule)}`}${also}`;
}

/** What the policy says of an action and why, as a block. */
export function explanation(judgement: Judgement): string {
  const { reason, risk, requirements, constraints, sample, policy, trace, limits } = judgement;
  const facts: [string, string | null][] = [
    ["reason", line(reason)],
    ["risk", [risk.level, ...risk.factors].map(line).join("; ")],
    ["sample", sample === null ? null : `${sample * 100}% of these go to a person`],
    ["held to", constraints === null ? null : line(tellConstraints(constraints).join("; "))],
    ...(requirements === null ? [] : requirementFacts(requirements)),
    ["policy", policy],
  ];
  const rules = trace.map(({ rule, decision, matched, because }) => {
    const mark = matched === true ? "yes  " : matched === false ? "no   " : "doubt";
    return `  ${mark}  ${line(rule)} (${decision})${because === null ? "" : `: ${line(because)}`}`;
  });
  return [
    verdictLine(judgement),
    ...facts.flatMap(([name, value]) => (value === null ? [] : [`  ${name.padEnd(13)}${value}`])),
    "",
    "Rules, in the order in which they are tried (a deny that matches wins):",
    ...(rules.length === 0 ? ["  none"] : rules),
    ...(limits.length === 0 ? [] : ["", "Limits that it falls under:", ...limits.map(limitLine)]),
  ].join("\n");
}

function limitLine({ exceeded, decision, told }: LimitFound): string {
  const mark = exceeded === true ? "over " : exceeded === false ? "below" : "doubt";
  return `  ${mark}  ${line(told)}${exceeded === false ? "" : ` (${decision})`}`;
}

function requirementFacts(asked: Requirements): [string, string | null][] {
  const span = (ms: number | null) => (ms === null ? null : formatDuration(ms));
  const list = (texts: readonly string[]) => (texts.length === 0 ? null : line(texts.join(", ")));
  return [
    ["approvers", asked.approvers.map(groupText).join(" and ")],
    ["assurance", asked.min_assurance === "edit" ? null : asked.min_assurance],
    ["expires", span(asked.expires_ms)],
    ["execute by", span(asked.execute_by_ms)],
    ["settle", span(asked.settle_ms)],
    ["cool off", span(asked.cool_off_ms)],
    [
      "escalate",
      list(asked.escalate.map(({ after_ms, to }) => `after ${formatDuration(after_ms)} to ${to.join(", ")}`)),
    ],
    ["editable", list(asked.editable ?? [])],
    ["checklist", list(asked.checklist)],
    ["tags", list(asked.tags)],
    ["max attempts", asked.max_attempts === null ? null : String(asked.max_attempts)],
  ];
}

function groupText({ of, quorum }: ApproverGroup): string {
  return of === null ? `${quorum} of anybody` : `${quorum} of ${line(of.join(", "))}`;
}
