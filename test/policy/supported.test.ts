import { expect, test } from "vitest";
import { notSupported } from "../../src/policy/supported.ts";
import { policyOf } from "./stage.ts";

const rule = (rest: string, decision = "require_approval") =>
  policyOf(
    `rules:\n  - { id: first, decision: deny, when: "params.x == 1" }\n  - { id: r, decision: ${decision}, ${rest} }\n`,
  );

test.each([["editable", "editable: [payee.name]"]])("a rule with %s is not taken: %s", (key, text) => {
  const found = notSupported(rule(text));
  expect(found).toMatchObject([{ code: "not_supported_yet", warning: true, line: 3 }]);
  expect(found[0]?.message).toContain(key);
  expect(found[0]?.message).toContain("rule r");
});

test("nor is one whose sample asks for what cannot be seen to", () => {
  expect(notSupported(rule("sample: 5%, editable: [payee.name]", "allow"))).toHaveLength(1);
});

test("what is obeyed is taken, constraints among it", () => {
  expect(
    notSupported(
      rule(
        "expires: 1h, execute_by: 1h, settle: 0s, cool_off: 1m, escalate: [{ after: 1m, to: lead }], editable: [amount], tags: [money], max_attempts: 3, reason: Because.",
      ),
    ),
  ).toEqual([]);
  expect(notSupported(rule("sample: 5%", "allow"))).toEqual([]);
  expect(notSupported(rule("constraints: { max_runtime_sec: 60 }", "allow_with_constraints"))).toEqual([]);
});
