import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/core/json.ts";
import { judge } from "../../src/policy/judge.ts";
import { renderStarter } from "../../src/policy/starter.ts";
import { kinds, loadTexts, policyOf, subject, UNKNOWN } from "./stage.ts";

const object = (properties: JsonObject, more: JsonObject = {}): JsonObject => ({
  type: "object",
  properties,
  ...more,
});
const NUMBER = { type: "number" };

/** The actions of the Markdown approval workflow. */
const WORKFLOW: Record<string, JsonObject | null> = {
  payment: object({ amount: NUMBER, bulk: { type: "boolean" } }),
  transfer: object({ amount: NUMBER }),
  withdrawal: object({ amount: NUMBER }),
  file_delete: object({}),
  api_key_create: object({}),
  user_permission_change: object({}),
  database_modification: object({}),
  email: object({ bulk: { type: "boolean" } }),
  deploy: object({ environment: { type: "string" } }),
};

const load = (schemas: Record<string, JsonObject | null>) => {
  const known = kinds(
    Object.fromEntries(Object.entries(schemas).map(([kind, params]) => [kind, { params }])),
  );
  return { text: renderStarter(new Map(Object.entries(schemas))), known };
};

describe("the thresholds and risk factors of the Markdown approval workflow", () => {
  const { text, known } = load(WORKFLOW);
  const policy = policyOf(text, known);

  test.each([
    ["a payment of 499", "payment", { amount: 499 }, "allow", ["Medium value payment"]],
    ["a payment of 50", "payment", { amount: 50 }, "allow", []],
    ["a payment of 500", "payment", { amount: 500 }, "require_approval", ["Medium value payment"]],
    [
      "a transfer of 1500",
      "transfer",
      { amount: 1_500 },
      "require_approval",
      ["High value payment", "Medium value payment"],
    ],
    ["a withdrawal of 600", "withdrawal", { amount: 600 }, "require_approval", ["Medium value payment"]],
    [
      "a small payment in bulk",
      "payment",
      { amount: 5, bulk: true },
      "require_approval",
      ["Many items at once"],
    ],
    [
      "a small payment in production",
      "payment",
      { amount: 5, environment: "production" },
      "require_approval",
      ["Production environment"],
    ],
    ["a payment without an amount", "payment", {}, "require_approval", expect.any(Array)],
    ["a payment of less than nothing", "payment", { amount: -900 }, "require_approval", []],
    ["a deletion", "file_delete", {}, "require_approval", ["Deletes something; data may be lost"]],
    ["a new key", "api_key_create", {}, "require_approval", []],
    ["a change of permissions", "user_permission_change", {}, "require_approval", []],
    ["a change of the database", "database_modification", {}, "require_approval", []],
    [
      "a deployment to production",
      "deploy",
      { environment: "production" },
      "require_approval",
      ["Production environment"],
    ],
    ["anything else", "email", {}, "require_approval", []],
  ])("%s", (_, kind, params, verdict, factors) => {
    const found = judge(policy, subject({ kind, params: params as JsonObject }));
    expect(found).toMatchObject({ verdict, risk: { factors } });
  });
});

describe("the starter policy is valid", () => {
  test("for whatever actions there are", () => {
    const some = fc.subarray(Object.entries(WORKFLOW));
    const others = fc.subarray<[string, JsonObject | null]>([
      ["note", object({ text: { type: "string" } }, { additionalProperties: false })],
      ["payment", object({ amount_cents: { type: "integer" } }, { additionalProperties: false })],
      ["undescribed", null],
    ]);
    fc.assert(
      fc.property(some, others, (one, two) => {
        const { text, known } = load(Object.fromEntries([...one, ...two]));
        expect(loadTexts({ "policy.yaml": text }, known).findings).toEqual([]);
      }),
    );
  });

  test("without a configuration", () => {
    expect(loadTexts({ "policy.yaml": renderStarter(null) }, UNKNOWN).findings).toEqual([]);
  });

  test("in cents too", () => {
    const { text, known } = load({ payment: object({ amount_cents: { type: "integer" } }) });
    const ask = (amount_cents: number) =>
      judge(policyOf(text, known), subject({ params: { amount_cents } })).verdict;
    expect([ask(49_999), ask(50_000)]).toEqual(["allow", "require_approval"]);
  });
});
