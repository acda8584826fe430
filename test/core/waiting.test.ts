import { expect, test } from "vitest";
import { inOrderOfNeed, soonAt } from "../../src/core/waiting.ts";
import { sampleRequest, sampleSubmission, sampleVerdict } from "../sample.ts";

const requestOf = (created: string, expires: string, rest: object = {}, suffix = "aaaaaa") => {
  const id = `${created.slice(0, 19).replaceAll(/[-:]/g, "").replace("T", "-")}-payment-${suffix}`;
  return sampleRequest(["submitted"], sampleSubmission({ id, created, expires }, rest));
};

test.each([
  ["a day", "2026-11-22T09:00:00Z", "2026-11-22T08:00:00Z"],
  ["two hours", "2026-11-21T11:00:00Z", "2026-11-21T10:30:00Z"],
  ["half an hour", "2026-11-21T09:30:00Z", "2026-11-21T09:22:30Z"],
])("a request with %s to live is nearly over in its last quarter, or its last hour", (_, expires, soon) => {
  expect(soonAt(requestOf("2026-11-21T09:00:00Z", expires))).toBe(Date.parse(soon));
});

test("what is nearly over comes first, then the riskiest, then the oldest", () => {
  const day = "2026-11-22T09:00:00Z";
  const [late, risky, old, young] = [
    requestOf("2026-11-21T09:00:03Z", "2026-11-21T09:30:00Z", {
      verdict: sampleVerdict("require_approval", { risk: "low" }),
    }),
    requestOf("2026-11-21T09:00:02Z", day, {
      verdict: sampleVerdict("require_approval", { risk: "critical" }),
    }),
    requestOf("2026-11-21T09:00:00Z", day),
    requestOf("2026-11-21T09:00:01Z", day),
  ];
  const sorted = inOrderOfNeed([old, young, risky, late], (request) => request === late);
  expect(sorted).toEqual([late, risky, old, young]);
});
