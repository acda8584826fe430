import type { FindingCode } from "../../src/core/codes.ts";
import { kinds, peopleOf } from "./stage.ts";

/** What the wrong policies are held against. */
export const KNOWN = kinds(
  {
    payment: {
      tags: ["money"],
      params: {
        type: "object",
        additionalProperties: false,
        properties: {
          amount_cents: { type: "integer" },
          payee: { type: "string" },
          items: { type: "array" },
        },
      },
    },
    deploy: {
      tags: ["prod", "write"],
      params: { type: "object", properties: { environment: { type: "string" } } },
    },
  },
  peopleOf({ treasury: ["anna", "ben"], compliance: ["anna", "cleo"], empty: [] }),
);

/** A rule that asks for an approval, with more lines. */
const asks = (...lines: string[]) =>
  ["rules:", "  - id: r", "    decision: require_approval", ...lines.map((line) => `    ${line}`)].join("\n");
const allows = (...lines: string[]) =>
  ["rules:", "  - id: r", "    decision: allow", ...lines.map((line) => `    ${line}`)].join("\n");

type Wrong = readonly [name: string, text: string, code: FindingCode, line: number];

/** A limit with more lines; a line of its own in place of one of these takes that one's place. */
const limits = (...lines: string[]) => {
  const own = new Map(
    ["id: l", "within: 1d", "over: 5", "decision: deny"].map((line) => [line.split(":")[0], line]),
  );
  for (const line of lines) own.set(line.split(":")[0], line);
  return ["limits:", ...[...own.values()].map((line, at) => `${at === 0 ? "  - " : "    "}${line}`)].join(
    "\n",
  );
};

export const WRONG: readonly Wrong[] = [
  ["a limit without a decision", "limits: [{ id: l, within: 1d, over: 5 }]", "key_missing", 1],
  ["a limit without a time", "limits: [{ id: l, over: 5, decision: deny }]", "key_missing", 1],
  ["a limit that allows", limits("decision: allow"), "wrong_value", 5],
  ["a limit of no time", limits("within: 0s"), "wrong_value", 3],
  ["a limit of a year", limits("within: 365d"), "wrong_value", 3],
  ["a limit below nothing", limits("over: -1"), "wrong_value", 4],
  ["a limit that is no number", limits("over: much"), "wrong_value", 4],
  ["a limit on the risk", limits("match: { risk: high }"), "not_together", 6],
  ["a limit that adds up no param", limits("sum: amount_cents"), "wrong_value", 6],
  ["a limit per what is not there", limits("per: [requester, payee]"), "wrong_value", 6],
  ["a limit that adds up what no kind has", limits("sum: params.amount"), "expression_unknown", 6],
  [
    "a limit that adds up texts",
    limits("match: { kind: payment }", "sum: params.payee"),
    "expression_type",
    7,
  ],
  ["a limit per list", limits("match: { kind: payment }", "per: params.items"), "expression_type", 7],
  ["a limit for no kind", limits("match: { kind: refund }"), "never_matches", 2],
  ["a limit that denies with approvers", limits("approvers: treasury"), "not_together", 6],
  [
    "a limit that asks somebody unknown",
    limits("decision: require_approval", "approvers: dora"),
    "unknown_person",
    6,
  ],
  ["a limit with a rule's id", `${limits()}\nrules: [{ id: l, decision: deny }]`, "duplicate_id", 2],
  ["broken YAML", "rules: [", "not_plain_yaml", 1],
  ["an anchor", "rules: []\ndefault: &a allow", "not_plain_yaml", 2],
  ["a key twice", "default: allow\ndefault: deny", "not_plain_yaml", 2],
  ["a list at the top", "- a", "wrong_value", 1],
  ["an unknown key at the top", "default: allow\nrule: []", "unknown_key", 2],
  ["another system's policy", "apiVersion: governance.toolkit/v1", "unknown_key", 1],
  ["an unknown key in a rule", allows("decission: deny"), "unknown_key", 4],
  ["an unknown key in match", allows("match:", "  kinds: payment"), "unknown_key", 5],
  ["a default that is no verdict", "rules: []\ndefault: maybe", "wrong_value", 2],
  ["a default that would need constraints", "default: allow_with_constraints", "wrong_value", 1],
  ["rules that are no list", "rules: {}", "wrong_value", 1],
  ["a rule that is no map", "rules:\n  - allow", "wrong_value", 2],
  ["a rule without id", "rules:\n  - decision: allow", "key_missing", 2],
  ["a rule without decision", "rules:\n  - id: a", "key_missing", 2],
  ["an id that is no name", "rules:\n  - id: 'a b'\n    decision: allow", "wrong_value", 2],
  ["an unknown decision", "rules:\n  - id: a\n    decision: approve", "wrong_value", 3],
  ["a priority that is no number", allows("priority: high"), "wrong_value", 4],
  ["two rules with one id", `${allows()}\n  - id: r\n    decision: deny`, "duplicate_id", 4],
  ["an empty reason", allows("reason: ''"), "wrong_value", 4],
  ["approvers of an allow", allows("approvers: anna"), "not_together", 4],
  ["a longer time to take back than to start", asks("cool_off: 1h", "execute_by: 1h"), "not_together", 5],
  ["an item of a list to be edited", asks("editable: ['items[0].price']"), "wrong_value", 4],
  ["a sample of an approval", asks("sample: 5%"), "not_together", 4],
  ["a sample of nothing", allows("sample: 0%"), "wrong_value", 4],
  ["a sample above all", allows("sample: 101%"), "wrong_value", 4],
  ["a sample without %", allows("sample: 0.05"), "wrong_value", 4],
  ["constraints of an allow", allows("constraints: { max_runtime_sec: 1 }"), "not_together", 4],
  ["a constraint that there is none of", asks("constraints:", "  max_cost: 1"), "unknown_key", 5],
  ["no time to run", asks("constraints: { max_runtime_sec: 0 }"), "wrong_value", 4],
  [
    "a host that is none",
    asks("constraints:", "  network_allowlist: [https://a.example/]"),
    "wrong_value",
    5,
  ],
  [
    "constraints that are missing",
    "rules:\n  - id: a\n    decision: allow_with_constraints",
    "key_missing",
    2,
  ],
  ["a duration without unit", asks("expires: 60"), "wrong_value", 4],
  ["a duration of nothing", asks("expires: 0s"), "wrong_value", 4],
  ["an unknown assurance", asks("min_assurance: strong"), "wrong_value", 4],
  ["attempts below one", asks("max_attempts: 0"), "wrong_value", 4],
  ["a checklist with a number", asks("checklist: [1]"), "wrong_value", 4],
  ["an expression that cannot be read", allows('when: "1 +"'), "expression_syntax", 4],
  ["an unknown variable", allows('when: "amount > 5"'), "expression_unknown", 4],
  ["an unknown function", allows("when: 'sha256(params.payee) == \"x\"'"), "expression_unknown", 4],
  [
    "a misspelt param",
    allows("match: { kind: payment }", 'when: "params.amuont_cents > 5"'),
    "expression_unknown",
    5,
  ],
  ["a misspelt field of the action", allows("when: \"action.kinds == 'x'\""), "expression_unknown", 4],
  [
    "a param of another type",
    allows("match: { kind: payment }", 'when: "params.payee > 5"'),
    "expression_type",
    5,
  ],
  [
    "an expression that is no yes or no",
    allows('when: "params.environment"', "match: { kind: deploy }"),
    "expression_type",
    4,
  ],
  [
    "the line inside a block",
    allows("match: { kind: payment }", "when: |", "  has(params.payee) &&", "  params.payee == 5"),
    "expression_type",
    7,
  ],
  [
    "an expression that is too long",
    allows(`when: "${"true || ".repeat(300)}true"`),
    "expression_too_costly",
    4,
  ],
  [
    "an expression that is too deep",
    allows(`when: "${"(".repeat(40)}true${")".repeat(40)}"`),
    "expression_too_costly",
    4,
  ],
  [
    "a list for every element of a list",
    allows("match: { kind: payment }", 'when: "params.items.exists(i, params.items.exists(j, i == j))"'),
    "expression_too_costly",
    5,
  ],
  [
    "a pattern that is not written out",
    allows("match: { kind: payment }", 'when: "params.payee.matches(params.payee)"'),
    "pattern_refused",
    5,
  ],
  [
    "a pattern that looks back",
    allows("match: { kind: payment }", "when: 'params.payee.matches(r\"(a)\\1\")'"),
    "pattern_refused",
    5,
  ],
  ["a kind that is not there", allows("match: { kind: refund }"), "never_matches", 2],
  ["a glob of kinds that are not there", allows("match: { kind: 'refund_*' }"), "never_matches", 2],
  ["a tag that the kind has not", allows("match: { kind: payment, tags: prod }"), "never_matches", 2],
  ["a risk that is no risk", allows("match: { risk: severe }"), "never_matches", 4],
  ["a risk that no factor gives", allows("match: { risk: high }"), "never_matches", 2],
  ["an expression that is false", allows("when: false"), "never_matches", 4],
  ["a part that is false", allows("when: \"action.kind == 'payment' && 1 > 2\""), "never_matches", 4],
  ["a part that always fails", allows('when: "1 / 0 > 2"'), "never_matches", 4],
  [
    "an expression against its match",
    allows("match: { kind: payment }", "when: \"action.kind == 'deploy'\""),
    "never_matches",
    5,
  ],
  [
    "an expression against the tags",
    allows("match: { kind: payment }", "when: \"'prod' in action.tags\""),
    "never_matches",
    5,
  ],
  ["a quorum of nobody", asks("quorum: 0"), "quorum_impossible", 4],
  ["a quorum below nobody", asks("quorum: -1"), "wrong_value", 4],
  ["a quorum above its roster", asks("approvers: treasury", "quorum: 3"), "quorum_impossible", 5],
  ["one person under two names", asks("approvers: [anna, treasury]", "quorum: 3"), "quorum_impossible", 5],
  ["a quorum of an empty group", asks("approvers: empty"), "quorum_impossible", 2],
  [
    "groups that share too few persons",
    asks("approvers:", "  - { of: treasury, quorum: 2 }", "  - { of: compliance, quorum: 2 }"),
    "quorum_impossible",
    4,
  ],
  ["a quorum beside groups", asks("approvers: [{ of: treasury }]", "quorum: 1"), "not_together", 5],
  ["a group without names", asks("approvers: [{ quorum: 1 }]"), "key_missing", 4],
  ["an unknown person", asks("approvers: [anna, zoe]"), "unknown_person", 4],
  ["an escalation to nobody", asks("escalate: [{ after: 5m }]"), "escalation_nowhere", 4],
  ["an escalation to an empty list", asks("escalate: [{ after: 5m, to: [] }]"), "escalation_nowhere", 4],
  ["an escalation to somebody unknown", asks("escalate: [{ after: 5m, to: zoe }]"), "escalation_nowhere", 4],
  ["an escalation to an empty group", asks("escalate: [{ after: 5m, to: empty }]"), "escalation_nowhere", 4],
  [
    "an escalation after the end",
    asks("expires: 1h", "escalate: [{ after: 1h, to: anna }]"),
    "escalation_nowhere",
    5,
  ],
  [
    "an escalation after the action's own end",
    asks("escalate: [{ after: 25h, to: anna }]"),
    "escalation_nowhere",
    4,
  ],
  [
    "escalations out of order",
    asks("escalate: [{ after: 10m, to: anna }, { after: 5m, to: ben }]"),
    "escalation_nowhere",
    4,
  ],
  ["a risk factor without words", "risk:\n  - level: high", "key_missing", 2],
  ["a risk factor that is no risk", "risk:\n  - { level: low, factor: F }", "wrong_value", 2],
  [
    "a risk factor over the risk",
    "risk:\n  - { level: high, factor: F, when: \"action.risk == 'low'\" }",
    "expression_unknown",
    2,
  ],
  [
    "a risk factor that matches on risk",
    "risk:\n  - { level: high, factor: F, match: { risk: low } }",
    "not_together",
    2,
  ],
  ["a file that is not there", "default: allow\nextends: [base.yaml, nope.yaml]", "extends_unreadable", 2],
  ["a policy that extends itself", "extends: policy.yaml", "extends_cycle", 1],
];
