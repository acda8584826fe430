import { type Finding, finding } from "../core/codes.ts";
import type { Requirements } from "../core/verdict.ts";
import { checkWhole } from "./check.ts";
import { checkPaths } from "./check-limits.ts";
import { compile, type Test } from "./expression.ts";
import type { Known } from "./known.ts";
import { composeLayers, type Layer, type ReadText } from "./layers.ts";
import { type ParamsType, typeOfSchema } from "./params-type.ts";
import { DEFAULTS, type DefaultVerdict, inOrder, type Match, type Policy, type Rule } from "./policy.ts";
import { findUnreachable, kindsFor } from "./reach.ts";
import type { WrittenExpression } from "./read-policy.ts";
import { snapshotOf } from "./snapshot.ts";

export interface Loaded {
  /** Null where anything but a warning was found. */
  readonly policy: Policy | null;
  readonly findings: readonly Finding[];
}

/** Loads a policy with all that it extends, and finds everything that is wrong with it. Never throws. */
export function loadPolicy(name: string, read: ReadText, known: Known): Loaded {
  const findings: Finding[] = [];
  const layers = composeLayers(name, read, findings);
  const params = new Map<string, ParamsType>();
  for (const [kind, { params: schema }] of known.kinds ?? []) params.set(kind, typeOfSchema(schema ?? true));
  const written = layers.flatMap(({ file }) => file.rules);
  const rules = written.map((rule): Rule => {
    const when = compileWhen(rule.when, rule.match, true, known, params, findings);
    const { id, place, priority, match, decision, reason, requirements, constraints, sample } = rule;
    return { id, place, priority, match, when, decision, reason, requirements, constraints, sample };
  });
  const factors = layers.flatMap(({ file }) =>
    file.factors.map((factor) => ({
      ...factor,
      when: compileWhen(factor.when, factor.match, false, known, params, findings),
    })),
  );
  for (const rule of written) findings.push(...findUnreachable(rule, known, factors));
  for (const factor of layers.flatMap(({ file }) => file.factors)) {
    findings.push(...findUnreachable(factor, known, []));
  }
  for (const limit of layers.flatMap(({ file }) => file.limits)) {
    findings.push(...findUnreachable({ ...limit, when: null }, known, factors));
    findings.push(...checkPaths(limit, known, params));
  }
  findings.push(...checkWhole(layers, known));
  findings.sort((a, b) => a.file.localeCompare(b.file) || a.line - b.line);
  if (findings.some(({ warning }) => !warning)) return { policy: null, findings };
  const policy: Policy = {
    snapshot: snapshotOf(layers),
    files: layers.map((layer) => layer.name),
    default: defaultOf(layers),
    factors,
    rules: inOrder(rules.map((rule) => withHours(rule, known))),
    limits: layers.flatMap(({ file }) => file.limits.map((limit) => withHours(limit, known))),
    calendar: usesWorkingTime(layers) ? (known.people?.workingEnd ?? null) : null,
    params,
  };
  return { policy, findings };
}

/** Where a rule names no hours, the only ones that there are are meant. */
function withHours<R extends { readonly requirements: Requirements | null }>(rule: R, { people }: Known): R {
  const { requirements } = rule;
  if (requirements?.working === undefined || requirements.working.hours !== null) return rule;
  const [only = null, other] = people?.hoursNames ?? [];
  const working = { ...requirements.working, hours: other === undefined ? only : null };
  return { ...rule, requirements: { ...requirements, working } };
}

function usesWorkingTime(layers: readonly Layer[]): boolean {
  return layers.some(({ file }) =>
    [...file.rules, ...file.limits].some(({ requirements }) => requirements?.working !== undefined),
  );
}

function compileWhen(
  when: WrittenExpression | null,
  match: Match,
  risk: boolean,
  known: Known,
  params: ReadonlyMap<string, ParamsType>,
  findings: Finding[],
): Test | null {
  if (when === null) return null;
  const kinds = new Map([...params].filter(([kind]) => kindsFor(match, known)?.includes(kind) ?? true));
  // A rule that no kind matches is told as such; its expression is then held against nothing.
  const compiled = compile(when.text, { risk, kinds });
  if (typeof compiled === "function") return compiled;
  const place = { file: when.file, line: when.line + compiled.line };
  findings.push(finding(compiled.code, place, compiled.message, compiled.hint));
  return null;
}

/** The strictest that any of the files says. */
function defaultOf(layers: readonly Layer[]): DefaultVerdict {
  const said = layers.flatMap(({ file }) => file.default ?? []);
  return DEFAULTS.findLast((one) => said.includes(one)) ?? "require_approval";
}
