import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { kinds, loadTexts, peopleOf, UNKNOWN } from "./stage.ts";
import { KNOWN, WRONG } from "./wrong-policies.ts";

const told = (texts: Record<string, string>, known = KNOWN) =>
  loadTexts(texts, known).findings.map(({ code, line, file }) => [code, file, line]);

describe("a wrong policy is refused", () => {
  test.each(WRONG)("%s", (_, text, code, line) => {
    const { policy, findings } = loadTexts({ "policy.yaml": text, "base.yaml": "rules: []" }, KNOWN);
    expect(findings.filter(({ warning }) => !warning)).toContainEqual(
      expect.objectContaining({ code, line }),
    );
    expect(policy).toBeNull();
    for (const { message, hint } of findings) expect(message && hint).toBeTruthy();
  });

  test("all that is wrong is told at once", () => {
    const text = "default: no\nrules:\n  - { id: a, decision: allow, prio: 1, when: 'x' }\n";
    expect(told({ "policy.yaml": text })).toEqual([
      ["wrong_value", "policy.yaml", 1],
      ["unknown_key", "policy.yaml", 3],
      ["expression_unknown", "policy.yaml", 3],
    ]);
  });

  test("no text makes loading throw", () => {
    const parts = fc.constantFrom(
      ..."rules: - id: a decision: allow deny when: match: kind: [ ] { } ' \" | & * 5% quorum: escalate: to: \n   extends: risk:".split(
        " ",
      ),
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(parts).map((words) => words.join(" ")),
          fc.array(parts).map((words) => words.join("\n")),
        ),
        (text) => {
          loadTexts({ "policy.yaml": text }, KNOWN);
        },
      ),
    );
  });
});

describe("what is allowed and probably not meant is a warning", () => {
  test.each([
    ["several approvers at assurance edit", "approvers: treasury, quorum: 2", "one_hand"],
    ["groups at assurance edit", "approvers: [{ of: treasury }, { of: compliance }]", "one_hand"],
  ])("%s", (_, keys, code) => {
    const text = `rules:\n  - { id: a, decision: require_approval, ${keys} }\n`;
    const { policy, findings } = loadTexts({ "policy.yaml": text }, KNOWN);
    expect(findings).toEqual([expect.objectContaining({ code, warning: true, line: 2 })]);
    expect(policy).not.toBeNull();
  });

  test.each([
    [
      "behind a rule that always decides",
      "{ id: a, decision: allow }",
      "{ id: b, decision: require_approval }",
      "b",
    ],
    [
      "behind a deny, whatever its priority",
      "{ id: a, priority: 9, decision: allow }",
      "{ id: d, decision: deny }",
      "a",
    ],
    [
      "behind a rule for more kinds",
      "{ id: a, match: { kind: '*' }, decision: allow }",
      "{ id: b, match: { kind: payment }, decision: allow }",
      "b",
    ],
    [
      "behind a tag that the kind always has",
      "{ id: a, match: { tags: money }, decision: allow }",
      "{ id: b, match: { kind: payment }, decision: allow }",
      "b",
    ],
  ])("a rule %s", (_, one, other, shadowed) => {
    const { findings } = loadTexts({ "policy.yaml": `rules:\n  - ${one}\n  - ${other}\n` }, KNOWN);
    expect(findings.map(({ code, message }) => [code, message.split(" ")[0]])).toEqual([
      ["shadowed", shadowed],
    ]);
  });

  test.each([
    ["a condition", "{ id: a, when: 'has(params.payee)', decision: allow }"],
    ["another requester", "{ id: a, match: { requester: x }, decision: allow }"],
    ["fewer kinds", "{ id: a, match: { kind: deploy }, decision: allow }"],
  ])("not behind a rule with %s", (_, one) => {
    const text = `rules:\n  - ${one}\n  - { id: b, match: { kind: '*' }, decision: require_approval }\n`;
    expect(told({ "policy.yaml": text })).toEqual([]);
  });
});

describe("files that extend others", () => {
  const base = "rules:\n  - { id: no-delete, match: { kind: deploy }, decision: deny }\n";

  test("are one policy, parents first", () => {
    const child = "extends: base.yaml\nrules:\n  - { id: a, decision: allow }\n";
    const { policy } = loadTexts({ "policy.yaml": child, "base.yaml": base }, KNOWN);
    expect(policy?.files).toEqual(["base.yaml", "policy.yaml"]);
    expect(policy?.rules.map(({ id }) => id)).toEqual(["no-delete", "a"]);
  });

  test("are taken once, however often they are extended", () => {
    const texts = {
      "policy.yaml": "extends: [left.yaml, right.yaml]",
      "left.yaml": "extends: base.yaml",
      "right.yaml": "extends: base.yaml",
      "base.yaml": base,
    };
    expect(loadTexts(texts, KNOWN).policy?.files).toEqual([
      "base.yaml",
      "left.yaml",
      "right.yaml",
      "policy.yaml",
    ]);
  });

  test("give another snapshot when any of them changes", () => {
    const snapshot = (text: string) =>
      loadTexts({ "policy.yaml": "extends: base.yaml", "base.yaml": text }).policy?.snapshot;
    expect(snapshot(base)).toBe(snapshot(base));
    expect(snapshot(base)).not.toBe(snapshot(`${base}# more\n`));
  });

  test("may not go round in a circle", () => {
    const texts = { "policy.yaml": "extends: b.yaml", "b.yaml": "default: allow\nextends:\n  - policy.yaml" };
    expect(told(texts)).toEqual([["extends_cycle", "b.yaml", 3]]);
  });

  test("have ids of their own", () => {
    const child = "extends: base.yaml\nrules:\n  - { id: no-delete, decision: allow }\n";
    expect(told({ "policy.yaml": child, "base.yaml": base })).toContainEqual([
      "duplicate_id",
      "policy.yaml",
      3,
    ]);
  });

  test("keep the strictest default, and none may be looser than what it extends", () => {
    const load = (own: string, above: string) =>
      loadTexts({ "policy.yaml": `extends: base.yaml\n${own}`, "base.yaml": above });
    expect(load("", "default: deny").policy?.default).toBe("deny");
    expect(load("default: deny", "default: allow").policy?.default).toBe("deny");
    expect(load("default: allow", "").policy?.default).toBe("allow");
    expect(load("default: allow", "default: deny").findings).toEqual([
      expect.objectContaining({ code: "weakens_parent" }),
    ]);
  });

  test.each([
    ["match: { risk: low }", true],
    ["match: { risk: [medium, high] }", true],
    ["match: { risk: [high, critical] }", false],
    ["when: \"action.risk == 'low'\"", true],
    ["when: \"action.risk in ['high', 'critical']\"", false],
    ["when: 'action.factors.size() == 0'", true],
    ["when: \"requester == 'x'\"", false],
  ])("may not lead an action out of a deny by its risk: %s", (condition, weakens) => {
    const texts = {
      "policy.yaml": "extends: base.yaml\nrisk:\n  - { level: critical, factor: F }\n",
      "base.yaml": `risk:\n  - { level: high, factor: G }\n  - { level: medium, factor: H }\nrules:\n  - { id: d, ${condition}, decision: deny }\n`,
    };
    expect(loadTexts(texts).findings.map(({ code }) => code)).toEqual(weakens ? ["weakens_parent"] : []);
  });
});

test("without a configuration and people, names and kinds are taken as they are", () => {
  const text =
    "rules:\n  - { id: a, match: { kind: x }, when: 'params.y > 1', decision: require_approval, approvers: zoe }\n";
  expect(loadTexts({ "policy.yaml": text }, UNKNOWN).findings).toEqual([]);
});

test("a field that only some kinds have may be asked for", () => {
  const known = kinds(
    {
      a: { params: { type: "object", additionalProperties: false, properties: { x: { type: "integer" } } } },
      b: { params: { type: "object", additionalProperties: false, properties: { y: { type: "integer" } } } },
    },
    peopleOf({}),
  );
  const text = "rules:\n  - { id: a, when: 'has(params.x) && params.x > 1', decision: deny }\n";
  expect(loadTexts({ "policy.yaml": text }, known).findings).toEqual([]);
});
