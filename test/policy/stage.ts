import type { JsonObject } from "../../src/core/json.ts";
import { type Judgement, judge } from "../../src/policy/judge.ts";
import type { Known, KnownKind } from "../../src/policy/known.ts";
import type { FoundText } from "../../src/policy/layers.ts";
import { type Loaded, loadPolicy } from "../../src/policy/load.ts";
import type { PeopleForRules, Policy, Subject } from "../../src/policy/policy.ts";

export const NOW = Date.parse("2026-11-21T09:14:03Z");

export const UNKNOWN: Known = { kinds: null, people: null };

/** Loads files that are given by name; the first is the policy's own. */
export function loadTexts(texts: Readonly<Record<string, string>>, known: Known = UNKNOWN): Loaded {
  const [own = ""] = Object.keys(texts);
  const read = (name: string): FoundText | { because: string } => {
    const text = texts[name.replace(/^\.\//, "")];
    return text === undefined ? { because: "it is not there" } : { id: name, name, text };
  };
  return loadPolicy(own, read, known);
}

/** A policy from its text, which must be right; warnings are let pass. */
export function policyOf(text: string, known: Known = UNKNOWN): Policy {
  const { policy, findings } = loadTexts({ "policy.yaml": text }, known);
  if (policy === null) throw new Error(JSON.stringify(findings, null, 2));
  return policy;
}

export function subject(given: Partial<Subject> & { params?: JsonObject } = {}): Subject {
  return {
    kind: "payment",
    params: {},
    tags: [],
    requester: "billing-agent",
    on_behalf_of: null,
    key: null,
    created: NOW,
    now: NOW,
    ...given,
  };
}

export function ask(text: string, given: Partial<Subject> = {}, known: Known = UNKNOWN): Judgement {
  return judge(policyOf(text, known), subject(given));
}

function kind(given: Partial<KnownKind> = {}): KnownKind {
  return { params: null, tags: [], expires_ms: 86_400_000, ...given };
}

export function kinds(
  given: Readonly<Record<string, Partial<KnownKind>>>,
  people: PeopleForRules | null = null,
): Known {
  return { kinds: new Map(Object.entries(given).map(([name, one]) => [name, kind(one)])), people };
}

/** People by group; whoever is in one is known. */
export function peopleOf(groups: Readonly<Record<string, readonly string[]>>): PeopleForRules {
  const persons = new Set(Object.values(groups).flat());
  return {
    hoursNames: [],
    workingEnd: (_hours, _span, from) => from,
    knows: (name) => persons.has(name) || Object.hasOwn(groups, name),
    atOnce: (names) =>
      new Set(names.flatMap((name) => groups[name] ?? (persons.has(name) ? [name] : []))).size,
  };
}
